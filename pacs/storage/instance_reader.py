"""Reads stored instances by their rows: whole and checked, or just the part that is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from pacs.errors import ArchiveError, ObjectDamaged, ObjectMissing, StoreUnavailable
from pacs.storage.interfaces import ObjectReader, StoredBytes

FindStore = Callable[[str], ObjectReader | None]
"""The store that rows call by this name, or None when there is none."""

Locate = Callable[[str], str | None]
"""The name of the store in which the row of this key says the object is, by now."""

NoteDamage = Callable[[StoredBytes, ArchiveError], None]
"""Told what a reader met, so that an administrator hears of it; must not raise."""


def _unnoted(_stored: StoredBytes, _error: ArchiveError) -> None:
    """Nobody wants to know."""


class InstanceReader:
    """Finds the store that a row names.

    An object may move to another store after its row was read, so one that is missed is looked for
    once more where the row says it is then.
    """

    def __init__(
        self, find_store: FindStore, locate: Locate, note_damage: NoteDamage = _unnoted
    ) -> None:
        self._find_store = find_store
        self._locate = locate
        self._note_damage = note_damage

    def head(self, stored: StoredBytes) -> bytes:
        """Preamble and file meta information. ObjectDamaged when they changed since they came."""
        head = b"".join(self._read(stored, 0, stored.head_size))
        if hashlib.sha256(head).hexdigest() != stored.head_sha256:
            raise self._damaged(stored, "the file meta information")
        return head

    def data_set(self, stored: StoredBytes) -> Iterator[bytes]:
        """The data set as received. The last piece comes only when the digest is right.

        Raises ObjectMissing, StoreUnavailable at once; ObjectDamaged instead of the last piece, so
        that nobody takes a damaged instance for whole.
        """
        pieces = self._read(stored, stored.head_size, stored.data_set_size)
        return self._checked(pieces, stored)

    def part(self, stored: StoredBytes, offset: int, length: int) -> bytes:
        """Some bytes of the data set; fewer where it ends. Not checked against the digest."""
        within = max(0, min(length, stored.data_set_size - offset))
        return b"".join(self._read(stored, stored.head_size + offset, within)) if within else b""

    def part_pieces(self, stored: StoredBytes, offset: int, length: int) -> Iterator[bytes]:
        """As `part`, in pieces, for parts that may be large."""
        return self._read(stored, stored.head_size + offset, length)

    def _read(self, stored: StoredBytes, offset: int, length: int) -> Iterator[bytes]:
        try:
            return self._read_where_it_is(stored, stored.offset + offset, length)
        except (ObjectMissing, ObjectDamaged) as error:
            self._note_damage(stored, error)
            raise

    def _read_where_it_is(self, stored: StoredBytes, start: int, length: int) -> Iterator[bytes]:
        try:
            return self._store(stored.store, stored).read(stored.key, offset=start, length=length)
        except ObjectMissing:
            now_in = self._locate(stored.key)
            if now_in is None or now_in == stored.store:
                raise
        return self._store(now_in, stored).read(stored.key, offset=start, length=length)

    def _store(self, name: str, stored: StoredBytes) -> ObjectReader:
        store = self._find_store(name)
        if store is None:
            raise StoreUnavailable(
                f"object {stored.key} lies in the store '{name}', which is not configured"
            )
        return store

    def _checked(self, pieces: Iterator[bytes], stored: StoredBytes) -> Iterator[bytes]:
        digest = hashlib.sha256()
        held: bytes | None = None
        for piece in pieces:
            if held is not None:
                yield held
            digest.update(piece)
            held = piece
        if digest.hexdigest() != stored.data_set_sha256:
            raise self._damaged(stored, "the data set")
        if held is not None:
            yield held

    def _damaged(self, stored: StoredBytes, what: str) -> ObjectDamaged:
        error = ObjectDamaged(
            f"{what} of object {stored.key} is not what was stored; run 'pacs check' and restore it"
        )
        self._note_damage(stored, error)
        return error
