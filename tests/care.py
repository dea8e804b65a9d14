"""What tests of integrity share: sending into an archive, planting faults, comparing indexes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from pacs.archive.ingest import Receipt, ReceivedInstance
from pacs.archive.records import Origin, head_of
from pacs.dicom.identity import InstanceIdentity
from pacs.errors import ObjectMissing
from pacs.findings import FindingKind
from pacs.scope import system_scope
from pacs.settings import Settings
from pacs.storage.interfaces import ObjectStore, Sender, StoredInstance
from pacs.storage.object_keys import instance_key
from pacs.storage.sql_database import Database
from pacs.storage.sql_decision_tables import decisions
from pacs.storage.sql_migrations import migrate
from pacs.storage.sql_schema import (
    conflicts,
    instances,
    name_words,
    objects,
    patients,
    series,
    studies,
)
from pacs.wiring import Archive, open_archive
from tests.archives import settings_for
from tests.encodings import data_set_bytes, transfer_syntax_of

SCOPE = system_scope("test")
SENDER = Sender(how="C-STORE", actor="CT1", address="127.0.0.1")


class Clock:
    """A clock that a test turns; every look moves it on by a millisecond."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 4, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_time(self, **much: float) -> None:
        self.now += timedelta(**much)


def receive(archive: Archive, ds: Dataset, syntax: str | None = None) -> Receipt:
    received = ReceivedInstance(
        data_set=memoryview(data_set_bytes(ds, syntax)),
        transfer_syntax_uid=str(syntax or transfer_syntax_of(ds)),
        sop_class_uid=ds.get("SOPClassUID"),
        sop_instance_uid=ds.get("SOPInstanceUID"),
        sender=SENDER,
    )
    return archive.ingest.ingest(received, SCOPE)


def stored(archive: Archive, ds: Dataset) -> StoredInstance:
    found = archive.index.find(ds.SOPInstanceUID)
    assert found is not None
    return found


def served(archive: Archive, ds: Dataset) -> bytes:
    return b"".join(archive.retrieval.data_set_chunks(stored(archive, ds)))


def found(archive: Archive, *, deep: bool = True) -> list[FindingKind]:
    """What a check finds, by kind."""
    looked = archive.care.integrity.check(SCOPE, deep=deep)
    return sorted(one.finding.kind for one in looked if one.finding is not None)


# --- faults --------------------------------------------------------------------------------------


def overwrite(store: ObjectStore, key: str, data: bytes) -> None:
    """What no part of the archive would do: other bytes under a key that was used."""
    store.delete(key)
    store.put(key, (data,), size_bytes=len(data))


def flip_byte(archive: Archive, instance: StoredInstance, *, from_end: int = 10) -> None:
    store = archive.stores.own[instance.stored.store]
    data = bytearray(b"".join(store.read(instance.stored.key)))
    data[-from_end] ^= 0xFF
    overwrite(store, instance.stored.key, bytes(data))


def truncate(archive: Archive, instance: StoredInstance) -> None:
    store = archive.stores.own[instance.stored.store]
    data = b"".join(store.read(instance.stored.key))
    overwrite(store, instance.stored.key, data[:-100])


def lose(archive: Archive, instance: StoredInstance) -> None:
    archive.stores.own[instance.stored.store].delete(instance.stored.key)


def is_there(archive: Archive, key: str) -> bool:
    for store in archive.stores.own.values():
        try:
            store.size_bytes(key)
        except ObjectMissing:
            continue
        return True
    return False


def put_object(archive: Archive, ds: Dataset, *, spoil: bool = False) -> str:
    """The object of an instance whose row was never written, as after a crash in between."""
    data = data_set_bytes(ds)
    origin = Origin(archive.now(), SENDER, hashlib.sha256(data).hexdigest())
    identity = InstanceIdentity(
        str(ds.StudyInstanceUID),
        str(ds.SeriesInstanceUID),
        str(ds.SOPInstanceUID),
        str(ds.SOPClassUID),
    )
    head = head_of(identity, str(transfer_syntax_of(ds)), origin)
    if spoil:
        data = data[:-1] + bytes([data[-1] ^ 0xFF])
    key = instance_key(archive.now(), uuid4())
    archive.store.put(key, (head, data), size_bytes=len(head) + len(data))
    return key


# --- comparing -----------------------------------------------------------------------------------

# Numbers of rows and moments of writing differ; revisions rise on purpose.
_NOT_COMPARED = frozenset({"id", "revision", "changed_at"})


def contents(database: Database) -> dict[str, list[str]]:
    """All that objects and ledger remember, table by table, rows named by what they are about."""
    with database.reading() as connection:
        rows = {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in (
                patients,
                studies,
                series,
                objects,
                instances,
                conflicts,
                name_words,
                decisions,
            )
        }
    with_studies = {one["patient_row"] for one in rows["studies"]}
    rows["patients"] = [one for one in rows["patients"] if one["id"] in with_studies]
    names = {
        "patient_row": {one["id"]: one["identity_sha256"] for one in rows["patients"]},
        "study_row": {one["id"]: one["study_instance_uid"] for one in rows["studies"]},
        "series_row": {one["id"]: one["series_instance_uid"] for one in rows["series"]},
        "object_row": {one["id"]: one["key"] for one in rows["objects"]},
        "instance_row": {one["id"]: one["sop_instance_uid"] for one in rows["instances"]},
    }
    return {table: sorted(_named(one, names) for one in found) for table, found in rows.items()}


def _named(row: dict[str, Any], names: dict[str, dict[int, str]]) -> str:
    told = {
        column: names[column][value] if column in names else value
        for column, value in row.items()
        if column not in _NOT_COMPARED
    }
    return json.dumps(told, sort_keys=True, default=str, ensure_ascii=False)


def object_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "objects" / "o").rglob("*") if path.is_file())


@pytest.fixture(params=["folder+sqlite", "s3+postgresql"])
def settings_everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An installation on each kind of stores, not yet opened; without a spool."""
    more: dict[str, Any] = {}
    if request.param == "s3+postgresql":
        bucket = request.getfixturevalue("s3_bucket")
        more = {
            "database_url": request.getfixturevalue("postgresql_url"),
            "s3_endpoint": bucket.endpoint,
            "s3_bucket": bucket.name,
            "s3_access_key": bucket.access_key,
            "s3_secret_key": bucket.secret_key,
            "s3_secure": False,
            "spool": "off",
        }
        migrate(more["database_url"])
    return settings_for(tmp_path / "data", **more)


@pytest.fixture
def archive_settings(tmp_path: Path) -> Settings:
    """An installation in a folder with SQLite, not yet opened."""
    return settings_for(tmp_path / "data")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def everywhere(settings_everywhere: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """Engines without doors on each kind of stores; nothing is too young to be an orphan."""
    opened = open_archive(settings_everywhere)
    opened.reception.sweep()
    monkeypatch.setattr(opened.care.integrity, "_orphan_grace", timedelta(seconds=-10))
    yield opened
    opened.close()
