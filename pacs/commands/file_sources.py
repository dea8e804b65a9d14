"""Finds what may be DICOM under paths: files, folders, what a DICOMDIR names, entries of a zip."""

from __future__ import annotations

import mmap
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pacs.archive.reception import Reception

_PIECE_BYTES = 1 << 20
_DICOMDIR = "DICOMDIR"


@dataclass(frozen=True)
class Source:
    """One candidate. entry  the name within a zip, None for a plain file."""

    path: Path
    entry: str | None = None

    @property
    def name(self) -> str:
        return f"{self.path}!{self.entry}" if self.entry else str(self.path)


def find_sources(paths: list[Path]) -> Iterator[Source]:
    """Each candidate once, in a stable order. A missing path raises FileNotFoundError.

    A DICOMDIR stands for the files beside and below it, which is what it lists.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(path)
        root = path.parent if path.is_file() and path.name.upper() == _DICOMDIR else path
        yield from _under(root)


def _under(path: Path) -> Iterator[Source]:
    if path.is_file():
        yield from _of_file(path)
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            yield from _of_file(Path(folder, name))


def _of_file(path: Path) -> Iterator[Source]:
    if not path.is_file():  # a socket, a device, a broken link
        return
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entries = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
        yield from (Source(path, entry) for entry in entries)
        return
    yield Source(path)


@contextmanager
def opened(source: Source, reception: Reception) -> Iterator[memoryview]:
    """The bytes of a candidate. Raises OSError, zipfile errors, LimitExceeded, TryAgain."""
    if source.entry is None:
        with _mapped(source.path) as view:
            yield view
        return
    with zipfile.ZipFile(source.path) as archive, reception.open() as received:
        with archive.open(source.entry) as entry:
            while piece := entry.read(_PIECE_BYTES):
                received.write(piece)
        yield received.view()


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield memoryview(b"")
            return
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        view = memoryview(mapped)
        try:
            yield view
        finally:
            view.release()
            # Slices may still be held by a traceback; the map goes when they do.
            del mapped
