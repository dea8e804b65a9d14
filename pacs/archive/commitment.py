"""Takes responsibility for instances, and says so once it is true. PS3.4 Annex J.

A request becomes a job that reads every instance again; its outcome becomes a job that reports it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pacs.archive.jobs import JobKind, Jobs, RetryPolicy, Running
from pacs.dicom.commitment import CommitmentReport, CommitmentRequest, FailedReference, Reference
from pacs.dicom.statuses import CLASS_INSTANCE_CONFLICT, NO_SUCH_INSTANCE, PROCESSING_FAILURE
from pacs.errors import ObjectDamaged, ObjectMissing, PeerUnknown, TryAgain
from pacs.nodes import node_of_spool
from pacs.peers import Peer
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import InstanceIndex, PeerDirectory, StoredInstance

VERIFYING = "commitment"
REPORTING = "commitment report"
_REPORT_HERE_WITHIN = timedelta(minutes=2)


class NotYetCommitted(TryAgain):
    """Some instances are not in the store where they stay, or could not be read just now."""


class Reporter(Protocol):
    """Brings a report to the one who asked."""

    def report(self, peer: Peer, report: CommitmentReport) -> None:
        """Return when the peer took it. Raises PeerUnreachable."""
        ...


@dataclass(frozen=True)
class Judgement:
    """Which instances are safe, which are not, and of which that cannot be said yet."""

    committed: tuple[Reference, ...]
    failed: tuple[FailedReference, ...]
    undecided: tuple[Reference, ...]

    def report(self, transaction_uid: str) -> CommitmentReport:
        """What is undecided is reported as failed."""
        late = (FailedReference(one, PROCESSING_FAILURE) for one in self.undecided)
        return CommitmentReport(transaction_uid, self.committed, (*self.failed, *late))


class Commitment:
    """limit  after which what is still undecided is reported as failed."""

    def __init__(
        self,
        *,
        index: InstanceIndex,
        reader: InstanceReader,
        peers: PeerDirectory,
        jobs: Jobs,
        reporter: Reporter,
        now: Callable[[], datetime],
        limit: timedelta = timedelta(hours=24),
    ) -> None:
        self._index = index
        self._reader = reader
        self._peers = peers
        self._jobs = jobs
        self._reporter = reporter
        self._now = now
        self._limit = limit
        patient = RetryPolicy(
            first=timedelta(seconds=1),
            longest=timedelta(minutes=5),
            give_up_after=limit + timedelta(days=1),
        )
        jobs.add_kind(VERIFYING, JobKind(self._verify, patient))
        jobs.add_kind(REPORTING, JobKind(self._deliver))

    def accept(self, request: CommitmentRequest, caller: str, scope: Scope) -> Peer:
        """Take the request on, durably; returns who will be told.

        Raises NotAllowed; PeerUnknown when there is nobody we could report to.
        """
        scope.require(Right.COMMITMENT)
        peer = self._peers.peer(caller)
        if peer is None:
            raise PeerUnknown(f"no address of {caller} is known to report to; 'pacs peer add' it")
        after = _REPORT_HERE_WITHIN if peer.reports_here else timedelta(0)
        subject = _subject(caller, request.transaction_uid)
        self._jobs.enqueue(VERIFYING, subject, _written(caller, request), after=after)
        return peer

    def judge_now(self, request: CommitmentRequest) -> CommitmentReport | None:
        """The report, when all can be decided at once. Raises IndexUnavailable."""
        judged = self._judge(request.references, lambda _done: None)
        return None if judged.undecided else judged.report(request.transaction_uid)

    def reported_here(self, request: CommitmentRequest, caller: str) -> None:
        """The caller was told on its own association: nothing is left to do."""
        subject = _subject(caller, request.transaction_uid)
        self._jobs.store.cancel_waiting(VERIFYING, subject, self._now())

    def _verify(self, running: Running) -> None:
        caller, request = _read(running.payload)
        total = len(request.references)
        judged = self._judge(request.references, lambda done: running.progress(done, total))
        if judged.undecided and self._now() - running.job.created < self._limit:
            raise NotYetCommitted(
                f"{len(judged.undecided)} of {total} instances are not in their final store yet"
            )
        report = judged.report(request.transaction_uid)
        self._jobs.enqueue(REPORTING, running.job.subject, _written_report(caller, report))

    def _judge(self, references: Iterable[Reference], tell: Callable[[int], None]) -> Judgement:
        committed, failed, undecided = [], [], []
        for done, reference in enumerate(references, start=1):
            try:
                reason = self._failure(reference)
            except TryAgain:
                undecided.append(reference)
            else:
                if reason is None:
                    committed.append(reference)
                else:
                    failed.append(FailedReference(reference, reason))
            tell(done)
        return Judgement(tuple(committed), tuple(failed), tuple(undecided))

    def _failure(self, reference: Reference) -> int | None:
        """Why the instance is not safe with us, None when it is. Raises TryAgain: not known yet."""
        instance = self._index.find(reference.sop_instance_uid)
        if instance is None or instance.in_trash:
            return NO_SUCH_INSTANCE
        if instance.identity.sop_class_uid != reference.sop_class_uid:
            return CLASS_INSTANCE_CONFLICT
        if node_of_spool(instance.stored.store) is not None:
            raise NotYetCommitted("the instance waits on a node's disk")
        return None if self._is_whole(instance) else PROCESSING_FAILURE

    def _is_whole(self, instance: StoredInstance) -> bool:
        try:
            self._reader.head(instance.stored)
            deque(self._reader.data_set(instance.stored), maxlen=0)
        except (ObjectMissing, ObjectDamaged):
            return False
        return True

    def _deliver(self, running: Running) -> None:
        caller, report = _read_report(running.payload)
        peer = self._peers.peer(caller)
        if peer is None:
            raise PeerUnknown(f"{caller} was removed before it could be told; 'pacs peer add' it")
        self._reporter.report(peer, report)


def _subject(caller: str, transaction_uid: str) -> str:
    return f"{caller} {transaction_uid}"


def _written(caller: str, request: CommitmentRequest) -> dict[str, Any]:
    return {
        "caller": caller,
        "transaction_uid": request.transaction_uid,
        "references": [[one.sop_class_uid, one.sop_instance_uid] for one in request.references],
    }


def _read(payload: Mapping[str, Any]) -> tuple[str, CommitmentRequest]:
    references = tuple(Reference(*pair) for pair in payload["references"])
    return payload["caller"], CommitmentRequest(payload["transaction_uid"], references)


def _written_report(caller: str, report: CommitmentReport) -> dict[str, Any]:
    committed = CommitmentRequest(report.transaction_uid, report.committed)
    failed = [
        [one.reference.sop_class_uid, one.reference.sop_instance_uid, one.reason]
        for one in report.failed
    ]
    return {**_written(caller, committed), "failed": failed}


def _read_report(payload: Mapping[str, Any]) -> tuple[str, CommitmentReport]:
    caller, committed = _read(payload)
    failed = tuple(
        FailedReference(Reference(sop_class, sop_instance), reason)
        for sop_class, sop_instance, reason in payload["failed"]
    )
    return caller, CommitmentReport(committed.transaction_uid, committed.references, failed)
