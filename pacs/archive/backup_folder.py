"""A backup as a folder: objects once, and for each time a run with the index and a manifest.

objects/o/2026/01/31/...    as in the archive, written once
runs/20260131T020000Z/      manifest.json, its digest, settings.json, secrets.json,
                            objects.jsonl.gz, and a file of rows for each table
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from pacs.errors import ObjectDamaged, RequestInvalid, StorageFull, StoreUnavailable

MANIFEST = "manifest.json"
VERSION = 1

_MANIFEST_DIGEST = "manifest.sha256"
_PARTIAL = ".partial"
_LINES = ".jsonl.gz"
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class BackedUpRun:
    """A finished run, read-only."""

    folder: Path
    manifest: Mapping[str, Any]

    def check(self) -> None:
        """Compare each file with the manifest. Raises ObjectDamaged."""
        for name, expected in self.manifest["files"].items():
            try:
                found = _facts(self.folder / name)
            except OSError as error:
                raise ObjectDamaged(f"{name} of the backup cannot be read: {error}") from error
            if found != expected:
                raise ObjectDamaged(f"{name} of the backup is not what was written; use another")

    def lines(self, name: str) -> Iterator[Any]:
        with gzip.open(self.folder / f"{name}{_LINES}") as file:
            for line in file:
                yield orjson.loads(line)


class NewRun:
    """A run that is being written; it counts when it is finished."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._partial = folder.with_name(f"{folder.name}{_PARTIAL}")
        self._partial.mkdir(mode=0o700)

    def lines(self, name: str, rows: Iterator[Any]) -> int:
        """Write each row as a line of JSON; how many there were."""
        count = 0
        with self.writer(name) as write:
            for row in rows:
                write(row)
                count += 1
        return count

    @contextmanager
    def writer(self, name: str) -> Iterator[Callable[[Any], None]]:
        path = self._partial / f"{name}{_LINES}"
        with _told(path), gzip.open(path, "wb", compresslevel=5) as file:

            def write(row: Any) -> None:
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

            yield write

    def read(self, name: str) -> Iterator[Any]:
        return BackedUpRun(self._partial, {}).lines(name)

    def drop(self, name: str) -> None:
        (self._partial / f"{name}{_LINES}").unlink()

    def json(self, name: str, value: Any) -> None:
        path = self._partial / f"{name}.json"
        with _told(path):
            path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the manifest; the run is complete and on the disk when this returns."""
        with _told(self._partial):
            files = {one.name: _facts(one) for one in sorted(self._partial.iterdir())}
            self.json("manifest", {"version": VERSION, **facts, "files": files})
            digest = _facts(self._partial / MANIFEST)["sha256"]
            (self._partial / _MANIFEST_DIGEST).write_text(f"{digest}\n")
            for path in (*self._partial.iterdir(), self._partial):
                _sync(path)
            self._partial.rename(self._folder)
            _sync(self._folder.parent)
        for old in _finished(self._folder.parent)[: -self._keep]:
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def new_run(folder: Path, at: datetime, *, keep: int) -> Iterator[NewRun]:
    """Begin a run; one at a time in a folder. keep  how many runs, with this one, stay."""
    runs = folder / "runs"
    with _told(folder):
        runs.mkdir(parents=True, exist_ok=True)
        lock = os.open(runs, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RequestInvalid(f"another backup is writing to {folder}") from error
        for broken_off in runs.glob(f"*{_PARTIAL}"):
            shutil.rmtree(broken_off, ignore_errors=True)
        with _told(runs):
            run = NewRun(runs / f"{at:%Y%m%dT%H%M%S.%fZ}", keep)
        yield run
    finally:
        os.close(lock)


def newest_run(folder: Path) -> BackedUpRun:
    """The last one that was finished. Raises RequestInvalid, ObjectDamaged."""
    found = _finished(folder / "runs")
    if not found:
        raise RequestInvalid(f"there is no finished backup in {folder}")
    newest = found[-1]
    try:
        digest = (newest / _MANIFEST_DIGEST).read_text().strip()
        written = (newest / MANIFEST).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise ObjectDamaged(f"the manifest in {newest} cannot be read: {error}") from error
    if hashlib.sha256(written).hexdigest() != digest:
        raise ObjectDamaged(f"the manifest in {newest} is not what was written; use another run")
    manifest = orjson.loads(written)
    if manifest["version"] != VERSION:
        raise RequestInvalid(
            f"the backup in {folder} was made by version {manifest['program']} of this program; "
            "install that one to restore it"
        )
    return BackedUpRun(newest, manifest)


def _finished(runs: Path) -> list[Path]:
    """Oldest first: they are called by their time."""
    return sorted(path.parent for path in runs.glob(f"*Z/{_MANIFEST_DIGEST}"))


def _facts(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return {"size_bytes": size, "sha256": digest.hexdigest()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        with suppress(OSError):
            if shutil.disk_usage(path.parent).free < _READ_BYTES:
                raise StorageFull(f"no room for the backup in {path.parent}") from error
        raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error
