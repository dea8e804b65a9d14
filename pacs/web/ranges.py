"""One range of bytes of an answer whose length is known. RFC 9110 14."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from pacs.web.problems import problem
from pacs.web.streams import StreamedAnswer

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def whole_or_range(
    request: Request,
    chunks: Iterable[bytes],
    size_bytes: int,
    *,
    media_type: str,
    headers: Mapping[str, str],
) -> Response:
    """The answer with all bytes (200), with those asked for (206), or with none (416).

    headers  with the ETag, when there is one.
    """
    told = {**headers, "Accept-Ranges": "bytes"}
    wanted = asked_range(request, size_bytes, headers.get("ETag"))
    if wanted is None:
        return StreamedAnswer(
            iter(chunks), media_type=media_type, size_bytes=size_bytes, headers=told
        )
    if not wanted or wanted.start >= size_bytes:
        return not_satisfiable(size_bytes)
    told["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size_bytes}"
    return StreamedAnswer(
        cut(chunks, wanted), media_type=media_type, size_bytes=len(wanted), headers=told, status=206
    )


def asked_range(request: Request, size_bytes: int, entity_tag: str | None) -> range | None:
    """The bytes asked for; None for all of them, an empty range for none that exist.

    Several ranges, or units other than bytes, are answered with everything, as the standard allows;
    so is a range of what has changed since (If-Range).
    """
    asked = _ONE_RANGE.fullmatch(request.headers.get("range", "").strip())
    condition = request.headers.get("if-range")
    if asked is None or request.method != "GET" or condition not in (None, entity_tag):
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if not first:
        return range(max(size_bytes - int(last), 0), size_bytes)
    if last and int(last) < int(first):
        return None
    stop = min(int(last) + 1, size_bytes) if last else size_bytes
    return range(int(first), max(stop, int(first)))


def not_satisfiable(size_bytes: int) -> Response:
    """Nothing lies in the range asked for."""
    return problem(
        416,
        f"there are {size_bytes} bytes; ask for a range of them",
        code="range_not_satisfiable",
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )


def cut(chunks: Iterable[bytes], wanted: range) -> Iterator[bytes]:
    """Of a stream only these bytes; reading ends with the last of them."""
    position = 0
    for chunk in chunks:
        piece = chunk[max(wanted.start - position, 0) : max(wanted.stop - position, 0)]
        position += len(chunk)
        if piece:
            yield piece
        if position >= wanted.stop:
            return
