"""A backup holds all that its index names, and comes back as it was, or says what is wrong."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from pacs.archive.backup import BackedUp
from pacs.archive.backup_folder import BackedUpRun, newest_run
from pacs.archive.restoring import Restored
from pacs.errors import ObjectDamaged, RequestInvalid
from pacs.findings import FindingKind
from pacs.scope import Role
from pacs.settings import Settings, Spool
from pacs.storage.interfaces import Selection
from pacs.storage.sql_dump import SqlDump
from pacs.wiring import Archive, open_archive, utc_now
from pacs.wiring_backup import (
    build_backup,
    build_restoring,
    objects_of_backup,
    plan_backup,
    prepare_empty,
)
from tests.archives import settings_for
from tests.builders import ct_series, ct_slice
from tests.care import SCOPE, Clock, flip_byte, found, lose, receive, served, stored
from tests.encodings import data_set_bytes


@contextmanager
def opened(settings: Settings, now: Callable[[], datetime] = utc_now) -> Iterator[Archive]:
    archive = open_archive(settings, now=now)
    archive.reception.sweep()
    try:
        yield archive
    finally:
        archive.close()


def back_up(archive: Archive, to: Path, *, copies: bool = True, keep: int = 7) -> list[BackedUp]:
    plan = plan_backup(archive.settings, to, copies=copies, keep=keep)
    return list(build_backup(archive).run(plan, SCOPE))


def restore(settings: Settings, source: Path) -> list[Restored]:
    prepare_empty(settings)
    with opened(settings) as archive:
        steps = build_restoring(archive).run(newest_run(source), objects_of_backup(source), SCOPE)
        return list(steps)


def troubles(steps: list[BackedUp] | list[Restored]) -> list[str]:
    return [step.trouble for step in steps if step.trouble is not None]


def rows(settings: Settings) -> dict[str, list[object]]:
    with SqlDump(settings.index_url).look() as look:
        return {table: list(look.rows(table)) for table in look.tables}


def objects_of(archive: Archive) -> dict[str, bytes]:
    """Instances and ledger, byte by byte."""
    store = archive.stores.final
    return {one.key: b"".join(store.read(one.key)) for one in store.entries()}


def with_a_history(archive: Archive) -> list[Dataset]:
    """A series, a conflict, a trashed study, a correction, a user with a token, a peer's knock."""
    kept, trashed = ct_series(3), ct_slice()
    for ds in (*kept, trashed, ct_slice(sop_instance_uid=kept[0].SOPInstanceUID)):
        receive(archive, ds)
    care = archive.care
    care.removal.delete(Selection((trashed.StudyInstanceUID,)), SCOPE, reason="a test")
    attributes = {"PatientName": "LÊ^CẢNH"}
    care.corrections.correct(kept[0].StudyInstanceUID, attributes, SCOPE, reason="a test")
    archive.accounts.add_user("an", "mat-khau-rat-dai", Role.ADMINISTRATOR, scope=SCOPE)
    archive.accounts.create_token("an", role=None, scope=SCOPE)
    archive.peers.record_knock("CT9", "127.0.0.1", "store", archive.now())
    return kept


@contextmanager
def receiving_on(archive: Archive) -> Iterator[threading.Semaphore]:
    """Instances arrive all the time; the semaphore tells of each."""
    stopping, arrived = threading.Event(), threading.Semaphore(0)

    def receive_on() -> None:
        while not stopping.is_set():
            receive(archive, ct_slice(rows=4, columns=4))
            arrived.release()

    sender = threading.Thread(target=receive_on)
    sender.start()
    try:
        yield arrived
    finally:
        stopping.set()
        sender.join()


def a_copied_object(backup: Path) -> Path:
    return next(path for path in (backup / "objects" / "o").rglob("*") if path.is_file())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.fixture
def backed_up(archive: Archive, tmp_path: Path) -> Path:
    """A backup of an archive with one series."""
    for ds in ct_series(3):
        receive(archive, ds)
    back_up(archive, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def empty_place(
    request: pytest.FixtureRequest, settings_everywhere: Settings, tmp_path: Path
) -> Iterator[Settings]:
    """Where to restore to: of the same kind as `settings_everywhere`."""
    own = {"data_dir": tmp_path / "restored"}
    if settings_everywhere.database_url is None:
        yield settings_everywhere.model_copy(update=own)
        return
    bucket = request.getfixturevalue("s3_server").fresh_bucket()
    with request.getfixturevalue("postgresql_server").fresh_database() as url:
        apart = {"database_url": url, "s3_bucket": bucket.name}
        yield settings_everywhere.model_copy(update=own | apart)


def test_all_comes_back_on_an_empty_machine(
    settings_everywhere: Settings, empty_place: Settings, tmp_path: Path
) -> None:
    with opened(settings_everywhere) as archive:
        with_a_history(archive)
        bytes_before = objects_of(archive)
        assert troubles(back_up(archive, tmp_path / "backup")) == []
    before = rows(settings_everywhere)
    shutil.rmtree(settings_everywhere.data_dir)

    assert troubles(restore(empty_place, tmp_path / "backup")) == []

    after = rows(empty_place)
    for table, expected in before.items():
        assert (table, after[table]) == (table, expected)
    with opened(empty_place) as archive:
        assert objects_of(archive) == bytes_before
        assert found(archive) == []
        receive(archive, ct_slice())  # numbers go on where they were
        assert found(archive) == []


def test_a_backup_of_one_kind_comes_back_on_another(
    settings_everywhere: Settings, tmp_path: Path
) -> None:
    """A drill restores into a folder with SQLite whatever the archive is made of."""
    aside = settings_for(tmp_path / "aside")
    with opened(settings_everywhere) as archive:
        with_a_history(archive)
        back_up(archive, tmp_path / "backup")

    assert troubles(restore(aside, tmp_path / "backup")) == []

    with opened(aside) as archive:
        compared = list(build_restoring(archive).compare(newest_run(tmp_path / "backup")))
        assert sum(table.rows for table in compared) > 20
        assert [table for table in compared if table.wrong] == []
        assert found(archive) == []


def test_what_the_copied_index_names_is_copied_while_instances_arrive(
    settings_everywhere: Settings, tmp_path: Path
) -> None:
    with opened(settings_everywhere) as archive:
        receive(archive, ct_slice())
        with receiving_on(archive) as arrived:
            for _ in range(3):
                assert arrived.acquire(timeout=30)
                assert troubles(back_up(archive, tmp_path / "backup")) == []

    again = settings_for(tmp_path / "again")
    assert troubles(restore(again, tmp_path / "backup")) == []
    assert len(rows(again)["instances"]) > 1
    with opened(again) as archive:
        assert found(archive) == []


def test_what_waits_in_the_spool_is_copied_even_by_reference(
    settings_everywhere: Settings, empty_place: Settings, tmp_path: Path
) -> None:
    spooling = settings_everywhere.model_copy(update={"spool": Spool.ON})
    ds = ct_slice()
    with opened(spooling) as archive:
        receive(archive, ds)
        was_spooled = stored(archive, ds).stored.store.startswith("spool:")
        assert was_spooled is bool(spooling.s3_endpoint)
        assert troubles(back_up(archive, tmp_path / "backup", copies=False)) == []

    copied = list((tmp_path / "backup" / "objects" / "o").rglob("*"))
    assert bool(copied) is was_spooled
    if was_spooled:
        assert troubles(restore(empty_place, tmp_path / "backup")) == []
        with opened(empty_place) as archive:
            assert served(archive, ds) == data_set_bytes(ds)


def test_an_index_comes_back_to_objects_that_stayed(
    archive_settings: Settings, tmp_path: Path
) -> None:
    """By reference: the database was lost, the store was not."""
    with opened(archive_settings) as archive:
        [ds, *_] = with_a_history(archive)
        before = served(archive, ds)
        back_up(archive, tmp_path / "backup", copies=False)
    for file in archive_settings.data_dir.glob("index.sqlite*"):
        file.unlink()

    assert troubles(restore(archive_settings, tmp_path / "backup")) == []

    with opened(archive_settings) as archive:
        assert served(archive, ds) == before
        assert found(archive) == []


def test_what_is_removed_while_the_backup_is_made_is_noted(
    archive_settings: Settings, tmp_path: Path, clock: Clock
) -> None:
    with opened(archive_settings, clock) as archive:
        sent = [ct_slice(), ct_slice()]
        for ds in sent:
            receive(archive, ds)
        plan = plan_backup(archive.settings, tmp_path / "backup", copies=True, keep=7)
        going = build_backup(archive).run(plan, SCOPE)
        steps = [next(going)]
        studies = tuple(str(ds.StudyInstanceUID) for ds in sent)
        archive.care.removal.delete(Selection(studies), SCOPE, reason="a test")
        archive.care.removal.empty(timedelta(0), SCOPE, reason="a test")
        clock.pass_time(hours=25)
        assert archive.care.removal.collect() == 2
        steps += going

    assert troubles(steps) == []
    restored = restore(settings_for(tmp_path / "again"), tmp_path / "backup")
    assert troubles(restored) == []
    assert [step.removed for step in restored].count(True) == 1
    with opened(settings_for(tmp_path / "again")) as again:
        assert FindingKind.MISSING in found(again)
        list(again.care.repair.run(SCOPE))
        assert found(again) == []


def test_numbers_given_out_are_not_given_again(
    settings_everywhere: Settings, empty_place: Settings, tmp_path: Path
) -> None:
    """Whoever follows the feed of changes remembers the last number it saw."""
    with opened(settings_everywhere) as archive:
        with_a_history(archive)
        back_up(archive, tmp_path / "backup")
    with SqlDump(settings_everywhere.index_url).look() as look:
        before = look.counters()

    restore(empty_place, tmp_path / "backup")

    with SqlDump(empty_place.index_url).look() as look:
        assert look.counters() == before
    with opened(empty_place) as archive:
        receive(archive, ct_slice())
    with SqlDump(empty_place.index_url).look() as look:
        assert look.counters()["changes"] == before["changes"] + 1


def test_a_second_backup_copies_only_what_is_new(archive: Archive, tmp_path: Path) -> None:
    receive(archive, ct_slice())
    back_up(archive, tmp_path / "backup")
    first = a_copied_object(tmp_path / "backup")
    before = first.stat()
    receive(archive, ct_slice())

    back_up(archive, tmp_path / "backup", keep=1)

    assert first.stat().st_ino == before.st_ino
    assert len([p for p in (tmp_path / "backup/objects/o").rglob("*") if p.is_file()]) == 2
    assert len(list((tmp_path / "backup/runs").iterdir())) == 1


def test_a_flipped_byte_of_a_copied_object_is_found(backed_up: Path, tmp_path: Path) -> None:
    flipped = a_copied_object(backed_up)
    flip(flipped)

    told = troubles(restore(settings_for(tmp_path / "restored"), backed_up))

    assert len(told) == 1
    assert flipped.name in told[0]


def files_of_a_run() -> list[str]:
    return ["manifest.json", "instances.jsonl.gz", "objects-listed.jsonl.gz", "settings.json"]


@pytest.mark.parametrize("name", files_of_a_run())
def test_a_flipped_byte_of_the_copied_index_stops_the_restore(
    backed_up: Path, tmp_path: Path, name: str
) -> None:
    flip(newest_run(backed_up).folder / name)
    target = settings_for(tmp_path / "restored")

    with pytest.raises(ObjectDamaged, match="not what was written"):
        restore(target, backed_up)

    assert rows(target)["instances"] == []


def test_a_damaged_object_is_told_and_not_taken_for_good(archive: Archive, tmp_path: Path) -> None:
    damaged, lost = ct_slice(), ct_slice()
    receive(archive, damaged)
    receive(archive, lost)
    flip_byte(archive, stored(archive, damaged))
    lose(archive, stored(archive, lost))

    told = troubles(back_up(archive, tmp_path / "backup"))
    told_again = troubles(restore(settings_for(tmp_path / "restored"), tmp_path / "backup"))

    keys = [stored(archive, ds).stored.key for ds in (damaged, lost)]
    for sentences in (told, told_again):
        assert len(sentences) == 2
        assert all(any(key in sentence for sentence in sentences) for key in keys)


def test_a_database_in_use_is_not_overwritten(backed_up: Path, tmp_path: Path) -> None:
    target = settings_for(tmp_path / "other")
    ds = ct_slice()
    with opened(target) as other:
        receive(other, ds)

    with pytest.raises(RequestInvalid, match="database is not empty"):
        restore(target, backed_up)

    with opened(target) as other:
        assert served(other, ds) == data_set_bytes(ds)


def test_a_store_in_use_is_not_mixed(backed_up: Path, tmp_path: Path) -> None:
    target = settings_for(tmp_path / "other")
    with opened(target) as other:
        receive(other, ct_slice())
    for file in target.data_dir.glob("index.sqlite*"):
        file.unlink()

    with pytest.raises(RequestInvalid, match="store 'folder' is not empty"):
        restore(target, backed_up)

    assert rows(target)["instances"] == []


def test_a_backup_that_broke_off_does_not_count(archive: Archive, tmp_path: Path) -> None:
    receive(archive, ct_slice())
    plan = plan_backup(archive.settings, tmp_path / "backup", copies=True, keep=7)
    going = build_backup(archive).run(plan, SCOPE)
    next(going)
    going.close()  # type: ignore[attr-defined]

    with pytest.raises(RequestInvalid, match="no finished backup"):
        newest_run(tmp_path / "backup")
    assert troubles(back_up(archive, tmp_path / "backup")) == []


def test_two_backups_do_not_write_to_one_folder_at_once(archive: Archive, tmp_path: Path) -> None:
    receive(archive, ct_slice())
    plan = plan_backup(archive.settings, tmp_path / "backup", copies=True, keep=7)
    going = build_backup(archive).run(plan, SCOPE)
    next(going)

    with pytest.raises(RequestInvalid, match="another backup"):
        back_up(archive, tmp_path / "backup")

    assert len(list(going)) == 0
    assert isinstance(newest_run(tmp_path / "backup"), BackedUpRun)


def test_no_secret_of_the_settings_is_in_the_backup(archive: Archive, tmp_path: Path) -> None:
    secret = "rat-bi-mat"
    settings = archive.settings.model_copy(
        update={
            "s3_endpoint": "s3:9000",
            "s3_access_key": secret,
            "s3_secret_key": secret,
            "database_url": f"postgresql://pacs:{secret}@db/pacs?password={secret}",
        }
    )

    plan = plan_backup(settings, tmp_path / "backup", copies=True, keep=7)

    assert secret not in str(plan.settings)
    assert plan.settings["database_url"] == "postgresql://pacs@db/pacs"
    assert any("PACS_S3_SECRET_KEY" in sentence for sentence in plan.kept_elsewhere)
