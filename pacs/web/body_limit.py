"""Keeps the bodies of requests to our own API small; those are read into memory as a whole."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses bodies beyond `max_bytes` below a path prefix with 413."""

    def __init__(self, app: ASGIApp, *, prefix: str, max_bytes: int) -> None:
        self._app = app
        self._prefix = prefix
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        received_bytes = 0

        async def limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_bytes:
                raise HTTPException(413, f"no more than {self._max_bytes} bytes are read here")
            return message

        await self._app(scope, limited, send)
