"""What a backup asks of the index: all its rows in one look, and all of them put back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pacs.errors import ObjectDamaged

Row = Mapping[str, str | int | None]
"""One row by column; moments are ISO 8601 text, as in JSON."""

Rows = Callable[[str], Iterator[Row]]
"""The rows of the table of this name."""


@dataclass(frozen=True)
class Part:
    """Some bytes of an object, one part after the other, and their digest."""

    length: int
    sha256: str


@dataclass(frozen=True)
class KeptObject:
    """An object that the index names. parts  all its bytes, when the index has digests of them."""

    key: str
    store: str
    size_bytes: int
    parts: tuple[Part, ...]


class IndexLook(Protocol):
    """The index as it was at one moment."""

    @property
    def revision(self) -> str:
        """Which schema it has."""
        ...

    @property
    def tables(self) -> Sequence[str]:
        """All tables, each after those that its rows refer to."""
        ...

    def rows(self, table: str) -> Iterator[Row]:
        """By primary key, so that two looks can be compared."""
        ...

    def counters(self) -> Mapping[str, int]:
        """The last number given to a row, by table: none may be given twice."""
        ...

    def objects(self) -> Iterator[KeptObject]:
        """All but those that somebody decided to delete."""
        ...

    def ledger_keys(self) -> Iterator[str]:
        """Where the decisions are written that the index knows."""
        ...


class IndexDump(Protocol):
    """Raises IndexUnavailable, SchemaOutdated."""

    def look(self) -> AbstractContextManager[IndexLook]: ...

    def first_in_use(self) -> str | None:
        """The name of a table that holds rows, None when the database is empty."""
        ...

    def load(self, rows: Rows, counters: Mapping[str, int]) -> None:
        """Fill an empty database: all of it, or nothing. Raises RequestInvalid."""
        ...


def checked(key: str, pieces: Iterator[bytes], parts: Sequence[Part]) -> Iterator[bytes]:
    """The pieces; instead of the last one ObjectDamaged when the parts are not what they were."""
    hashing = _PartsHash(parts)
    held: bytes | None = None
    for piece in pieces:
        if held is not None:
            yield held
        hashing.update(piece)
        held = piece
    if not hashing.agrees():
        raise ObjectDamaged(f"object {key} is not what was stored")
    if held is not None:
        yield held


class _PartsHash:
    """Hashes bytes that come in pieces of any size, each part on its own."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._digests = [hashlib.sha256() for _ in parts]
        self._lengths = [0 for _ in parts]
        self._rest = 0

    def update(self, piece: bytes) -> None:
        left = memoryview(piece)
        for number, part in enumerate(self._parts):
            taken = left[: part.length - self._lengths[number]]
            self._digests[number].update(taken)
            self._lengths[number] += len(taken)
            left = left[len(taken) :]
        self._rest += len(left)

    def agrees(self) -> bool:
        return not self._rest and all(
            length == part.length and digest.hexdigest() == part.sha256
            for part, digest, length in zip(self._parts, self._digests, self._lengths, strict=True)
        )
