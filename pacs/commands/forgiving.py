"""Output that is never a reason to stop: a log may lie on the very disk that is full."""

from __future__ import annotations

from contextlib import suppress
from typing import TextIO


class Forgiving:
    """Writes to a stream. What cannot be written is kept there, within its buffer, or lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()
