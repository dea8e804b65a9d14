"""Bytes on their way in: kept in memory while they are few, in a spool file when they are many."""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from pacs.errors import LimitExceeded, StorageFull, StoreUnavailable
from pacs.storage.interfaces import Chunk

_SPOOL_SUFFIX = ".incoming"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Reception:
    """Opens places for arriving instances.

    folder              for spool files; what a crash left there is swept away, never served.
    memory_limit_bytes  up to which one instance stays in memory.
    size_limit_bytes    beyond which an instance is refused.
    """

    def __init__(self, *, folder: Path, memory_limit_bytes: int, size_limit_bytes: int) -> None:
        self.folder = folder
        self.memory_limit_bytes = memory_limit_bytes
        self.size_limit_bytes = size_limit_bytes

    def open(self) -> ReceivedBytes:
        return ReceivedBytes(self)

    def sweep(self) -> int:
        """Remove spool files of a former run; to be called before anything is received."""
        self.folder.mkdir(parents=True, exist_ok=True)
        leftovers = list(self.folder.glob(f"*{_SPOOL_SUFFIX}"))
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        return len(leftovers)


class ReceivedBytes:
    """The bytes of one arriving instance or file. A context manager; not for several threads."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._mapped: mmap.mmap | None = None
        self._views: list[memoryview] = []
        self.size_bytes = 0

    def __enter__(self) -> ReceivedBytes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, chunk: Chunk) -> None:
        """Append. Raises LimitExceeded past the size limit, StorageFull, StoreUnavailable."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._reception.size_limit_bytes:
            limit = self._reception.size_limit_bytes
            raise LimitExceeded(f"the instance is larger than the {limit} bytes accepted of one")
        if self._file is None and self.size_bytes <= self._reception.memory_limit_bytes:
            self._memory += chunk
            return
        self._write_to_file(chunk)

    def _write_to_file(self, chunk: Chunk) -> None:
        try:
            if self._file is None:
                self._file = self._spool_file()
                self._file.write(self._memory)
                self._memory = bytearray()
            self._file.write(chunk)
        except OSError as error:
            raise _translated(error) from error

    def _spool_file(self) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(
            dir=self._reception.folder, suffix=_SPOOL_SUFFIX, buffering=1 << 20
        )

    def view(self) -> memoryview:
        """All bytes so far, readable until the context ends; write no more after this."""
        if self._file is None:
            return self._kept(memoryview(self._memory))
        if self._mapped is None:
            try:
                self._file.flush()
                self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            except OSError as error:
                raise _translated(error) from error
        return self._kept(memoryview(self._mapped))

    def _kept(self, view: memoryview) -> memoryview:
        self._views.append(view)
        return view

    def close(self) -> None:
        """Let go of memory and spool file; the views must no longer be used."""
        for view in self._views:
            view.release()
        if self._mapped is not None:
            _close_map(self._mapped)
        if self._file is not None:
            self._file.close()


def _close_map(mapped: mmap.mmap) -> None:
    try:
        mapped.close()
    except BufferError:
        # A slice of the view is still referenced, as by a traceback; the map goes with it.
        return


def _translated(error: OSError) -> StorageFull | StoreUnavailable:
    if error.errno in _FULL:
        return StorageFull("no room is left for incoming instances; free space in the data folder")
    return StoreUnavailable(
        f"the folder for incoming instances cannot be written: {os.strerror(error.errno or 0)}"
    )
