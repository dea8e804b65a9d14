"""Makes the index again, from the objects and the ledger alone, in an empty database."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pacs.archive.decisions import Decisions
from pacs.archive.records import ObjectsBack, Origin
from pacs.errors import ObjectDamaged, RequestInvalid
from pacs.findings import RebuildIndex
from pacs.ledger import Decision, Empty, ObjectPlace, SetAside, Split
from pacs.scope import Right, Scope
from pacs.storage.interfaces import InstanceIndex, InstanceRecord, ObjectStore
from pacs.storage.object_keys import INSTANCE_PREFIX

_AT_ONCE = 200


@dataclass(frozen=True)
class Rebuilt:
    """One step. trouble  a sentence about an object that could not be used."""

    done: int
    total: int
    trouble: str | None = None


@dataclass(frozen=True)
class _Found:
    """An object and what its head tells; these are held for all objects of the archive at once."""

    key: str
    place: ObjectPlace
    origin: Origin


class Reindexing:
    """Reads every object once."""

    def __init__(
        self,
        *,
        index: InstanceIndex,
        rebuild: RebuildIndex,
        stores: Mapping[str, ObjectStore],
        objects: ObjectsBack,
        decisions: Decisions,
        now: Callable[[], datetime],
    ) -> None:
        self._index = index
        self._rebuild = rebuild
        self._stores = stores
        self._objects = objects
        self._decisions = decisions
        self._now = now

    def run(self, scope: Scope) -> Iterator[Rebuilt]:
        """Raises NotAllowed; RequestInvalid when the index is not empty; TryAgain."""
        scope.require(Right.ADMINISTER)
        if not self._rebuild.is_empty():
            raise RequestInvalid(
                "the index holds instances; make it again in an empty database: "
                "'pacs reindex --into URL'"
            )
        decisions = list(self._decisions.written())
        places = self._places()
        unusable: list[str] = []
        found = sorted(
            self._heads(places, _not_arrivals(decisions), unusable),
            key=lambda one: (one.origin.received, one.key),
        )
        yield from (Rebuilt(0, len(found), trouble) for trouble in unusable)
        # In the order in which it all happened: a decision is about what was there before it.
        done = 0
        for decision, arrived in _between(decisions, found):
            for step in self._take_in(arrived):
                yield Rebuilt(done + step.done, len(found), step.trouble)
            done += len(arrived)
            if decision is not None:
                concerned = _concerned(decision)
                self._decisions.repeat(
                    decision, {key: places[key] for key in concerned if key in places}
                )
        self._rebuild.finish(self._now())

    def _places(self) -> dict[str, ObjectPlace]:
        """Every object once: one on its way from a spool to the store where it stays is in both."""
        places: dict[str, ObjectPlace] = {}
        for name, store in reversed(list(self._stores.items())):
            for entry in store.entries(INSTANCE_PREFIX):
                places[entry.key] = ObjectPlace(name, entry.size_bytes)
        return places

    def _heads(
        self, places: Mapping[str, ObjectPlace], left_out: set[str], unusable: list[str]
    ) -> Iterator[_Found]:
        for key, place in places.items():
            if key in left_out:
                continue
            try:
                store = self._stores[place.store]
                yield _Found(key, place, self._objects.origin(store, key, place.size_bytes))
            except ObjectDamaged as error:
                unusable.append(str(error))

    def _take_in(self, arrived: list[_Found]) -> Iterator[Rebuilt]:
        """Several firsts at once, a second on its own: it needs to know its first."""
        done = 0
        for set_aside, group in itertools.groupby(arrived, lambda one: one.origin.set_aside):
            while page := list(itertools.islice(group, 1 if set_aside else _AT_ONCE)):
                records, troubles = self._read(page)
                seconds = records if set_aside else self._rebuild.add_many(records)
                for record in seconds:
                    self._add_second(record)
                done += len(page)
                yield Rebuilt(done, 0)
                yield from (Rebuilt(done, 0, trouble) for trouble in troubles)

    def _read(self, page: list[_Found]) -> tuple[list[InstanceRecord], list[str]]:
        records, troubles = [], []
        for one in page:
            try:
                records.append(self._objects.read(one.place.store, one.key).record)
            except ObjectDamaged as error:
                troubles.append(str(error))
        return records, troubles

    def _add_second(self, record: InstanceRecord) -> None:
        """Another under a known UID: a copy stays an orphan, all else is a conflict."""
        existing = self._index.find(record.identity.sop_instance_uid)
        if existing is None:
            self._rebuild.add_many([record])
            return
        same_syntax = existing.transfer_syntax_uid == record.transfer_syntax_uid
        if same_syntax and existing.stored.data_set_sha256 == record.stored.data_set_sha256:
            return
        self._index.add_conflict(record, existing)


def _between(
    decisions: list[Decision], found: list[_Found]
) -> Iterator[tuple[Decision | None, list[_Found]]]:
    """Each decision with what arrived since the one before it; at last what came after all."""
    start = 0
    for decision in decisions:
        end = start
        while end < len(found) and found[end].origin.received <= decision.at:
            end += 1
        yield decision, found[start:end]
        start = end
    yield None, found[start:]


def _not_arrivals(decisions: list[Decision]) -> set[str]:
    """Objects that were taken out of use, and those that a decision itself brings in."""
    return {key for decision in decisions for key in _concerned(decision)}


def _concerned(decision: Decision) -> tuple[str, ...]:
    body = decision.body
    if isinstance(body, Split):
        return (body.key,)
    return body.keys if isinstance(body, Empty | SetAside) else ()
