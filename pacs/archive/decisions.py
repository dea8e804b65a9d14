"""Writes down what people decide, then lets it take effect: `reindex` rests on that order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from pacs.archive.records import ObjectsBack
from pacs.audit import Action, Auditor
from pacs.errors import NotFound, RequestInvalid
from pacs.ledger import (
    Body,
    Correct,
    Decided,
    Decision,
    DecisionIndex,
    Delete,
    Hold,
    Keep,
    Material,
    Merge,
    ObjectPlace,
    Replace,
    Split,
    Undo,
    decode_decision,
    encode_decision,
)
from pacs.scope import Scope
from pacs.storage.interfaces import InstanceRecord, ObjectStore
from pacs.storage.object_keys import LEDGER_PREFIX, ledger_key

_UNDOABLE = (Delete, Keep, Replace, Split, Correct, Merge, Hold)
_A_MOMENT = timedelta(microseconds=1)
_LONGEST_REASON = 2000


class SplitOff(Protocol):
    """Writes the object of an instance that a decision splits off, unless it is there."""

    def __call__(self, split: Split) -> None: ...


class Decisions:
    """The pen of the ledger. Safe to call from several threads.

    store  where the ledger is; it must be the store in which objects stay.
    """

    def __init__(
        self,
        *,
        store: ObjectStore,
        index: DecisionIndex,
        objects: ObjectsBack,
        split_off: SplitOff,
        auditor: Auditor,
        now: Callable[[], datetime],
        new_uuid: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._index = index
        self._objects = objects
        self._split_off = split_off
        self._auditor = auditor
        self._now = now
        self._new_uuid = new_uuid
        self._writing = threading.Lock()

    def decide(
        self,
        body: Body,
        scope: Scope,
        *,
        reason: str,
        study_instance_uid: str | None = None,
        places: dict[str, ObjectPlace] | None = None,
    ) -> Decision:
        """Write the decision and let it take effect; both are durable when this returns.

        When the second fails after the first, the decision stands written and takes effect with the
        next repair. Raises RequestInvalid, TryAgain.
        """
        if len(reason) > _LONGEST_REASON:
            raise RequestInvalid(f"a reason has at most {_LONGEST_REASON} characters")
        with self._writing:
            identity = self._new_uuid()
            at = self._moment()
            decision = Decision(
                decision_id=str(identity),
                at=at,
                actor=scope.actor,
                reason=reason,
                body=body,
                study_instance_uid=study_instance_uid,
            )
            # What cannot be read now must not become a decision that never takes effect.
            records = {} if isinstance(body, Split) else self._records(decision)
            written = encode_decision(decision)
            self._store.put(ledger_key(at, identity), (written,), size_bytes=len(written))
            if isinstance(body, Split):
                records = self._records(decision)
            self._index.decide(decision, Material(records, places or {}))
        self._auditor.record(
            scope,
            Action.DELETE if isinstance(body, Delete) else Action.CHANGE,
            study_instance_uid=study_instance_uid,
            details={"decision": decision.decision_id, "kind": decision.kind},
        )
        return decision

    def undo(self, decision_id: str, scope: Scope, *, reason: str = "") -> Decision:
        """Take a decision back. Raises NotFound; RequestInvalid when that cannot be done."""
        found = self.find(decision_id)
        if not isinstance(found.decision.body, _UNDOABLE):
            raise RequestInvalid(f"a decision of kind '{found.decision.kind}' cannot be undone")
        if found.undone_by is not None:
            raise RequestInvalid(f"decision {decision_id} was undone before")
        return self.decide(
            Undo(decision_id),
            scope,
            reason=reason,
            study_instance_uid=found.decision.study_instance_uid,
        )

    def find(self, decision_id: str) -> Decided:
        found = self._index.decision(decision_id)
        if found is None:
            raise NotFound(f"there is no decision {decision_id}")
        return found

    def all(
        self, kinds: Sequence[str] = (), *, study_instance_uid: str | None = None
    ) -> Sequence[Decided]:
        """Oldest first."""
        return self._index.decisions(kinds=kinds, study_instance_uid=study_instance_uid)

    def written(self) -> Iterator[Decision]:
        """All decisions of the ledger, oldest first. Raises ObjectDamaged, StoreUnavailable."""
        keys = [entry.key for entry in self._store.entries(LEDGER_PREFIX)]
        read = [decode_decision(b"".join(self._store.read(key)), key) for key in keys]
        yield from sorted(read, key=lambda one: (one.at, one.decision_id))

    def not_in_effect(self) -> list[Decision]:
        """Decisions that were written but never took effect, as after a crash in between."""
        known = {one.decision.decision_id for one in self._index.decisions()}
        return [one for one in self.written() if one.decision_id not in known]

    def take_effect(self, decision: Decision) -> bool:
        """Let a written decision take effect; False when it had before."""
        return self._index.decide(decision, Material(self._records(decision)))

    def repeat(self, decision: Decision, places: dict[str, ObjectPlace]) -> None:
        """The same where the index is made again.

        places  where the objects are that it brought in or took out, as far as they still are.
        """
        if isinstance(decision.body, Split):
            # The conflict it was made of may be gone for good, or what it made.
            split = {key: self._objects.read(place.store, key) for key, place in places.items()}
            records = {key: found.record for key, found in split.items()}
        else:
            records = self._records(decision)
        self._index.decide(decision, Material(records, places))

    def _records(self, decision: Decision) -> dict[str, InstanceRecord]:
        """What the index must know of the objects that a decision brings in."""
        body = decision.body
        if isinstance(body, Replace):
            conflict = self._index.conflict(body.conflict_key)
        elif isinstance(body, Undo):
            conflict = self._index.conflict_resolved_by(body.decision_id)
        elif isinstance(body, Split):
            if self._index.conflict(body.conflict_key) is None:
                return {}
            self._split_off(body)
            return {body.key: self._objects.read(self._store.name, body.key).record}
        else:
            return {}
        if conflict is None:
            return {}
        stored = conflict.newcomer
        return {stored.key: self._objects.read(stored.store, stored.key).record}

    def _moment(self) -> datetime:
        """Now, or a moment after the newest decision where the clock stands or went back."""
        newest = self._index.newest_decision_at()
        now = self._now()
        return now if newest is None or now > newest else newest + _A_MOMENT
