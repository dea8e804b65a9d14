"""multipart/related as it comes and goes: a reader fed by pieces and a writer that never joins.

The reader is our own because the parsers at hand refuse what RFC 2046 5.1.1 allows and DICOMweb
clients send: text before the first delimiter and blanks after one.
"""

from __future__ import annotations

import enum
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pacs.errors import RequestInvalid
from pacs.storage.interfaces import Chunk

MAX_BOUNDARY_LENGTH = 70
_MAX_PADDING_BYTES = 1024
_AFTER_DELIMITER = re.compile(rb"(--)|[ \t]*\r\n")
_ONLY_PADDING = re.compile(rb"-?|[ \t]*\r?")
_FOLDED_LINE = re.compile(r"\r\n[ \t]+")


# --- reading -----------------------------------------------------------------------------------


class PartReceiver(Protocol):
    """Takes the parts as they come."""

    def begin_part(self, headers: Mapping[str, str]) -> None:
        """A part begins; header names are in lower case."""
        ...

    def receive(self, chunk: Chunk) -> None:
        """Some bytes of the part that began last; not to be kept after the call."""
        ...

    def end_part(self) -> None:
        """The part is whole."""
        ...


class _State(enum.Enum):
    PREAMBLE = enum.auto()
    HEADERS = enum.auto()
    CONTENT = enum.auto()
    EPILOGUE = enum.auto()


class MultipartReader:
    """Splits a multipart body; holds no more than one chunk and a delimiter.

    RequestInvalid from feed() and close() means that the body breaks RFC 2046.
    """

    def __init__(self, boundary: str, receiver: PartReceiver, *, max_header_bytes: int) -> None:
        if not 0 < len(boundary) <= MAX_BOUNDARY_LENGTH or not boundary.isascii():
            raise RequestInvalid("the boundary of the multipart body is not usable")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._receiver = receiver
        self._max_header_bytes = max_header_bytes
        # The first delimiter may stand at the very beginning, without the line break before it.
        self._buffer = bytearray(b"\r\n")
        self._state = _State.PREAMBLE
        self._searched = 0
        self._line_break = 0

    def feed(self, chunk: Chunk) -> None:
        if self._state is _State.EPILOGUE:
            return
        self._buffer += chunk
        while self._step():
            pass

    def close(self) -> None:
        """Say that the body ended; raises unless it ended with its closing delimiter."""
        if self._state is not _State.EPILOGUE:
            raise RequestInvalid("the multipart body ends before its closing delimiter")

    def _step(self) -> bool:
        """Do one thing; False when more bytes are needed for the next."""
        if self._state is _State.HEADERS:
            return self._read_headers()
        if self._state is _State.EPILOGUE:
            self._buffer.clear()
            return False
        return self._read_content()

    def _read_content(self) -> bool:
        found = self._buffer.find(self._delimiter, self._searched)
        if found < 0:
            self._hand_over(max(0, len(self._buffer) - len(self._delimiter) + 1))
            return False
        line = found + len(self._delimiter)
        ended = _AFTER_DELIMITER.match(self._buffer, line)
        if ended is not None:
            self._finish_part(found, drop_to=ended.end(), last=ended.group(1) is not None)
            return True
        self._hand_over(found)
        line -= found
        rest = len(self._buffer) - line
        if rest <= _MAX_PADDING_BYTES and _ONLY_PADDING.fullmatch(self._buffer, line):
            return False
        # A longer line that only begins like the delimiter is content.
        self._searched = 1
        return True

    def _hand_over(self, length: int) -> None:
        if length:
            if self._state is _State.CONTENT:
                self._receive(length)
            del self._buffer[:length]
        self._searched = 0

    def _receive(self, length: int) -> None:
        skipped = min(self._line_break, length)
        self._line_break -= skipped
        if length > skipped:
            with memoryview(self._buffer) as view, view[skipped:length] as content:
                self._receiver.receive(content)

    def _finish_part(self, end: int, *, drop_to: int, last: bool) -> None:
        drop_to -= end
        self._hand_over(end)
        if self._state is _State.CONTENT:
            self._receiver.end_part()
        del self._buffer[:drop_to]
        self._state = _State.EPILOGUE if last else _State.HEADERS

    def _read_headers(self) -> bool:
        end = 0 if self._buffer.startswith(b"\r\n") else self._buffer.find(b"\r\n\r\n") + 2
        if end == 1:
            self._bound_headers(len(self._buffer))
            return False
        self._bound_headers(end)
        block = bytes(self._buffer[:end])
        # The blank line after the headers stays in the buffer: where a part is empty, its line
        # break can be the one the next delimiter begins with.
        del self._buffer[:end]
        self._line_break = 2
        self._state = _State.CONTENT
        self._receiver.begin_part(_parse_headers(block))
        return True

    def _bound_headers(self, length: int) -> None:
        if length > self._max_header_bytes:
            raise RequestInvalid(
                f"the headers of a part are longer than {self._max_header_bytes} bytes"
            )


def _parse_headers(block: bytes) -> dict[str, str]:
    headers = {}
    for line in _FOLDED_LINE.sub(" ", block.decode("latin-1")).split("\r\n"):
        name, colon, value = line.partition(":")
        if line and not colon:
            raise RequestInvalid("a header line of a part has no colon")
        if line:
            headers[name.strip().lower()] = value.strip()
    return headers


# --- writing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One part to send. size_bytes is None where it is not known before the end."""

    headers: Mapping[str, str]
    chunks: Iterable[bytes]
    size_bytes: int | None = None


def new_boundary() -> str:
    """A boundary that no content holds."""
    return secrets.token_hex(16)


def write_parts(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    """The body of a multipart answer in the pieces it came in."""
    for part in parts:
        yield _part_head(part, boundary)
        yield from part.chunks
        yield b"\r\n"
    yield _closing(boundary)


def size_of_parts(parts: Iterable[Part], boundary: str) -> int | None:
    """How long the body will be, or None when a part does not know."""
    total = len(_closing(boundary))
    for part in parts:
        if part.size_bytes is None:
            return None
        total += len(_part_head(part, boundary)) + part.size_bytes + 2
    return total


def _part_head(part: Part, boundary: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in part.headers.items())
    return f"--{boundary}\r\n{lines}\r\n".encode("latin-1")


def _closing(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode("ascii")
