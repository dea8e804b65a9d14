"""The way from this node's spool to the store where objects stay.

It must not know when or how often it is asked to work; whoever asks decides that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

from pacs.errors import ObjectDamaged, ObjectMissing, StoreUnavailable, TryAgain
from pacs.nodes import Backlog, SpooledObject, SpoolRows
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectStore, StoredBytes

_BATCH = 32
_KEYS_AT_ONCE = 500


@dataclass(frozen=True)
class SpoolState:
    """What the administrator is told.

    waiting   what is only in the spool so far.
    trouble   why the last try failed, None when it did not.
    damaged   how many objects have other bytes than those that were received.
    """

    waiting: Backlog
    trouble: str | None
    damaged: int


class Uploader:
    """Moves objects from `spool` to `target`.

    An object is put into the target, then its row says so, and only then does it leave the spool:
    at any moment it can be read where its row says it is. Doing any step twice does no harm.
    """

    def __init__(
        self,
        *,
        spool: ObjectStore,
        target: ObjectStore,
        rows: SpoolRows,
        reader: InstanceReader,
        workers: int,
    ) -> None:
        self._spool = spool
        self._target = target
        self._rows = rows
        self._reader = reader
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="upload")
        self._trouble: str | None = None
        self._damaged: dict[str, str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Finish the objects that are on their way."""
        self._pool.shutdown(cancel_futures=True)

    def state(self) -> SpoolState:
        """Raises IndexUnavailable."""
        waiting = self._rows.backlog(self._spool.name)
        with self._lock:
            return SpoolState(waiting, self._trouble, len(self._damaged))

    @property
    def trouble(self) -> str | None:
        """Why the last try failed, None when it did not; asks nobody."""
        with self._lock:
            return self._trouble

    @property
    def damaged(self) -> frozenset[str]:
        """Keys whose bytes are not, or no longer, those that were received."""
        with self._lock:
            return frozenset(self._damaged)

    def upload_waiting(self) -> int:
        """Move all that waits; how many objects that were. Raises TryAgain when it must stop."""
        moved, first_failure = 0, None
        try:
            for batch in self._batches():
                arrived, failure = self._upload(batch)
                moved += arrived
                # One object that cannot be read must not keep the others here.
                if failure is not None and not arrived:
                    raise failure
                first_failure = first_failure or failure
            if first_failure is not None:
                raise first_failure
        except TryAgain as error:
            self._note_trouble(error.message)
            raise
        self._note_trouble(None)
        return moved

    def sweep(self) -> int:
        """Remove what a crash left in the spool after it had been moved; how many objects."""
        removed = 0
        entries = self._spool.entries()
        while keys := [entry.key for entry in islice(entries, _KEYS_AT_ONCE)]:
            for key, store in self._rows.stores_of(keys).items():
                if store == self._target.name:
                    self._spool.delete(key)
                    removed += 1
        return removed

    def _batches(self) -> Iterator[list[SpooledObject]]:
        after = 0
        while found := self._rows.waiting(self._spool.name, after=after, limit=_BATCH):
            after = found[-1].row
            yield [one for one in found if one.stored.key not in self._damaged]

    def _upload(self, batch: Iterable[SpooledObject]) -> tuple[int, BaseException | None]:
        """Move a batch at once; how many arrived, and why another one did not."""
        pending = {one: self._pool.submit(self._put, one.stored) for one in batch}
        failures = [error for one in pending if (error := self._failure(one, pending[one]))]
        arrived = [one.stored.key for one, put in pending.items() if put.exception() is None]
        if arrived:
            self._rows.moved(arrived, spool=self._spool.name, to=self._target.name)
        for key in arrived:
            # Those who read it at this moment hold it open and read on to its end.
            self._spool.delete(key)
        return len(arrived), failures[0] if failures else None

    def _put(self, stored: StoredBytes) -> None:
        pieces = chain((self._reader.head(stored),), self._reader.data_set(stored))
        self._target.put(stored.key, pieces, size_bytes=stored.size_bytes)
        if not self._has_arrived(stored):
            raise StoreUnavailable(
                f"object {stored.key} was put into '{self._target.name}' and is not whole there; "
                "it stays in the spool"
            )

    def _has_arrived(self, stored: StoredBytes) -> bool:
        try:
            return self._target.size_bytes(stored.key) == stored.size_bytes
        except ObjectMissing:
            return False

    def _failure(self, one: SpooledObject, put: Future[None]) -> BaseException | None:
        """Why it should be tried again; a damaged object should not."""
        error = put.exception()
        if not isinstance(error, ObjectDamaged | ObjectMissing):
            return error
        key = one.stored.key
        if self._rows.stores_of((key,)):  # else it was removed on purpose in the meantime
            with self._lock:
                self._damaged[key] = error.message
        return None

    def _note_trouble(self, trouble: str | None) -> None:
        with self._lock:
            self._trouble = trouble
