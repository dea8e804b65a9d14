"""Injected failures happen when they are meant to, and only then."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from pacs.errors import StorageFull
from pacs.storage.folder_objects import FolderObjects
from pacs.storage.interfaces import ObjectStore
from tests.faults import failing


def put(store: ObjectStore) -> str:
    key = f"o/2026/01/31/{uuid4()}"
    store.put(key, [b"x"], size_bytes=1)
    return key


def test_only_the_chosen_calls_fail(tmp_path: Path) -> None:
    store = failing(FolderObjects(tmp_path), "put", StorageFull("no room"), on_call=2, times=2)

    put(store)
    for _ in range(2):
        with pytest.raises(StorageFull):
            put(store)
    put(store)

    assert len(list(store.entries())) == 2


def test_a_lost_answer_leaves_what_was_done(tmp_path: Path) -> None:
    store = failing(FolderObjects(tmp_path), "put", StorageFull("no room"), after=True)

    with pytest.raises(StorageFull):
        put(store)

    assert len(list(store.entries())) == 1


def test_a_method_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        failing(FolderObjects(tmp_path), "putt", StorageFull("no room"))
