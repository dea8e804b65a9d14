"""From the spool to the store where objects stay: nothing is lost, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from pacs.archive.ingest import ReceivedInstance
from pacs.archive.uploading import Uploader
from pacs.errors import (
    ArchiveError,
    IndexUnavailable,
    ObjectMissing,
    StorageFull,
    StoreUnavailable,
)
from pacs.nodes import SpoolRows
from pacs.scope import system_scope
from pacs.settings import Spool
from pacs.storage.folder_objects import FolderObjects
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectStore, Sender, StoredInstance
from pacs.storage.spool_objects import SpoolObjects, node_name
from pacs.storage.sql_database import Database
from pacs.storage.sql_migrations import open_database
from pacs.storage.sql_spool import SqlSpoolRows
from pacs.wiring import Archive, open_archive
from tests.archives import settings_for
from tests.builders import ct_series, ct_slice
from tests.encodings import data_set_bytes
from tests.faults import failing

SENDER = Sender(how="C-STORE", actor="CT1", address="127.0.0.1")
# Nobody listens there: what is meant to reach S3 would say so.
NOWHERE = {"s3_endpoint": "127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "b"}


@dataclass
class Household:
    """An archive that keeps what it takes in its spool, and what is needed to empty that."""

    archive: Archive
    spool: SpoolObjects
    target: FolderObjects
    rows: SpoolRows

    def uploader(
        self, *, target: ObjectStore | None = None, rows: SpoolRows | None = None
    ) -> Uploader:
        stores = {self.spool.name: self.spool, self.target.name: self.target}
        return Uploader(
            spool=self.spool,
            target=target or self.target,
            rows=rows or self.rows,
            reader=InstanceReader(stores.get, lambda _key: None),
            workers=2,
        )

    def take_in(self, count: int) -> list[StoredInstance]:
        return [take_in(self.archive, ds) for ds in ct_series(count)]

    def where(self, instance: StoredInstance) -> str:
        return self.rows.stores_of([instance.stored.key])[instance.stored.key]


def take_in(archive: Archive, ds: Dataset) -> StoredInstance:
    received = ReceivedInstance(
        data_set=memoryview(data_set_bytes(ds)),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        sop_class_uid=None,
        sop_instance_uid=None,
        sender=SENDER,
    )
    receipt = archive.ingest.ingest(received, system_scope("test"))
    found = archive.index.find(receipt.identity.sop_instance_uid)
    assert found is not None
    return found


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    archive = open_archive(settings_for(tmp_path / "data", **NOWHERE))
    database: Database = open_database(archive.settings.index_url)
    spool = archive.stores.spool
    assert spool is not None
    yield Household(
        archive, spool, FolderObjects(tmp_path / "final", name="s3"), SqlSpoolRows(database)
    )
    database.close()
    archive.close()


def keys(store: ObjectStore) -> set[str]:
    return {entry.key for entry in store.entries("o/")}


def test_an_instance_is_taken_in_and_read_while_s3_is_away(household: Household) -> None:
    [instance] = household.take_in(1)

    content = b"".join(household.archive.retrieval.data_set_chunks(instance))

    assert instance.stored.store == household.spool.name
    assert len(content) == instance.stored.data_set_size


def test_what_waits_moves_with_its_row_and_leaves_the_spool(household: Household) -> None:
    instances = household.take_in(3)

    moved = household.uploader().upload_waiting()

    assert moved == 3
    assert {household.where(one) for one in instances} == {"s3"}
    assert keys(household.target) == {one.stored.key for one in instances}
    assert keys(household.spool) == set()


def test_a_reader_that_knows_the_old_row_finds_what_has_moved(household: Household) -> None:
    [instance] = household.take_in(1)
    stores = {household.spool.name: household.spool, "s3": household.target}
    reader = InstanceReader(stores.get, lambda key: household.rows.stores_of([key]).get(key))
    household.uploader().upload_waiting()

    content = b"".join(reader.data_set(instance.stored))

    assert len(content) == instance.stored.data_set_size


def test_a_reader_that_has_begun_reads_to_the_end(household: Household) -> None:
    [instance] = household.take_in(1)
    reading = household.archive.retrieval.data_set_chunks(instance)
    household.uploader().upload_waiting()

    content = b"".join(reading)

    assert len(content) == instance.stored.data_set_size


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StorageFull("full")])
def test_what_cannot_be_put_stays_and_goes_the_next_time(
    household: Household, error: ArchiveError
) -> None:
    instances = household.take_in(2)
    uploader = household.uploader(target=failing(household.target, "put", error, times=2))

    with pytest.raises(type(error)):
        uploader.upload_waiting()

    assert uploader.trouble == error.message
    assert {household.where(one) for one in instances} == {household.spool.name}
    assert uploader.upload_waiting() == 2
    assert uploader.trouble is None


def test_what_arrived_is_kept_although_another_did_not(household: Household) -> None:
    household.take_in(4)
    target = failing(household.target, "put", StoreUnavailable("away"), on_call=2)

    with pytest.raises(StoreUnavailable):
        household.uploader(target=target).upload_waiting()

    assert len(keys(household.target)) == 3
    assert len(keys(household.spool)) == 1


def test_one_that_cannot_be_read_does_not_keep_the_others_in_the_spool(
    household: Household,
) -> None:
    household.take_in(40)
    target = failing(household.target, "put", StoreUnavailable("input/output error"))

    with pytest.raises(StoreUnavailable):
        household.uploader(target=target).upload_waiting()

    assert len(keys(household.target)) == 39


def test_a_store_that_forgets_what_it_was_given_is_not_believed(household: Household) -> None:
    [instance] = household.take_in(1)
    target = failing(household.target, "size_bytes", ObjectMissing("gone"))
    uploader = household.uploader(target=target)

    with pytest.raises(StoreUnavailable):
        uploader.upload_waiting()

    assert household.where(instance) == household.spool.name
    assert uploader.damaged == frozenset()
    assert uploader.upload_waiting() == 1


def test_nothing_leaves_the_spool_before_its_row_says_so(household: Household) -> None:
    [instance] = household.take_in(1)
    rows = failing(household.rows, "moved", IndexUnavailable("away"))

    with pytest.raises(IndexUnavailable):
        household.uploader(rows=rows).upload_waiting()

    assert keys(household.spool) == {instance.stored.key}
    assert household.uploader().upload_waiting() == 1


def test_a_crash_before_the_spool_was_cleared_leaves_nothing_behind(household: Household) -> None:
    moved, waiting = household.take_in(2)
    household.rows.moved([moved.stored.key], spool=household.spool.name, to="s3")

    removed = household.uploader().sweep()

    assert removed == 1
    assert keys(household.spool) == {waiting.stored.key}


def test_a_damaged_object_is_told_and_stops_no_other(household: Household, tmp_path: Path) -> None:
    damaged, whole = household.take_in(2)
    path = tmp_path / "data" / "spool" / damaged.stored.key
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    uploader = household.uploader()

    assert uploader.upload_waiting() == 1

    assert household.where(whole) == "s3"
    assert household.where(damaged) == household.spool.name
    assert uploader.damaged == {damaged.stored.key}
    assert keys(household.target) == {whole.stored.key}


def test_without_a_spool_an_instance_waits_for_s3(tmp_path: Path) -> None:
    archive = open_archive(settings_for(tmp_path / "data", spool=Spool.OFF, **NOWHERE))

    with closing(archive), pytest.raises(StoreUnavailable):
        take_in(archive, ct_slice())

    assert archive.uploader is None


def test_a_spool_that_was_switched_off_is_still_read_and_emptied(tmp_path: Path) -> None:
    with closing(open_archive(settings_for(tmp_path / "data", **NOWHERE))) as before:
        instance = take_in(before, ct_slice())

    with closing(
        open_archive(settings_for(tmp_path / "data", spool=Spool.OFF, **NOWHERE))
    ) as archive:
        content = b"".join(archive.retrieval.data_set_chunks(instance))
        uploader = archive.uploader

        assert len(content) == instance.stored.data_set_size
        assert archive.stores.incoming is archive.stores.final
        assert uploader is not None
        assert uploader.state().waiting.objects == 1


def test_one_process_of_a_node_empties_the_spool(tmp_path: Path) -> None:
    first, second = (SpoolObjects(tmp_path / "spool", node="a") for _ in range(2))

    assert first.claim_upload()
    assert not second.claim_upload()
    first.close()
    assert second.claim_upload()
    second.close()


def test_a_node_keeps_its_name(tmp_path: Path) -> None:
    names = {node_name(tmp_path) for _ in range(3)}

    assert len(names) == 1
    assert names.pop().isalnum()


def test_a_full_spool_refuses_before_the_disk_is_full(tmp_path: Path) -> None:
    spool = SpoolObjects(tmp_path / "spool", node="a", reserve_bytes=1 << 62)
    room = spool.room()

    with pytest.raises(StorageFull):
        spool.put("o/2026/01/31/a", [b"x"], size_bytes=room.free_bytes)

    assert 0 < room.reserve_bytes <= room.total_bytes // 20
    assert keys(spool) == set()
