"""Mends what a check found and can be mended, and sets the rest aside; nothing is thrown away that
is not held twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from pacs.archive.decisions import Decisions
from pacs.archive.records import ObjectsBack, ReadBack, head_of
from pacs.errors import ObjectDamaged, ObjectMissing
from pacs.findings import Finding, FindingKind, IntegrityIndex
from pacs.ledger import ObjectPlace, SetAside
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import (
    AddResult,
    InstanceIndex,
    ObjectStore,
    StoredBytes,
    StoredInstance,
)
from pacs.storage.object_keys import instance_key


@dataclass(frozen=True)
class Repaired:
    """What became of a finding. mended  whether it is no more."""

    finding: Finding
    done: str
    mended: bool


class Repair:
    """Works through the findings that a check has just written down."""

    def __init__(
        self,
        *,
        index: InstanceIndex,
        integrity_index: IntegrityIndex,
        stores: Mapping[str, ObjectStore],
        reader: InstanceReader,
        objects: ObjectsBack,
        decisions: Decisions,
        set_aside: Callable[[StoredBytes], None],
        now: Callable[[], datetime],
        new_uuid: Callable[[], UUID],
    ) -> None:
        self._index = index
        self._integrity_index = integrity_index
        self._stores = stores
        self._reader = reader
        self._objects = objects
        self._decisions = decisions
        self._set_aside = set_aside
        self._now = now
        self._new_uuid = new_uuid
        self._ways = {
            FindingKind.WRONG_COUNTS: self._count_again,
            FindingKind.ORPHAN: self._find_a_place,
            FindingKind.LOOSE_ROW: self._drop_row,
            FindingKind.UNDECIDED: self._take_effect,
            FindingKind.MISSING: self._look_again,
            FindingKind.TRUNCATED: self._look_again,
            FindingKind.DAMAGED: self._look_again,
        }

    def plan(self, scope: Scope) -> Iterator[Repaired]:
        """What `run` would try, without doing it."""
        scope.require(Right.ADMINISTER)
        for noted in self._integrity_index.noted():
            yield Repaired(noted.finding, _INTENTIONS[noted.finding.kind], mended=False)

    def run(self, scope: Scope) -> Iterator[Repaired]:
        """Mend what can be mended. Raises NotAllowed, TryAgain; running again goes on."""
        scope.require(Right.ADMINISTER)
        noted = [one.finding for one in self._integrity_index.noted()]
        # Orphans first: one of them may be the good copy of something damaged.
        for finding in sorted(noted, key=lambda one: one.kind is not FindingKind.ORPHAN):
            repaired = self._ways[finding.kind](finding, scope)
            if repaired.mended:
                self._integrity_index.settle([finding])
            yield repaired

    def _count_again(self, finding: Finding, _scope: Scope) -> Repaired:
        self._integrity_index.count_again([finding.subject])
        return Repaired(finding, "counted again", mended=True)

    def _drop_row(self, finding: Finding, _scope: Scope) -> Repaired:
        self._integrity_index.drop_loose_row(finding.subject)
        return Repaired(finding, "the row is dropped; an object, if any, is an orphan", mended=True)

    def _take_effect(self, finding: Finding, _scope: Scope) -> Repaired:
        for decision in self._decisions.not_in_effect():
            if decision.decision_id == finding.subject:
                self._decisions.take_effect(decision)
        return Repaired(finding, "the decision is in effect now", mended=True)

    # --- orphans ---------------------------------------------------------------------------------

    def _find_a_place(self, finding: Finding, scope: Scope) -> Repaired:
        key = finding.subject
        if self._integrity_index.known([key]):
            return Repaired(finding, "it has a row by now", mended=True)
        place = self._place(key)
        if place is None:
            return Repaired(finding, "the object is gone", mended=True)
        try:
            found = self._objects.read(place.store, key)
        except ObjectDamaged as error:
            self._decisions.decide(SetAside((key,)), scope, reason=str(error), places={key: place})
            return Repaired(finding, f"set aside: {error}", mended=True)
        return self._adopt(finding, found)

    def _place(self, key: str) -> ObjectPlace | None:
        for name, store in self._stores.items():
            try:
                return ObjectPlace(name, store.size_bytes(key))
            except ObjectMissing:
                continue
        return None

    def _adopt(self, finding: Finding, found: ReadBack) -> Repaired:
        """A whole instance that nobody knows: it becomes one, or a second copy, or a conflict."""
        record = found.record
        existing = self._index.find(record.identity.sop_instance_uid)
        if existing is None:
            added = self._index.add(record)
            if added.result is AddResult.ADDED:
                return Repaired(finding, "taken in", mended=True)
            existing = added.existing
        if existing is None:
            return Repaired(finding, "the instance changed meanwhile; run again", mended=False)
        same_syntax = existing.transfer_syntax_uid == record.transfer_syntax_uid
        if same_syntax and existing.stored.data_set_sha256 == record.stored.data_set_sha256:
            return self._second_copy(finding, found, existing)
        return self._keep_as_conflict(finding, found, existing)

    def _keep_as_conflict(
        self, finding: Finding, found: ReadBack, existing: StoredInstance
    ) -> Repaired:
        """Under a head that says so, or making the index again could take it for the first."""
        record, former = found.record, found.record.stored
        uid, syntax = record.identity.sop_instance_uid, record.transfer_syntax_uid
        if not self._index.has_conflict(uid, syntax, former.data_set_sha256):
            head = head_of(record.identity, syntax, replace(found.origin, set_aside=True))
            stored = replace(
                former,
                key=instance_key(self._now(), self._new_uuid()),
                head_size=len(head),
                head_sha256=hashlib.sha256(head).hexdigest(),
            )
            store = self._stores[former.store]
            data_set = store.read(former.key, offset=former.head_size)
            store.put(stored.key, chain([head], data_set), size_bytes=stored.size_bytes)
            self._index.add_conflict(replace(record, stored=stored), existing)
        self._forget_copy(finding, found)
        return Repaired(finding, "other content under a known UID: a conflict", mended=True)

    def _second_copy(self, finding: Finding, found: ReadBack, existing: StoredInstance) -> Repaired:
        if self._is_whole(existing):
            return self._forget_copy(finding, found)
        if self._integrity_index.replace_object(existing, found.record.stored):
            self._set_aside(existing.stored)
        return Repaired(finding, "took the place of the damaged object", mended=True)

    def _forget_copy(self, finding: Finding, found: ReadBack) -> Repaired:
        """What is held elsewhere, and was just read there, is not needed twice."""
        stored = found.record.stored
        if not self._integrity_index.known([stored.key]):
            self._stores[stored.store].delete(stored.key)
        return Repaired(finding, "a second copy of what is held; removed", mended=True)

    def _is_whole(self, instance: StoredInstance) -> bool:
        try:
            for _ in self._reader.data_set(instance.stored):
                pass
        except (ObjectMissing, ObjectDamaged):
            return False
        return True

    # --- damage ----------------------------------------------------------------------------------

    def _look_again(self, finding: Finding, _scope: Scope) -> Repaired:
        held = self._integrity_index.still_held(finding.subject)
        if held is None:
            return Repaired(finding, "no row names it any more", mended=True)
        try:
            self._reader.head(held.stored)
            for _ in self._reader.data_set(held.stored):
                pass
        except (ObjectMissing, ObjectDamaged):
            return Repaired(
                finding,
                f"no good copy is here: send instance {finding.sop_instance_uid} again, or bring "
                f"object {finding.subject} back from the backup",
                mended=False,
            )
        return Repaired(finding, "it is whole", mended=True)


_INTENTIONS = {
    FindingKind.WRONG_COUNTS: "count again",
    FindingKind.ORPHAN: "take in, use as a copy, or set aside",
    FindingKind.LOOSE_ROW: "drop the row",
    FindingKind.UNDECIDED: "let the decision take effect",
    FindingKind.MISSING: "look for a good copy",
    FindingKind.TRUNCATED: "look for a good copy",
    FindingKind.DAMAGED: "look for a good copy",
}
