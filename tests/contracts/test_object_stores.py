"""What an ObjectStore promises, asked of every kind of store over its real medium."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from pacs.errors import ObjectDamaged, ObjectMissing
from pacs.storage.folder_objects import FolderObjects
from pacs.storage.interfaces import Chunk, ObjectStore
from pacs.storage.object_keys import instance_key, ledger_key
from pacs.storage.s3_objects import PART_BYTES, S3Objects

MIB = 1024 * 1024


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "folder":
        yield FolderObjects(tmp_path / "objects")
        return
    bucket = request.getfixturevalue("s3_bucket")
    objects = S3Objects(
        bucket.endpoint,
        bucket.name,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        region=bucket.region,
        secure=False,
    )
    yield objects
    objects.close()


def new_key() -> str:
    return instance_key(datetime(2026, 1, 31, tzinfo=UTC), uuid4())


def put(store: ObjectStore, content: bytes, key: str | None = None) -> str:
    key = key or new_key()
    store.put(key, [content], size_bytes=len(content))
    return key


def content_of(store: ObjectStore, key: str) -> bytes:
    return b"".join(store.read(key))


def keys_of(store: ObjectStore, prefix: str = "") -> set[str]:
    return {entry.key for entry in store.entries(prefix)}


@pytest.mark.parametrize("size", [0, 1, 4095, MIB, 3 * MIB + 1])
def test_what_goes_in_comes_out(store: ObjectStore, size: int) -> None:
    content = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)

    key = put(store, content[:size])

    assert content_of(store, key) == content[:size]
    assert store.size_bytes(key) == size


def test_pieces_of_any_kind_and_size_are_joined(store: ObjectStore) -> None:
    buffer, view = bytearray(b"x" * 70_000), memoryview(b"y" * 3)
    parts: list[Chunk] = [b"", b"head", buffer, view, b"", b"z" * (2 * MIB)]
    whole = b"".join(parts)
    key = new_key()

    store.put(key, iter(parts), size_bytes=len(whole))

    assert content_of(store, key) == whole


def test_a_buffer_that_is_used_again_is_not_mixed_up(store: ObjectStore) -> None:
    buffer = bytearray(1000)

    def filled() -> Iterator[memoryview]:
        for number in range(5):
            buffer[:] = bytes([number]) * 1000
            yield memoryview(buffer)

    key = new_key()
    store.put(key, filled(), size_bytes=5000)

    assert content_of(store, key) == b"".join(bytes([number]) * 1000 for number in range(5))


def test_an_object_larger_than_one_request_arrives_whole(store: ObjectStore) -> None:
    piece = bytes(range(256)) * 4096
    count = PART_BYTES // len(piece) + 3
    key = new_key()

    store.put(key, (piece for _ in range(count)), size_bytes=count * len(piece))

    expected = hashlib.sha256(piece * count).hexdigest()
    assert hashlib.sha256(content_of(store, key)).hexdigest() == expected


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (9, 1, b"9"),
        (10, None, b""),
        (4, 0, b""),
        (10, 0, b""),
    ],
)
def test_a_part_can_be_read(
    store: ObjectStore, offset: int, length: int | None, expected: bytes
) -> None:
    key = put(store, b"0123456789")

    assert b"".join(store.read(key, offset=offset, length=length)) == expected


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (8, 3), (10, 1), (11, None), (11, 0)])
def test_asking_for_more_than_is_there_is_damage(
    store: ObjectStore, offset: int, length: int | None
) -> None:
    key = put(store, b"0123456789")

    with pytest.raises(ObjectDamaged):
        list(store.read(key, offset=offset, length=length))


def test_pieces_are_of_bounded_size(store: ObjectStore) -> None:
    key = put(store, b"x" * (3 * MIB))

    assert max(len(piece) for piece in store.read(key)) <= MIB


def test_reading_can_be_broken_off(store: ObjectStore) -> None:
    key = put(store, b"x" * (8 * MIB))
    pieces = store.read(key)
    next(pieces)

    pieces.close()  # type: ignore[attr-defined]  # promised beyond Iterator

    assert list(pieces) == []
    assert content_of(store, key) == b"x" * (8 * MIB)


def test_what_is_not_there_is_missing_at_once(store: ObjectStore) -> None:
    key = new_key()

    for ask in (store.read, store.size_bytes):
        with pytest.raises(ObjectMissing):
            ask(key)


@pytest.mark.parametrize("announced", [9, 11])
def test_another_length_than_announced_leaves_nothing(store: ObjectStore, announced: int) -> None:
    key = new_key()

    with pytest.raises(ValueError, match="announced"):
        store.put(key, [b"01234", b"56789"], size_bytes=announced)

    assert keys_of(store) == set()


def test_a_source_that_breaks_leaves_nothing(store: ObjectStore) -> None:
    key = new_key()

    def broken() -> Iterator[bytes]:
        yield b"x" * (2 * MIB)
        raise ConnectionResetError

    with pytest.raises(Exception):  # noqa: B017, PT011  whatever: what counts is what is left
        store.put(key, broken(), size_bytes=4 * MIB)

    assert keys_of(store) == set()
    with pytest.raises(ObjectMissing):
        store.read(key)


def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: ObjectStore) -> None:
    key, other = put(store, b"one"), put(store, b"two")

    store.delete(key)
    store.delete(key)

    assert keys_of(store) == {other}


def test_entries_tell_key_size_and_time(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    key = put(store, b"12345")

    [entry] = store.entries()

    assert (entry.key, entry.size_bytes) == (key, 5)
    assert before <= entry.modified <= datetime.now(UTC) + timedelta(seconds=2)


def test_entries_are_narrowed_by_the_beginning_of_the_key(store: ObjectStore) -> None:
    old = instance_key(datetime(2025, 12, 31, tzinfo=UTC), uuid4())
    new = instance_key(datetime(2026, 1, 31, tzinfo=UTC), uuid4())
    ledger = ledger_key(datetime(2026, 1, 31, tzinfo=UTC), uuid4())
    for key in (old, new, ledger):
        put(store, b"x", key)

    found = {prefix: keys_of(store, prefix) for prefix in ("", "o/", "o/2026", "o/20", "ledger/")}

    assert found == {
        "": {old, new, ledger},
        "o/": {old, new},
        "o/2026": {new},
        "o/20": {old, new},
        "ledger/": {ledger},
    }


@pytest.mark.parametrize("key", ["", "o/../x", "/etc/passwd", "o/a b", "tmp/x", "o/./x", "x/1"])
def test_what_is_no_key_of_ours_is_refused(store: ObjectStore, key: str) -> None:
    for ask in (store.read, store.size_bytes, store.delete):
        with pytest.raises(ValueError, match="no key"):
            ask(key)
    with pytest.raises(ValueError, match="no key"):
        store.put(key, [b"x"], size_bytes=1)


def test_many_threads_store_at_once(store: ObjectStore) -> None:
    contents = {new_key(): bytes([number]) * 100_000 for number in range(16)}
    threads = [
        threading.Thread(target=put, args=(store, content, key))
        for key, content in contents.items()
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {key: content_of(store, key) for key in contents} == contents


def test_a_working_store_is_ready(store: ObjectStore) -> None:
    store.check_ready()

    assert store.name
    assert keys_of(store) == set()
    free = store.free_bytes()
    assert free is None or free > 0
