"""What changed in the archive: asked for by cursor, or told as it happens (server-sent events)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from pacs.archive.query import QueryEngine
from pacs.errors import NotAllowed, NotSignedIn
from pacs.scope import Right, Scope
from pacs.storage.interfaces import Change
from pacs.web.access import Access
from pacs.web.api.answers import json_answer
from pacs.web.change_feed import ChangeFeed

_MAX_CHANGES = 1000


@dataclass(frozen=True)
class ChangeRow:
    cursor: int
    kind: str
    study_instance_uid: str
    at: datetime


@dataclass(frozen=True)
class ChangeList:
    """Changes, oldest first; `cursor` is what to ask with next."""

    changes: tuple[ChangeRow, ...]
    cursor: int


class Changes:
    """The routes `/api/changes` and `/api/events`."""

    def __init__(
        self, *, query: QueryEngine, access: Access, feed: ChangeFeed, heartbeat_s: float
    ) -> None:
        self._query = query
        self._access = access
        self._feed = feed
        self._heartbeat_s = heartbeat_s

    def router(self) -> APIRouter:
        router = APIRouter(tags=["changes"])
        router.add_api_route("/changes", self.changes, response_model=ChangeList)
        router.add_api_route("/events", self.events, response_class=StreamingResponse)
        return router

    def changes(
        self,
        request: Request,
        since: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_CHANGES)] = 100,
    ) -> Response:
        scope = self._access.scope_of(request)
        if since is None:
            return json_answer(ChangeList((), self._query.change_cursor(scope)))
        found = tuple(_row(each) for each in self._query.changes(since, scope, limit=limit))
        return json_answer(ChangeList(found, found[-1].cursor if found else since))

    # A coroutine: a watcher waits for hours and must not hold a thread.
    async def events(
        self, request: Request, last_event_id: Annotated[str, Header()] = ""
    ) -> Response:
        scope = await run_in_threadpool(self._access.scope_of, request)
        scope.require(Right.FIND)
        since = (
            int(last_event_id) if last_event_id.isdecimal() and last_event_id.isascii() else None
        )
        return StreamingResponse(
            self._told(request, scope, since),
            media_type="text/event-stream",
            # Proxies that buffer would turn news into history.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _told(
        self, request: Request, scope: Scope, since: int | None
    ) -> AsyncIterator[bytes]:
        yield b": welcome\n\n"
        async for changes in self._feed.watch(scope, since=since, quiet_s=self._heartbeat_s):
            if not changes and not await self._is_still_allowed(request):
                return
            yield b"".join(map(_event, changes)) or b": still here\n\n"

    async def _is_still_allowed(self, request: Request) -> bool:
        try:
            await run_in_threadpool(self._access.scope_of, request)
        except (NotSignedIn, NotAllowed):
            return False
        return True


def _row(change: Change) -> ChangeRow:
    return ChangeRow(change.cursor, change.kind, change.study_instance_uid, change.at)


def _event(change: Change) -> bytes:
    data = orjson.dumps(_row(change), option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
    return b"event: change\nid: %d\ndata: %s\n\n" % (change.cursor, data)
