"""The outer edge of the HTTP door: every request gets one answer, safe headers and one log line.

The only place of this door that catches what nobody expected.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pacs.web.metrics import RequestCounts
from pacs.web.problems import problem

_log: Any = structlog.get_logger(__name__)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)

_ALWAYS: dict[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


class OuterEdge:
    """Wraps the application. Pure ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, *, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, send, self._counts).run(self._app, receive)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, counts: RequestCounts) -> None:
        self._counts = counts
        self._scope = scope
        self._send = send
        self._status = 0
        self._begun = time.monotonic()

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        try:
            await app(self._scope, receive, self._guarded_send)
        except ClientDisconnect:
            _log.info("asker left before the request was complete", path=self._scope["path"])
            return
        except Exception as error:  # noqa: BLE001 - the outer edge of the door
            await self._tell_incident(error, receive)
        self._log_outcome()

    async def _guarded_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        await self._send(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        if self._scope["scheme"] == "https":
            headers.update(_HTTPS_ONLY)
        # Whatever does not say that it may be kept is about a patient and may not.
        headers.setdefault("Cache-Control", "no-store")

    async def _tell_incident(self, error: Exception, receive: Receive) -> None:
        incident = secrets.token_hex(4)
        _log.error("request failed", incident=incident, path=self._scope["path"], exc_info=error)
        if self._status:
            # Part of the answer is on its way. Returning without completing it makes the server
            # cut the connection, so that nobody takes the part for the whole.
            return
        detail = f"The archive could not answer; the log tells why under incident {incident}."
        answer = problem(500, detail, code="internal_error")
        await answer(self._scope, receive, self._guarded_send)

    def _log_outcome(self) -> None:
        method, path = self._scope["method"], self._scope["path"]
        duration_s = time.monotonic() - self._begun
        self._counts.note(method=method, path=path, status=self._status, duration_s=duration_s)
        quiet = self._status < 400 and method in ("GET", "HEAD")
        # The query string may hold a patient's name or identifier, so it is never logged.
        (_log.debug if quiet else _log.info)(
            "request answered",
            method=method,
            path=path,
            status=self._status,
            duration_ms=round(duration_s * 1000, 1),
        )
