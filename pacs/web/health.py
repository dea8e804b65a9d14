"""Whether the archive is alive and whether it is ready, for supervisors and load balancers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.errors import ArchiveError

Check = Callable[[], None]
"""Raises an ArchiveError whose message says what is not ready."""

Notice = Callable[[], str | None]
"""A sentence for whoever runs the archive, or None; asks nobody that may be slow to answer."""

_OK = "ok"


class HealthService:
    """`checks` and `notices` by the name that the answer shows them under."""

    def __init__(
        self, checks: Mapping[str, Check], notices: Mapping[str, Notice] | None = None
    ) -> None:
        self._checks = checks
        self._notices = notices or {}

    def routes(self) -> list[Route]:
        return [Route("/health/live", self.live), Route("/health/ready", self.ready)]

    # A coroutine: it must answer even when every thread is busy.
    async def live(self, _request: Request) -> Response:
        return _answer({}, {}, 200)

    def ready(self, _request: Request) -> Response:
        found = {name: _outcome(check) for name, check in self._checks.items()}
        ready = all(outcome == _OK for outcome in found.values())
        told = {name: said for name, notice in self._notices.items() if (said := notice())}
        return _answer(found, told, 200 if ready else 503)


def _outcome(check: Check) -> str:
    try:
        check()
    except ArchiveError as error:
        return error.message
    return _OK


def _answer(checks: Mapping[str, str], notices: Mapping[str, str], status: int) -> Response:
    content: dict[str, object] = {"status": _OK if status == 200 else "not ready", "checks": checks}
    if notices:
        content["notices"] = notices
    return Response(orjson.dumps(content), status, media_type="application/json")
