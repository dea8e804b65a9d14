"""Many writers, one commit: what waits while the disk is busy goes into the next transaction."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from pacs.errors import IndexUnavailable
from pacs.storage.sql_database import Database, is_worth_repeating

BATCH_LIMIT = 256
_REPEATS = 5
_UNDER_WAY = 2

WriteMany = Callable[[Connection, Sequence[Any]], Sequence[Any]]
"""Writes several items within a transaction; one result for each. May be called again with the same
items after a failure, on their own or together."""


@dataclass(frozen=True)
class _Waiting:
    write_many: WriteMany
    item: Any
    outcome: Future[Any] = field(default_factory=Future)


class Committer:
    """Writes for many threads through one thread. Nothing waits when nobody else writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="index-committer", daemon=True)
        self._thread.start()

    def write(self, write_many: WriteMany, item: Any) -> Any:
        """The result for this item, once it is durable.

        Raises what the item itself made go wrong, or IndexUnavailable. After IndexUnavailable the
        item is not written, except when the database fell silent during the commit itself: then
        nobody can know, and the same item may be offered again.
        """
        if self._closed:
            raise IndexUnavailable("the index is closed")
        waiting = _Waiting(write_many, item)
        self._queue.put(waiting)
        try:
            return self._outcome(waiting)
        except TimeoutError as error:
            raise IndexUnavailable(
                f"the database did not write within {self._database.deadline_s:g} s"
            ) from error

    def _outcome(self, waiting: _Waiting) -> Any:
        try:
            return waiting.outcome.result(self._database.deadline_s)
        except TimeoutError:
            if waiting.outcome.cancel():
                raise
        # Its transaction is under way and the database bounds that: wait for what becomes of it.
        return waiting.outcome.result(_UNDER_WAY * self._database.deadline_s)

    def close(self) -> None:
        """Write what waits, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join(timeout=2 * self._database.deadline_s)

    def _run(self) -> None:
        while batch := self._next_batch():
            self._settle([one for one in batch if one.outcome.set_running_or_notify_cancel()])
        self._refuse_the_rest()

    def _next_batch(self) -> list[_Waiting]:
        """What waits now, at least one; empty when closed."""
        batch = []
        one = self._queue.get()
        while one is not None:
            batch.append(one)
            if len(batch) == BATCH_LIMIT or self._queue.empty():
                return batch
            one = self._queue.get()
        if batch:
            self._queue.put(None)
        return batch

    def _refuse_the_rest(self) -> None:
        while not self._queue.empty():
            one = self._queue.get()
            if one is not None and one.outcome.set_running_or_notify_cancel():
                one.outcome.set_exception(IndexUnavailable("the index is closed"))

    def _settle(self, batch: list[_Waiting]) -> None:
        """Give each waiting call its result or its error."""
        if not batch:
            return
        try:
            results = self._commit(batch)
        except IndexUnavailable as error:
            for one in batch:
                one.outcome.set_exception(error)
        except Exception as error:  # noqa: BLE001  handed to who waits: this thread must live on
            self._settle_apart(batch, error)
        else:
            for one, result in zip(batch, results, strict=True):
                one.outcome.set_result(result)

    def _settle_apart(self, batch: list[_Waiting], error: Exception) -> None:
        """One bad item must not fail the others: each gets a transaction of its own."""
        if len(batch) == 1:
            batch[0].outcome.set_exception(error)
            return
        for one in batch:
            self._settle([one])

    def _commit(self, batch: list[_Waiting]) -> list[Any]:
        for _ in range(_REPEATS):
            try:
                return self._transaction(batch)
            except IndexUnavailable as error:
                if not is_worth_repeating(error):
                    raise
            except IntegrityError:
                if len(batch) > 1:
                    raise
        try:
            return self._transaction(batch)
        except IntegrityError as error:
            raise IndexUnavailable("rows changed while they were read; try again") from error

    def _transaction(self, batch: list[_Waiting]) -> list[Any]:
        results: dict[int, Any] = {}
        with self._database.writing() as connection:
            for write_many, positions in _by_writer(batch).items():
                done = write_many(connection, [batch[position].item for position in positions])
                results.update(zip(positions, done, strict=True))
        return [results[position] for position in range(len(batch))]


def _by_writer(batch: list[_Waiting]) -> dict[WriteMany, list[int]]:
    groups: dict[WriteMany, list[int]] = {}
    for position, one in enumerate(batch):
        groups.setdefault(one.write_many, []).append(position)
    return groups
