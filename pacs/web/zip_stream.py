"""Files as one zip that is written as it is read: nothing is compressed, nothing is held."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase

# The years that the time stamps of a zip can say.
_FIRST_YEAR, _LAST_YEAR = 1980, 2107


@dataclass(frozen=True)
class ZippedFile:
    """One file. name  relative, parts by `/`."""

    name: str
    modified: datetime
    chunks: Iterable[bytes]


def zip_chunks(files: Iterable[ZippedFile]) -> Iterator[bytes]:
    """The bytes of the zip. Each file may have more than 4 GiB."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for each in files:
            with archive.open(_info(each), "w", force_zip64=True) as entry:
                for chunk in each.chunks:
                    entry.write(chunk)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


def _info(each: ZippedFile) -> zipfile.ZipInfo:
    at = each.modified
    year = min(max(at.year, _FIRST_YEAR), _LAST_YEAR)
    return zipfile.ZipInfo(each.name, (year, at.month, at.day, at.hour, at.minute, at.second))


class _Sink(RawIOBase):
    """Where the zip is written to; it cannot go back, so sizes come after each file."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes only
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken
