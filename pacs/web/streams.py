"""Answers that flow: pieces are taken from the engine in a thread and sent as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_ENOUGH_BYTES = 512 * 1024


class PiecesAnswer(Response):
    """Sends bytes that are at hand, piece by piece, so that nobody has to join them."""

    def __init__(
        self, pieces: Sequence[bytes], *, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._pieces = pieces
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        size_bytes = sum(map(len, pieces))
        told = {"Content-Type": media_type, "Content-Length": str(size_bytes)}
        self.init_headers({**(headers or {}), **told})

    # A coroutine, since it only waits for the network.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  of ASGI
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        for piece in self._pieces if scope["method"] != "HEAD" else ():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class StreamedAnswer(Response):
    """Sends an iterator of bytes without joining or holding more than a few pieces.

    The first pieces are taken before the status goes out: an engine that refuses at the start is
    answered as any other refusal. One that fails later ends the connection (see outer_edge).
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        *,
        media_type: str,
        size_bytes: int | None = None,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> None:
        self._pieces = pieces
        self.status_code = status
        self.media_type = media_type
        self.background = None
        told = {**(headers or {}), "Content-Type": media_type}
        if size_bytes is not None:
            told["Content-Length"] = str(size_bytes)
        self.init_headers(told)

    # A coroutine, since it waits for the network; the iterator runs in the thread pool.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        listener = asyncio.create_task(_until_disconnect(receive))
        try:
            batch = await run_in_threadpool(_take, self._pieces)
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] != "HEAD":
                await self._send_pieces(batch, send, listener)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            listener.cancel()
            await run_in_threadpool(_close, self._pieces)

    async def _send_pieces(
        self, batch: list[bytes], send: Send, listener: asyncio.Task[None]
    ) -> None:
        # The server takes no notice of what is sent after the asker left; a study has gigabytes.
        while batch and not listener.done():
            for piece in batch:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            batch = await run_in_threadpool(_take, self._pieces)


def _take(pieces: Iterator[bytes]) -> list[bytes]:
    """Some pieces at once: changing threads costs more than most pieces do."""
    batch: list[bytes] = []
    size_bytes = 0
    for piece in pieces:
        if piece:
            batch.append(piece)
            size_bytes += len(piece)
        if size_bytes >= _ENOUGH_BYTES:
            break
    return batch


def _close(pieces: Iterator[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
