"""The one way to be sure: whether objects, index and ledger agree, and whether bytes are whole.

A check only looks. It may run while instances arrive: what looks wrong is looked at once more
before it is said.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pacs.archive.decisions import Decisions
from pacs.errors import ObjectDamaged, ObjectMissing
from pacs.findings import Finding, FindingKind, HeldObject, IntegrityIndex, Noted
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectEntry, ObjectStore
from pacs.storage.object_keys import INSTANCE_PREFIX

ORPHAN_GRACE = timedelta(hours=1)
"""An object younger than this may belong to an instance whose row is being written."""

_AT_ONCE = 1000


@dataclass(frozen=True)
class Progress:
    """How far a check is. checked_bytes  of what was read whole."""

    checked_objects: int
    checked_bytes: int
    finding: Finding | None = None


class Integrity:
    """Compares stores, index and ledger. Safe to call from several threads.

    stores  those this process can list, by the names that rows use.
    """

    def __init__(
        self,
        *,
        index: IntegrityIndex,
        stores: Mapping[str, ObjectStore],
        reader: InstanceReader,
        decisions: Decisions,
        now: Callable[[], datetime],
        orphan_grace: timedelta = ORPHAN_GRACE,
    ) -> None:
        self._index = index
        self._stores = stores
        self._reader = reader
        self._decisions = decisions
        self._now = now
        self._orphan_grace = orphan_grace

    def check(self, scope: Scope, *, deep: bool = False) -> Iterator[Progress]:
        """Look at everything; deep: read every byte. What is found is also written down.

        What was found before and is found no more is struck out.
        Raises NotAllowed, TryAgain.
        """
        scope.require(Right.ADMINISTER)
        looked_for = set(FindingKind) - (set() if deep else {FindingKind.DAMAGED})
        before = [one.finding for one in self._index.noted() if one.finding.kind in looked_for]
        found: list[Finding] = []
        objects, size = 0, 0
        for looked in itertools.chain(self._objects(deep=deep), self._all_else()):
            objects += looked.checked_objects
            size += looked.checked_bytes
            if looked.finding is not None:
                found.append(looked.finding)
                self._index.note([looked.finding], self._now())
            yield Progress(objects, size, looked.finding)
        still = {(one.kind, one.subject) for one in found}
        self._index.settle([one for one in before if (one.kind, one.subject) not in still])

    def findings(self, scope: Scope) -> list[Noted]:
        """What was found, by checks, by the scrub and by readers, and is not mended."""
        scope.require(Right.ADMINISTER)
        return list(self._index.noted())

    # --- rows, and the objects they name ---------------------------------------------------------

    def _objects(self, *, deep: bool) -> Iterator[Progress]:
        for name, store in self._stores.items():
            for day in self._index.days(name):
                sizes = {entry.key: entry.size_bytes for entry in store.entries(day)}
                for held in self._held(name, day):
                    finding = self._look(held, sizes.get(held.stored.key))
                    if deep and finding is None:
                        finding = self.read_whole(held)
                    read = held.stored.size_bytes if deep else 0
                    yield Progress(1, read, finding)

    def _held(self, store: str, day: str) -> Iterator[HeldObject]:
        after = ""
        while page := self._index.held(store, after=after, prefix=day, limit=_AT_ONCE):
            yield from page
            after = page[-1].stored.key

    def _look(self, held: HeldObject, size_bytes: int | None) -> Finding | None:
        if size_bytes == held.stored.size_bytes:
            return None
        return self._again(held.stored.key, self._size_of)

    def read_whole(self, held: HeldObject) -> Finding | None:
        """Read every byte of an object and compare its digests."""
        if self._compare(held) is None:
            return None
        return self._again(held.stored.key, self._compare)

    def _again(self, key: str, look: Callable[[HeldObject], Finding | None]) -> Finding | None:
        """Once more, by what the row says now: it may have been moved, mended or removed."""
        held = self._index.still_held(key)
        return look(held) if held is not None else None

    def _size_of(self, held: HeldObject) -> Finding | None:
        store = self._stores.get(held.stored.store)
        if store is None:
            return None  # another node's spool: that node looks after it
        try:
            size = store.size_bytes(held.stored.key)
        except ObjectMissing:
            return _missing(held)
        if size == held.stored.size_bytes:
            return None
        return _finding(
            FindingKind.TRUNCATED, held, f"has {size} bytes, not {held.stored.size_bytes}"
        )

    def _compare(self, held: HeldObject) -> Finding | None:
        try:
            self._reader.head(held.stored)
            for _ in self._reader.data_set(held.stored):
                pass
        except ObjectMissing:
            return _missing(held)
        except ObjectDamaged:
            return _finding(FindingKind.DAMAGED, held, "is not what was stored")
        return None

    # --- objects, and the rows they should have --------------------------------------------------

    def _all_else(self) -> Iterator[Progress]:
        for finding in itertools.chain(
            self.orphans(),
            self._index.loose_rows(self._now() - timedelta(days=2)),
            self._index.wrong_counts(),
            self._not_in_effect(),
        ):
            yield Progress(0, 0, finding)

    def orphans(self) -> Iterator[Finding]:
        """Objects that no row names, past the grace time."""
        before = self._now() - self._orphan_grace
        for name, store in self._stores.items():
            old = (one for one in store.entries(INSTANCE_PREFIX) if one.modified <= before)
            for entries in _pages(old):
                yield from self._orphans(name, entries)

    def _orphans(self, store: str, entries: list[ObjectEntry]) -> Iterator[Finding]:
        known = self._index.known([entry.key for entry in entries])
        for entry in entries:
            if entry.key not in known:
                yield Finding(
                    FindingKind.ORPHAN,
                    entry.key,
                    f"no row names object {entry.key} in '{store}' ({entry.size_bytes} bytes)",
                )

    def _not_in_effect(self) -> Iterator[Finding]:
        for decision in self._decisions.not_in_effect():
            yield Finding(
                FindingKind.UNDECIDED,
                decision.decision_id,
                f"decision {decision.decision_id} ({decision.kind}) was written at "
                f"{decision.at:%Y-%m-%d %H:%M} but never took effect",
            )


def _missing(held: HeldObject) -> Finding:
    return _finding(FindingKind.MISSING, held, f"is not in the store '{held.stored.store}'")


def _finding(kind: FindingKind, held: HeldObject, what: str) -> Finding:
    sentence = f"object {held.stored.key} of instance {held.sop_instance_uid} {what}"
    return Finding(kind, held.stored.key, sentence, held.sop_instance_uid)


def _pages(entries: Iterable[ObjectEntry]) -> Iterator[list[ObjectEntry]]:
    remaining = iter(entries)
    while page := list(itertools.islice(remaining, _AT_ONCE)):
        yield page
