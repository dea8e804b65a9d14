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

_OK = "ok"


class HealthService:
    """`checks` by the name that the answer shows them under."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    def routes(self) -> list[Route]:
        return [Route("/health/live", self.live), Route("/health/ready", self.ready)]

    # A coroutine: it must answer even when every thread is busy.
    async def live(self, _request: Request) -> Response:
        return _answer({}, 200)

    def ready(self, _request: Request) -> Response:
        found = {name: _outcome(check) for name, check in self._checks.items()}
        ready = all(outcome == _OK for outcome in found.values())
        return _answer(found, 200 if ready else 503)


def _outcome(check: Check) -> str:
    try:
        check()
    except ArchiveError as error:
        return error.message
    return _OK


def _answer(checks: Mapping[str, str], status: int) -> Response:
    content = {"status": _OK if status == 200 else "not ready", "checks": checks}
    return Response(orjson.dumps(content), status, media_type="application/json")
