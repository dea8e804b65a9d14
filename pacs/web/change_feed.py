"""Tells everybody who watches what changed, asking the index once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

import structlog
from starlette.concurrency import run_in_threadpool

from pacs.archive.query import QueryEngine
from pacs.errors import TryAgain
from pacs.scope import Scope, system_scope
from pacs.storage.interfaces import Change

_log = structlog.get_logger(__name__)
_AT_ONCE = 500
STUDY_ADDED = "study_added"
STUDY_CHANGED = "study_changed"


class ChangeFeed:
    """Lives on one event loop. Nothing is asked while nobody watches."""

    def __init__(self, *, query: QueryEngine, interval_s: float = 1.0) -> None:
        self._query = query
        self._interval_s = interval_s
        self._watchers: set[_Watcher] = set()
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    async def watch(
        self, scope: Scope, *, since: int | None, quiet_s: float
    ) -> AsyncIterator[Sequence[Change]]:
        """The changes as they come, at most one per study and interval.

        Nothing (an empty sequence) after each `quiet_s` without changes; ends with close().
        Raises NotAllowed.
        """
        watcher = _Watcher()
        watcher.tell(await self._missed(scope, since))
        self._watchers.add(watcher)
        await self._keep_polling(scope)
        try:
            while not self._closed:
                yield await watcher.told(quiet_s)
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """End all watching. To be called on the event loop."""
        self._closed = True
        if self._poller is not None:
            self._poller.cancel()
        for watcher in self._watchers:
            watcher.wake()

    async def _missed(self, scope: Scope, since: int | None) -> Sequence[Change]:
        if since is None:
            return ()
        return await run_in_threadpool(self._query.changes, since, scope, limit=_AT_ONCE)

    async def _keep_polling(self, scope: Scope) -> None:
        if self._poller is None or self._poller.done():
            cursor = await run_in_threadpool(self._query.change_cursor, scope)
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll(cursor))

    async def _poll(self, cursor: int) -> None:
        asker = system_scope("change feed")
        while self._watchers:
            await asyncio.sleep(self._interval_s)
            try:
                changes = await run_in_threadpool(
                    self._query.changes, cursor, asker, limit=_AT_ONCE
                )
            except TryAgain as error:
                _log.info("changes cannot be asked for now", reason=error.message)
                continue
            if changes:
                cursor = changes[-1].cursor
                for watcher in self._watchers:
                    watcher.tell(changes)


class _Watcher:
    """What one watcher has not been told yet: the newest change of each study."""

    def __init__(self) -> None:
        self._pending: dict[str, Change] = {}
        self._woken = asyncio.Event()

    def tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            before = self._pending.pop(change.study_instance_uid, None)
            self._pending[change.study_instance_uid] = _joined(before, change)
        if self._pending:
            self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    async def told(self, quiet_s: float) -> Sequence[Change]:
        try:
            async with asyncio.timeout(quiet_s):
                await self._woken.wait()
        except TimeoutError:
            return ()
        self._woken.clear()
        pending, self._pending = self._pending, {}
        return tuple(pending.values())


def _joined(before: Change | None, change: Change) -> Change:
    """A study that is new stays new, however often it changed since."""
    if before is not None and (before.kind, change.kind) == (STUDY_ADDED, STUDY_CHANGED):
        return replace(change, kind=STUDY_ADDED)
    return change
