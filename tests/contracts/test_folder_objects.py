"""What a folder of files does beyond the contract: order of syncs, a failing disk, leftovers."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from pacs.errors import ArchiveError, ObjectDamaged, StorageFull, StoreUnavailable
from pacs.storage.folder_objects import FolderObjects
from pacs.storage.object_keys import instance_key

KEY = instance_key(datetime(2026, 1, 31, tzinfo=UTC), uuid4())


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EIO, StoreUnavailable),
        (errno.EROFS, StoreUnavailable),
    ],
)
def test_trouble_with_the_disk_is_said_in_our_words_and_leaves_nothing(
    tmp_path: Path, number: int, expected: type[ArchiveError]
) -> None:
    store = FolderObjects(tmp_path)

    def failing() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        raise OSError(number, os.strerror(number))

    with pytest.raises(expected):
        store.put(KEY, failing(), size_bytes=4_000_000)

    assert files_below(tmp_path) == []


def test_a_folder_that_went_away_is_unavailable_for_storing(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "objects")
    (tmp_path / "objects" / "tmp").rmdir()

    with pytest.raises(StoreUnavailable):
        store.put(KEY, [b"x"], size_bytes=1)
    with pytest.raises(StoreUnavailable):
        store.check_ready()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreUnavailable):
        FolderObjects(tmp_path / "file" / "objects")


def test_a_file_that_shrinks_while_it_is_read_is_damage(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path)
    store.put(KEY, [b"x" * 3_000_000], size_bytes=3_000_000)
    pieces = store.read(KEY)
    next(pieces)

    os.truncate(tmp_path / KEY, 600_000)

    with pytest.raises(ObjectDamaged):
        list(pieces)


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from pacs.storage.folder_objects import FolderObjects\n"
        "def chunks():\n"
        "    yield b'x' * 2_000_000\n"
        "    os._exit(9)\n"
        "store = FolderObjects(pathlib.Path(sys.argv[1]))\n"
        "store.put(sys.argv[2], chunks(), size_bytes=4_000_000)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path, KEY], check=False, timeout=60)
    left = files_below(tmp_path)

    store = FolderObjects(tmp_path)

    assert killed.returncode == 9
    assert len(left) == 1
    assert files_below(tmp_path) == []
    assert list(store.entries()) == []


def test_what_another_process_is_writing_is_not_swept(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path)

    def chunks() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        FolderObjects(tmp_path)  # another program starts
        yield b"y"

    store.put(KEY, chunks(), size_bytes=2_000_001)

    assert store.size_bytes(KEY) == 2_000_001


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_answer(
    tmp_path: Path, need: Callable[[str], Path]
) -> None:
    strace, log = need("strace"), tmp_path / "log"
    script = (
        "import os, sys, pathlib; from pacs.storage.folder_objects import FolderObjects\n"
        "store = FolderObjects(pathlib.Path(sys.argv[1]))\n"
        "store.put(sys.argv[2], [b'x' * 3_000_000], size_bytes=3_000_000)\n"
        "os.write(2, b'answered')\n"
    )
    trace = [strace, "-y", "-e", f"trace={','.join(CALLS)},write", "-o", log]
    program = [sys.executable, "-c", script, tmp_path / "objects", KEY]
    subprocess.run([*map(str, trace + program)], check=True, capture_output=True, timeout=60)

    said = _what_happened(log.read_text(), str(tmp_path))

    day = f"objects/{KEY.rpartition('/')[0]}"
    month, year, instances = day[:-3], day[:-6], "objects/o"
    assert said == [
        "mkdir objects",
        "mkdir objects/tmp",
        "fsync .",
        "fsync objects",
        "writev objects/tmp/*",
        "fdatasync objects/tmp/*",
        *(f"mkdir {folder}" for folder in (instances, year, month, day)),
        *(f"fsync {folder}" for folder in (month, year, instances, "objects")),
        f"rename objects/tmp/* objects/{KEY}",
        f"fsync {day}",
        "answered",
    ]


CALLS = ("mkdir", "writev", "fsync", "fdatasync", "rename")


def _what_happened(log: str, root: str) -> list[str]:
    """The calls that succeeded on paths below the folder, in short, each once in a row."""
    said: list[str] = []
    for line in log.splitlines():
        if '"answered"' in line:
            said.append("answered")
        paths = re.findall(rf'["<]{re.escape(root)}([^">]*)[">]', line)
        call = line.partition("(")[0]
        if call in CALLS and paths and ") = -1 " not in line:
            short = (re.sub(r"tmp/.*", "tmp/*", path).strip("/") or "." for path in paths)
            entry = f"{call} {' '.join(short)}"
            if entry not in said[-1:]:
                said.append(entry)
    return said
