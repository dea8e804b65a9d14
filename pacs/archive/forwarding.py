"""Sends studies on to other Application Entities: by rules, or because a person wants it.

One job for each study and peer. What a peer acknowledged is remembered instance by instance, so a
job that is repeated, after a failure or a restart, goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from fnmatch import fnmatchcase
from functools import partial
from typing import Protocol

from pacs.archive.jobs import JobKind, Jobs, Running
from pacs.destinations import Delivered, Delivery, Destinations, Outgoing
from pacs.dicom.hierarchy import Level, attributes_of
from pacs.dicom.matching import AnyOf, Criterion, Query
from pacs.errors import NotAcceptable, NotFound, PeerUnknown, PeerUnreachable
from pacs.forwarding import ForwardingStore, Rule, Sent
from pacs.peers import Peer
from pacs.scope import Right, Scope, system_scope
from pacs.storage.interfaces import (
    InstanceIndex,
    PeerDirectory,
    QueryIndex,
    Selection,
    StoredInstance,
    Value,
)

FORWARDING = "forward"
SENDING = "send"
_SETTLE = timedelta(seconds=5)
"""How long a job waits after the first instance that fits, as more of the study will follow."""

_STUDY = next(one for one in attributes_of(Level.STUDY) if one.keyword == "StudyInstanceUID")
_CHANGES_AT_ONCE = 500
_NOTE_AT_LEAST_EVERY = 20
_NOTE_AT_LEAST_EVERY_S = 0.5
_OUT_OF_RESOURCES = 0xA7


class InstanceSource(Protocol):
    """The way out for whole instances."""

    def instances(self, selection: Selection, scope: Scope) -> list[StoredInstance]: ...

    def data_set_chunks_as(
        self, instance: StoredInstance, transfer_syntax_uid: str
    ) -> Iterator[bytes]: ...


class Forwarding:
    """Safe to call from several threads and nodes."""

    def __init__(
        self,
        *,
        store: ForwardingStore,
        index: InstanceIndex,
        query: QueryIndex,
        source: InstanceSource,
        peers: PeerDirectory,
        destinations: Destinations,
        jobs: Jobs,
        timezone: tzinfo,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._index = index
        self._query = query
        self._source = source
        self._peers = peers
        self._destinations = destinations
        self._jobs = jobs
        self._timezone = timezone
        self._now = now
        jobs.add_kind(FORWARDING, JobKind(self._forward, is_long=True))
        jobs.add_kind(SENDING, JobKind(self._send_asked, is_long=True))

    def rules(self, scope: Scope) -> Sequence[Rule]:
        scope.require(Right.ADMINISTER)
        return self._store.rules()

    def put_rule(self, rule: Rule, scope: Scope) -> None:
        """Add or replace. Raises PeerUnknown, NotAllowed."""
        scope.require(Right.ADMINISTER)
        self._peer(rule.ae_title)
        self._store.put_rule(rule)

    def remove_rule(self, name: str, scope: Scope) -> None:
        """Raises NotFound, NotAllowed."""
        scope.require(Right.ADMINISTER)
        if not self._store.remove_rule(name):
            raise NotFound(f"no forwarding rule is called '{name}'; see 'pacs forward list'")

    def send(
        self,
        study_instance_uid: str,
        ae_title: str,
        scope: Scope,
        *,
        series_instance_uids: Sequence[str] = (),
    ) -> str:
        """Let a study, or some of its series, be sent to a peer; the subject of the job.

        Raises PeerUnknown, NotFound, NotAllowed.
        """
        scope.require(Right.MOVE)
        self._peer(ae_title)
        selection = Selection((study_instance_uid,), tuple(series_instance_uids))
        if not self._index.series_states(selection):
            raise NotFound(f"no study {study_instance_uid} is here, or nothing of it is")
        # Another choice of series is another job.
        parts = " ".join((study_instance_uid, *series_instance_uids))
        payload = {
            "study": study_instance_uid,
            "series": list(series_instance_uids),
            "peer": ae_title,
            "by": scope.actor,
        }
        subject = f"{parts} > {ae_title}"
        self._jobs.enqueue(SENDING, subject, payload)
        return subject

    def follow(self) -> bool:
        """Look at what changed since last time; whether there was something."""
        rules = [rule for rule in self._store.rules() if rule.enabled]
        position = self._store.position()
        if position is None:
            # What came before there was forwarding is sent by hand.
            self._store.move_position(self._query.change_cursor())
            return False
        changes = self._query.changes(position, limit=_CHANGES_AT_ONCE)
        if not changes:
            return False
        if rules:
            for study in dict.fromkeys(change.study_instance_uid for change in changes):
                self._enqueue_what_fits(study, rules)
        self._store.move_position(changes[-1].cursor)
        return True

    def _enqueue_what_fits(self, study: str, rules: Sequence[Rule]) -> None:
        for ae_title in dict.fromkeys(rule.ae_title for rule in rules):
            found = self._index.instances(Selection((study,)))
            fitting = self._fitting(list(found), ae_title, rules)
            if _unsent(fitting, self._sent(ae_title, fitting), _is_sent):
                payload = {"study": study, "peer": ae_title}
                self._jobs.enqueue(FORWARDING, f"{study} > {ae_title}", payload, after=_SETTLE)

    def _forward(self, running: Running) -> None:
        study, ae_title = running.payload["study"], running.payload["peer"]
        rules = [rule for rule in self._store.rules() if rule.enabled]
        found = self._source.instances(Selection((study,)), system_scope("forwarding"))
        fitting = self._fitting(found, ae_title, rules)
        self._send(running, self._peer(ae_title), fitting, _is_sent)

    def _send_asked(self, running: Running) -> None:
        payload = running.payload
        selection = Selection((payload["study"],), tuple(payload["series"]))
        found = self._source.instances(selection, system_scope(payload["by"]))

        def is_sent(sent: Sent | None, _: StoredInstance) -> bool:
            return sent is not None and sent.at >= running.job.created

        self._send(running, self._peer(payload["peer"]), found, is_sent)

    def _fitting(
        self, found: Sequence[StoredInstance], ae_title: str, rules: Sequence[Rule]
    ) -> list[StoredInstance]:
        """The instances of a study that a rule sends to this peer."""
        of_peer = [rule for rule in rules if rule.ae_title == ae_title]
        if not of_peer or not found:
            return []
        series = self._series(found[0].identity.study_instance_uid)
        return [
            instance
            for instance in found
            # Who sent it has it: two archives that forward to each other must not play ball.
            if instance.sender.actor != ae_title
            and any(
                self._fits(rule, instance, series.get(instance.identity.series_instance_uid, {}))
                for rule in of_peer
            )
        ]

    def _series(self, study: str) -> dict[str, Mapping[str, Value]]:
        """What is known of the series of a study, by Series Instance UID."""
        query = Query(Level.SERIES, criteria=(Criterion(_STUDY, AnyOf((study,))),))
        page = self._query.search(query, system_scope("forwarding"))
        return {str(match.values["SeriesInstanceUID"]): match.values for match in page.matches}

    def _fits(self, rule: Rule, instance: StoredInstance, series: Mapping[str, Value]) -> bool:
        wanted = rule.conditions
        caller = instance.sender.actor if instance.sender.how == "C-STORE" else ""
        clock = instance.received.astimezone(self._timezone).time()
        return (
            instance.received >= rule.created
            and _is_like(caller, wanted.calling_ae_titles)
            and _is_like(series.get("Modality"), wanted.modalities)
            and _is_like(series.get("StationName"), wanted.station_names)
            and _is_like(series.get("InstitutionName"), wanted.institution_names)
            and (wanted.received is None or wanted.received.holds(clock))
        )

    def _send(
        self,
        running: Running,
        peer: Peer,
        found: Sequence[StoredInstance],
        is_sent: Callable[[Sent | None, StoredInstance], bool],
    ) -> None:
        """Send what is not sent yet. Raises PeerUnreachable: later; NotAcceptable: never."""
        waiting = _unsent(found, self._sent(peer.ae_title, found), is_sent)
        done = len(found) - len(waiting)
        running.progress(done, len(found))
        if not waiting:
            return
        failed: list[Delivered] = []
        acknowledged = _Acknowledged(self._store, peer.ae_title, self._now)
        outgoing = [_outgoing(self._source, instance) for instance in waiting]
        results = _closable(self._destinations.send(peer, outgoing))
        try:
            for instance, result in zip(waiting, results, strict=True):
                if result.delivery is Delivery.FAILED:
                    failed.append(result)
                else:
                    done += 1
                    acknowledged.add(instance)
                running.progress(done, len(found))
        finally:
            results.close()  # ends the sending also when the work is interrupted
            acknowledged.note()
        if failed:
            raise _trouble(failed, len(found), peer)

    def _sent(self, ae_title: str, found: Sequence[StoredInstance]) -> Mapping[str, Sent]:
        return self._store.sent(ae_title, (one.identity.sop_instance_uid for one in found))

    def _peer(self, ae_title: str) -> Peer:
        peer = self._peers.peer(ae_title)
        if peer is None:
            raise PeerUnknown(f"no peer has the title {ae_title}; see 'pacs peer list'")
        return peer


class _Acknowledged:
    """Notes what the peer took, some at a time but never long after."""

    def __init__(self, store: ForwardingStore, ae_title: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._ae_title = ae_title
        self._now = now
        self._digests: dict[str, str] = {}
        self._noted = time.monotonic()

    def add(self, instance: StoredInstance) -> None:
        self._digests[instance.identity.sop_instance_uid] = instance.stored.data_set_sha256
        is_late = time.monotonic() - self._noted >= _NOTE_AT_LEAST_EVERY_S
        if is_late or len(self._digests) >= _NOTE_AT_LEAST_EVERY:
            self.note()

    def note(self) -> None:
        digests, self._digests = self._digests, {}
        self._store.note_sent(self._ae_title, digests, self._now())
        self._noted = time.monotonic()


def _unsent(
    found: Sequence[StoredInstance],
    sent: Mapping[str, Sent],
    is_sent: Callable[[Sent | None, StoredInstance], bool],
) -> list[StoredInstance]:
    return [one for one in found if not is_sent(sent.get(one.identity.sop_instance_uid), one)]


def _is_sent(sent: Sent | None, instance: StoredInstance) -> bool:
    return sent is not None and sent.data_set_sha256 == instance.stored.data_set_sha256


def _is_like(value: Value, patterns: Sequence[str]) -> bool:
    if not patterns:
        return True
    text = str(value or "").casefold()
    return any(fnmatchcase(text, pattern.casefold()) for pattern in patterns)


def _outgoing(source: InstanceSource, instance: StoredInstance) -> Outgoing:
    return Outgoing(
        sop_class_uid=instance.identity.sop_class_uid,
        sop_instance_uid=instance.identity.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        data_set=partial(source.data_set_chunks_as, instance),
    )


def _closable(results: Iterator[Delivered]) -> Generator[Delivered, None, None]:
    yield from results


def _trouble(failed: Sequence[Delivered], total: int, peer: Peer) -> Exception:
    """What to say of instances that were not taken, and whether trying again makes sense."""
    passing = [one for one in failed if one.status is None or one.status >> 8 == _OUT_OF_RESOURCES]
    first = (passing or failed)[0]
    what = f"{peer.ae_title} did not take {len(failed)} of {total} instances: {first.message}"
    return PeerUnreachable(what) if passing else NotAcceptable(what)
