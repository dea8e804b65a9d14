"""Brings a backup back to an empty machine, objects first, and compares every byte by digest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pacs.archive.backup import COPY, OBJECTS, REFERENCE, REMOVED
from pacs.archive.backup_folder import BackedUpRun
from pacs.backups import IndexDump, Part, Row, checked
from pacs.errors import ObjectDamaged, ObjectMissing, RequestInvalid, StoreUnavailable
from pacs.nodes import node_of_spool
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import FindStore
from pacs.storage.interfaces import ObjectReader, ObjectStore


@dataclass(frozen=True)
class Restored:
    """One object done.

    removed  whether somebody deleted it while the backup was made; then it is not there.
    trouble  a sentence about one that should be there and is not, or is not right.
    """

    done: int
    total: int
    key: str
    size_bytes: int
    removed: bool = False
    trouble: str | None = None


@dataclass(frozen=True)
class Compared:
    """A table, how many rows it should have, and how many are missing, different or too many."""

    table: str
    rows: int
    wrong: int


class Restoring:
    """Fills an empty archive.

    final  where its objects are to stay; find  where those are that were backed up by reference.
    """

    def __init__(self, *, index: IndexDump, final: ObjectStore, find: FindStore) -> None:
        self._index = index
        self._final = final
        self._find = find

    def run(self, run: BackedUpRun, source: ObjectReader, scope: Scope) -> Iterator[Restored]:
        """The index is written last, whole or not at all. Raises RequestInvalid, ObjectDamaged
        before anything is written; TryAgain: empty what was filled, then begin again.
        """
        scope.require(Right.ADMINISTER)
        run.check()
        self._require_empty(run)
        total = sum(run.manifest["outcome"].values())
        for done, line in enumerate(run.lines(OBJECTS), start=1):
            trouble = self._trouble_with(line, source)
            removed = line["fate"] == REMOVED
            yield Restored(done, total, line["key"], line["size_bytes"], removed, trouble)
        self._index.load(
            lambda table: self._rows(run, table),
            run.manifest["counters"],
        )

    def compare(self, run: BackedUpRun) -> Iterator[Compared]:
        """Table by table, whether the index is what the backup says."""
        with self._index.look() as look:
            for table in look.tables:
                pairs = itertools.zip_longest(self._rows(run, table), look.rows(table))
                rows = wrong = 0
                for expected, found in pairs:
                    rows += expected is not None
                    wrong += expected != found
                yield Compared(table, rows, wrong)

    def _require_empty(self, run: BackedUpRun) -> None:
        with self._index.look() as look:
            if look.revision != run.manifest["revision"]:
                raise RequestInvalid(
                    f"the backup was made by version {run.manifest['program']} with the schema "
                    f"{run.manifest['revision']}, this program has {look.revision}; install that "
                    "version, restore, then update"
                )
        used = self._index.first_in_use()
        if used is not None:
            raise RequestInvalid(
                f"the database is not empty: it holds {used}; restore into a new database and an "
                "empty data folder"
            )
        if run.manifest["objects"] == COPY and next(self._final.entries(), None) is not None:
            raise RequestInvalid(
                f"the store '{self._final.name}' is not empty; restore into an empty folder or "
                "bucket"
            )

    def _trouble_with(self, line: Mapping[str, Any], source: ObjectReader) -> str | None:
        """Bring the object, where it was copied, and read it again where it is now."""
        if line["fate"] == REMOVED:
            return None
        if line["fate"] not in (COPY, REFERENCE):
            return f"not in the backup ({line['fate']} when it was made): {line['why']}"
        try:
            if line["fate"] == COPY:
                self._bring(line, source)
                _read_whole(line, self._final)
            else:
                _read_whole(line, self._store(line["store"]))
        except (ObjectDamaged, ObjectMissing) as error:
            return f"{'in the backup' if line['fate'] == COPY else 'by reference'}: {error}"
        return None

    def _bring(self, line: Mapping[str, Any], source: ObjectReader) -> None:
        try:
            # By reference: what stayed in its store, such as the ledger, need not be put there.
            if self._final.size_bytes(line["key"]) == line["size_bytes"]:
                return
        except ObjectMissing:
            pass
        pieces = _checked(line, source)
        self._final.put(line["key"], pieces, size_bytes=line["size_bytes"])

    def _store(self, name: str) -> ObjectReader:
        found = self._find(name)
        if found is None:
            raise StoreUnavailable(
                f"the backup refers to objects in the store '{name}', which is not configured"
            )
        return found

    def _rows(self, run: BackedUpRun, table: str) -> Iterator[Row]:
        """The rows as they are to be: what was copied lies in another store now."""
        copied = run.manifest["objects"] == COPY
        for row in run.lines(table):
            if table == "objects" and (copied or node_of_spool(row["store"]) is not None):
                yield {**row, "store": self._final.name}
            else:
                yield row


def _checked(line: Mapping[str, Any], source: ObjectReader) -> Iterator[bytes]:
    parts = [Part(**part) for part in line["parts"]]
    return checked(line["key"], source.read(line["key"]), parts)


def _read_whole(line: Mapping[str, Any], store: ObjectReader) -> None:
    for _ in _checked(line, store):
        pass
