"""Copies an archive into a folder while it goes on working.

The index comes first, as it was at one moment; the objects that it names come after it. They are
never changed and seldom deleted, so all that the copied index names is still there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pacs import __version__
from pacs.archive.backup_folder import NewRun, new_run
from pacs.audit import Action, Auditor
from pacs.backups import IndexDump, KeptObject, Part, checked
from pacs.errors import NodeUnavailable, ObjectDamaged, ObjectMissing, StoreUnavailable
from pacs.nodes import node_of_spool
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import FindStore, Locate
from pacs.storage.interfaces import ObjectStore
from pacs.storage.object_keys import LEDGER_PREFIX

COPY, REFERENCE = "copy", "reference"
REMOVED = "removed"
"""What became of an object that was deleted while the backup was made."""

OBJECTS = "objects-listed"
_NAMED = "objects-named"


@dataclass(frozen=True)
class BackupPlan:
    """What is wanted. settings  without secrets. kept_elsewhere  sentences about the secrets."""

    to: Path
    objects: ObjectStore
    copies: bool
    keep: int
    settings: Mapping[str, Any]
    kept_elsewhere: Sequence[str]


@dataclass(frozen=True)
class BackedUp:
    """One object done. trouble  a sentence about one that is not in the backup and should be."""

    done: int
    total: int
    trouble: str | None = None


class Backup:
    """Reads index and stores; writes nothing but the backup.

    final   where objects stay, and the ledger is.
    find    the stores by the names that rows use; locate  where a row says an object is by now.
    """

    def __init__(
        self,
        *,
        index: IndexDump,
        final: ObjectStore,
        find: FindStore,
        locate: Locate,
        auditor: Auditor,
        now: Callable[[], datetime],
    ) -> None:
        self._index = index
        self._final = final
        self._find = find
        self._locate = locate
        self._auditor = auditor
        self._now = now

    def run(self, plan: BackupPlan, scope: Scope) -> Iterator[BackedUp]:
        """Raises NotAllowed, RequestInvalid; TryAgain: what was copied needs no second copy."""
        scope.require(Right.ADMINISTER)
        self._auditor.record(scope, Action.EXPORT, details={"what": "backup"})
        began = self._now()
        with new_run(plan.to, began, keep=plan.keep) as run:
            # A decision that is written but not in effect yet belongs to the backup, too.
            ledger = {entry.key for entry in self._final.entries(LEDGER_PREFIX)}
            with self._index.look() as look:
                tables = {name: run.lines(name, look.rows(name)) for name in look.tables}
                facts = {"revision": look.revision, "counters": look.counters(), "rows": tables}
                named = run.lines(_NAMED, (asdict(one) for one in look.objects()))
                ledger.update(look.ledger_keys())
            run.json("settings", plan.settings)
            run.json("secrets", plan.kept_elsewhere)
            outcome: Counter[str] = Counter()
            yield from self._objects(run, plan, ledger, named, outcome)
            run.drop(_NAMED)
            run.finish(
                {
                    "program": __version__,
                    "began": began.isoformat(),
                    "ended": self._now().isoformat(),
                    "objects": COPY if plan.copies else REFERENCE,
                    "outcome": outcome,
                    **facts,
                }
            )

    def _objects(
        self,
        run: NewRun,
        plan: BackupPlan,
        ledger: set[str],
        named: int,
        outcome: Counter[str],
    ) -> Iterator[BackedUp]:
        total = named + len(ledger)
        with run.writer(OBJECTS) as write:
            wanted = (_kept(row) for row in run.read(_NAMED))
            both = (self._listed(plan, one) for one in wanted)
            keys = self._ledger_keys(ledger, outcome)
            decided = (self._listed_decision(plan, key) for key in keys)
            for done, line in enumerate(_chain(both, decided), start=1):
                write(line)
                fate = line["fate"]
                outcome[fate] += 1
                is_trouble = fate not in (COPY, REFERENCE, REMOVED)
                yield BackedUp(done, total, line["why"] if is_trouble else None)

    def _ledger_keys(self, ledger: set[str], outcome: Counter[str]) -> Iterator[str]:
        """Of what was removed meanwhile the removal is kept as well: `pacs repair` repeats it."""
        if outcome[REMOVED]:
            ledger.update(entry.key for entry in self._final.entries(LEDGER_PREFIX))
        yield from sorted(ledger)

    def _listed(self, plan: BackupPlan, one: KeptObject) -> dict[str, Any]:
        """What the listing says of an object, after copying it where that is wanted."""
        try:
            if not plan.copies and node_of_spool(one.store) is None:
                return _line(one if one.parts else self._measured(one), REFERENCE)
            return _line(self._copy(plan.objects, one), COPY)
        except ObjectMissing as error:
            gone = self._locate(one.key) is None
            return _line(one, REMOVED if gone else "missing", str(error))
        except ObjectDamaged as error:
            return _line(one, "damaged", str(error))
        except NodeUnavailable as error:
            return _line(one, "away", str(error))

    def _listed_decision(self, plan: BackupPlan, key: str) -> dict[str, Any]:
        one = KeptObject(key, self._final.name, 0, ())
        try:
            return _line(self._copy(plan.objects, one), COPY)
        except ObjectMissing as error:
            return _line(one, "missing", str(error))

    def _copy(self, objects: ObjectStore, one: KeptObject) -> KeptObject:
        """Copy it unless it is there. What the index has no digest of is read each time."""
        known = one if one.parts else self._measured(one)
        if _has(objects, known, deep=not one.parts):
            return known
        pieces = checked(known.key, self._pieces(known), known.parts)
        objects.put(known.key, pieces, size_bytes=known.size_bytes)
        return known

    def _measured(self, one: KeptObject) -> KeptObject:
        digest, size = hashlib.sha256(), 0
        for piece in self._pieces(one):
            digest.update(piece)
            size += len(piece)
        return KeptObject(one.key, one.store, size, (Part(size, digest.hexdigest()),))

    def _pieces(self, one: KeptObject) -> Iterator[bytes]:
        """An object may move to another store after its row was read."""
        try:
            return self._read(one.store, one.key)
        except ObjectMissing:
            now_in = self._locate(one.key)
            if now_in is None or now_in == one.store:
                raise
        return self._read(now_in, one.key)

    def _read(self, store: str, key: str) -> Iterator[bytes]:
        found = self._find(store)
        if found is None:
            raise StoreUnavailable(f"object {key} lies in '{store}', which is not configured")
        return found.read(key)


def _has(objects: ObjectStore, one: KeptObject, *, deep: bool) -> bool:
    try:
        if objects.size_bytes(one.key) != one.size_bytes:
            return False
        if deep:
            for _ in checked(one.key, objects.read(one.key), one.parts):
                pass
    except (ObjectMissing, ObjectDamaged):
        return False
    return True


def _chain(*lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for some in lines:
        yield from some


def _kept(row: Mapping[str, Any]) -> KeptObject:
    parts = tuple(Part(**part) for part in row["parts"])
    return KeptObject(row["key"], row["store"], row["size_bytes"], parts)


def _line(one: KeptObject, fate: str, why: str | None = None) -> dict[str, Any]:
    return {**asdict(one), "fate": fate, "why": why}
