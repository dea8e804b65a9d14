"""Objects as files in a folder: whole or not there, and on the disk before anybody is told."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pacs.errors import ObjectDamaged, ObjectMissing, StorageFull, StoreUnavailable
from pacs.storage.interfaces import Chunk, ObjectEntry
from pacs.storage.object_keys import check_key

PIECE_BYTES = 512 * 1024
"""How much one read returns at most."""

_GATHER_BYTES = 1024 * 1024
_GATHER_CHUNKS = 256  # well under IOV_MAX (1024 on Linux)
_TEMPORARY = "tmp"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_LARGEST_RESERVE = 20  # a twentieth of the disk
_LITTLE_ROOM = 4  # times the reserve


@dataclass(frozen=True)
class Room:
    """The room on a disk; `reserve_bytes` of what is free are never used for objects."""

    free_bytes: int
    total_bytes: int
    reserve_bytes: int

    @property
    def is_little(self) -> bool:
        """Whether somebody should make room before machines are told to wait."""
        return self.free_bytes < _LITTLE_ROOM * self.reserve_bytes


class FolderObjects:
    """An ObjectStore in a folder of a local disk.

    A file is written under a temporary name, synced, renamed to its key, and its folder is synced;
    only then does put() return. Temporary files of processes that died are removed at the start.

    reserve_bytes  stay free on the disk, but no more than a twentieth of it: what shares the disk,
                   such as a database, goes on working when no more objects are taken.
    """

    def __init__(self, folder: Path, *, name: str = "folder", reserve_bytes: int = 0) -> None:
        self._folder = folder
        self._name = name
        self._reserve_bytes = reserve_bytes
        self._temporary = folder / _TEMPORARY
        self._durable_folders: set[Path] = set()
        self._lock = threading.Lock()
        with _translated("the object folder"):
            self._make_root()
            self._sweep()

    @property
    def name(self) -> str:
        return self._name

    def put(self, key: str, chunks: Iterable[Chunk], *, size_bytes: int) -> None:
        target = self._path(key)
        temporary = self._temporary / uuid4().hex
        self._require_room(size_bytes)
        with _translated(key):
            try:
                _write_synced(temporary, chunks, size_bytes)
                self._make_durable_folder(target.parent)
                temporary.rename(target)
                _sync_folder(target.parent)
            except BaseException:
                for path in (temporary, target):
                    with suppress(OSError):
                        path.unlink()
                raise

    def read(self, key: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = self._path(key)
        with _found(key):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return _FilePieces(key, descriptor, offset, length)

    def size_bytes(self, key: str) -> int:
        with _found(key):
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        with _translated(key):
            self._path(key).unlink(missing_ok=True)

    def entries(self, prefix: str = "") -> Iterator[ObjectEntry]:
        start = prefix.rpartition("/")[0]
        with _translated(prefix or "all objects"):
            for path, status in _files_below(self._folder / start if start else self._folder):
                key = path.relative_to(self._folder).as_posix()
                if key.startswith(prefix) and not key.startswith(f"{_TEMPORARY}/"):
                    modified = datetime.fromtimestamp(status.st_mtime, UTC)
                    yield ObjectEntry(key, status.st_size, modified)

    def free_bytes(self) -> int | None:
        with _translated("the object folder"):
            status = os.statvfs(self._folder)
        return status.f_bavail * status.f_frsize

    def room(self) -> Room:
        """How much more can be taken, and whether that is little. Raises StoreUnavailable."""
        with _translated("the object folder"):
            status = os.statvfs(self._folder)
        total_bytes = status.f_blocks * status.f_frsize
        reserve_bytes = min(self._reserve_bytes, total_bytes // _LARGEST_RESERVE)
        return Room(status.f_bavail * status.f_frsize, total_bytes, reserve_bytes)

    def _require_room(self, size_bytes: int) -> None:
        room = self.room()
        if room.free_bytes - size_bytes < room.reserve_bytes:
            raise StorageFull(
                f"no room for another {size_bytes} bytes: {room.free_bytes} are free on the disk "
                f"of the objects and {room.reserve_bytes} are kept in reserve; free some space"
            )

    def check_ready(self) -> None:
        self._require_room(0)
        probe = self._temporary / f"probe-{uuid4().hex}"
        with _translated("the object folder"):
            try:
                probe.write_bytes(b"x")
            finally:
                probe.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    def _make_root(self) -> None:
        """Make the folder survive a loss of power, with those above it that were not there."""
        missing = [one for one in self._folder.parents if not one.exists()]
        self._temporary.mkdir(parents=True, exist_ok=True)
        for folder in {one.parent for one in missing}:
            _sync_folder(folder)
        with suppress(PermissionError):  # then it was made by someone else, and long ago
            _sync_folder(self._folder.parent)
        _sync_folder(self._folder)

    def _make_durable_folder(self, folder: Path) -> None:
        """Make the folder and its parents survive a loss of power.

        A folder that is there may have been made by another process a moment ago, so the first use
        syncs the whole way up, whoever made it.
        """
        if folder in self._durable_folders:
            return
        with self._lock:
            folder.mkdir(parents=True, exist_ok=True)
            parent = folder
            while parent != self._folder:
                parent = parent.parent
                _sync_folder(parent)
            self._durable_folders.add(folder)

    def _sweep(self) -> None:
        """Remove temporary files that no living process writes: theirs are locked."""
        for path in self._temporary.iterdir():
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(descriptor)


class _FilePieces:
    """Reads an open file from `offset` in pieces; owns the descriptor."""

    def __init__(self, key: str, descriptor: int, offset: int, length: int | None) -> None:
        self._key = key
        self._descriptor: int | None = descriptor
        size = os.fstat(descriptor).st_size
        self._position = offset
        self._end = size if length is None else offset + length
        if offset > size or self._end > size:
            self.close()
            raise ObjectDamaged(
                f"object {key} has {size} bytes, but {self._end} were asked for; run 'pacs check'"
            )

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._descriptor is None or self._position >= self._end:
            self.close()
            raise StopIteration
        wanted = min(PIECE_BYTES, self._end - self._position)
        with _translated(self._key):
            piece = os.pread(self._descriptor, wanted, self._position)
        if not piece:
            self.close()
            raise ObjectDamaged(f"object {self._key} became shorter while it was read")
        self._position += len(piece)
        return piece

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()


def _write_synced(path: Path, chunks: Iterable[Chunk], size_bytes: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        written = 0
        for group in _gathered(chunks):
            written += _write_all(descriptor, group)
        if written != size_bytes:
            raise ValueError(f"{size_bytes} bytes were announced, {written} came")
        # The file is new and its length is part of what fdatasync must make durable.
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _gathered(chunks: Iterable[Chunk]) -> Iterator[list[memoryview]]:
    """Groups of chunks for one system call. A chunk is only kept until the next one is asked for,
    unless it is immutable: a receiver may re-use its buffer."""
    group: list[memoryview] = []
    size = 0
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        group.append(view)
        size += len(view)
        if size >= _GATHER_BYTES or len(group) >= _GATHER_CHUNKS or not isinstance(chunk, bytes):
            yield group
            group, size = [], 0
    if group:
        yield group


def _write_all(descriptor: int, group: list[memoryview]) -> int:
    total = 0
    while group:
        written = os.writev(descriptor, group)
        total += written
        while group and written >= len(group[0]):
            written -= len(group.pop(0))
        if group and written:
            group[0] = group[0][written:]
    return total


def make_durable_folder(folder: Path) -> None:
    """Make the folder, if need be, and let it survive a loss of power. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    # A folder that is there may have been made by a process that died before this.
    for path in missing or [folder]:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file below the folder; what vanishes while we look is left out."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path))
            continue
        with suppress(FileNotFoundError):
            yield Path(entry.path), entry.stat(follow_symlinks=False)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(
                f"no room for {what}: {error.strerror}; free some space on the disk of the objects"
            ) from error
        raise StoreUnavailable(f"{what}: {error.strerror} ({error.filename or 'file'})") from error


@contextmanager
def _found(key: str) -> Iterator[None]:
    """Like _translated, where a file that is not there means that the object is not there."""
    with _translated(key):
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectMissing(f"object {key} is not in the folder; run 'pacs check'") from error
