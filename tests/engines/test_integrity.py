"""Every planted fault is found, nothing else is; what can be mended is mended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import update

from pacs.archive.ingest import ReceiptKind
from pacs.errors import NotAllowed, ObjectDamaged
from pacs.findings import FindingKind
from pacs.scope import ActorKind, Scope
from pacs.storage.interfaces import StoredInstance
from pacs.storage.sql_database import Database
from pacs.storage.sql_migrations import open_database
from pacs.storage.sql_schema import metadata
from pacs.wiring import Archive
from tests.builders import ct_series, ct_slice
from tests.care import (
    SCOPE,
    flip_byte,
    found,
    is_there,
    lose,
    put_object,
    receive,
    served,
    stored,
    truncate,
)
from tests.encodings import data_set_bytes

Fault = Callable[[Archive, StoredInstance], None]


def test_an_archive_in_order_is_found_in_order(everywhere: Archive) -> None:
    for ds in ct_series(3):
        receive(everywhere, ds)
    receive(everywhere, ct_slice())

    assert found(everywhere) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (flip_byte, FindingKind.DAMAGED),
        (truncate, FindingKind.TRUNCATED),
        (lose, FindingKind.MISSING),
    ],
)
def test_damage_of_an_object_is_found_and_only_there(
    everywhere: Archive, fault: Fault, kind: FindingKind
) -> None:
    data_sets = ct_series(3)
    for ds in data_sets:
        receive(everywhere, ds)

    fault(everywhere, stored(everywhere, data_sets[1]))

    assert found(everywhere) == [kind]
    [noted] = everywhere.care.integrity.findings(SCOPE)
    assert noted.finding.sop_instance_uid == data_sets[1].SOPInstanceUID


def test_a_flipped_byte_in_the_head_is_found(everywhere: Archive) -> None:
    ds = ct_slice()
    receive(everywhere, ds)
    instance = stored(everywhere, ds)

    flip_byte(everywhere, instance, from_end=instance.stored.size_bytes - 5)

    assert found(everywhere) == [FindingKind.DAMAGED]


@pytest.mark.parametrize("fault", [flip_byte, truncate, lose])
def test_sending_a_damaged_instance_again_heals_it(everywhere: Archive, fault: Fault) -> None:
    ds = ct_slice()
    receive(everywhere, ds)
    fault(everywhere, stored(everywhere, ds))

    receipt = receive(everywhere, ds)

    assert receipt.kind is ReceiptKind.SAME
    assert served(everywhere, ds) == data_set_bytes(ds)
    assert found(everywhere) == []


def test_what_cannot_be_compared_is_kept_as_a_conflict(everywhere: Archive) -> None:
    """The present object is gone; what comes in another transfer syntax may be all there is."""
    ds = ct_slice()
    receive(everywhere, ds)
    lose(everywhere, stored(everywhere, ds))

    receipt = receive(everywhere, ds, "1.2.840.10008.1.2")

    assert receipt.kind is ReceiptKind.CONFLICT


@pytest.mark.parametrize("fault", [flip_byte, lose])
def test_damage_without_a_copy_stays_said_until_it_is_mended(
    everywhere: Archive, fault: Fault
) -> None:
    ds = ct_slice()
    receive(everywhere, ds)
    fault(everywhere, stored(everywhere, ds))
    before = found(everywhere)

    repaired = list(everywhere.care.repair.run(SCOPE))

    assert [one.mended for one in repaired] == [False]
    assert found(everywhere) == before


def test_an_orphan_that_is_held_twice_is_found_and_removed(everywhere: Archive) -> None:
    ds = ct_slice()
    receive(everywhere, ds)
    key = put_object(everywhere, ds)

    before = found(everywhere)
    list(everywhere.care.repair.run(SCOPE))

    assert before == [FindingKind.ORPHAN]
    assert not is_there(everywhere, key)
    assert found(everywhere) == []


def test_an_orphan_takes_the_place_of_the_damaged_object(everywhere: Archive) -> None:
    ds = ct_slice()
    receive(everywhere, ds)
    put_object(everywhere, ds)
    flip_byte(everywhere, stored(everywhere, ds))

    before = found(everywhere)
    list(everywhere.care.repair.run(SCOPE))

    assert before == [FindingKind.DAMAGED, FindingKind.ORPHAN]
    assert served(everywhere, ds) == data_set_bytes(ds)
    assert found(everywhere) == []


def test_an_orphan_nobody_knows_is_taken_in(everywhere: Archive) -> None:
    ds = ct_slice()
    put_object(everywhere, ds)

    before = found(everywhere)
    list(everywhere.care.repair.run(SCOPE))

    assert before == [FindingKind.ORPHAN]
    assert served(everywhere, ds) == data_set_bytes(ds)
    assert found(everywhere) == []


def test_an_orphan_with_other_content_becomes_a_conflict(everywhere: Archive) -> None:
    ds = ct_slice(patient_id="A")
    receive(everywhere, ds)
    put_object(everywhere, ct_slice(patient_id="B", sop_instance_uid=ds.SOPInstanceUID))

    list(found(everywhere))
    list(everywhere.care.repair.run(SCOPE))

    assert len(everywhere.index.conflicts()) == 1
    assert served(everywhere, ds) == data_set_bytes(ds)
    assert found(everywhere) == []


def test_an_orphan_that_is_no_instance_any_more_is_set_aside(everywhere: Archive) -> None:
    key = put_object(everywhere, ct_slice(), spoil=True)

    before = found(everywhere)
    list(everywhere.care.repair.run(SCOPE))

    assert before == [FindingKind.ORPHAN]
    assert is_there(everywhere, key)
    assert found(everywhere) == []


def test_a_young_object_is_no_orphan_yet(archive: Archive) -> None:
    put_object(archive, ct_slice())

    assert found(archive) == []


def test_a_repair_that_only_looks_changes_nothing(everywhere: Archive) -> None:
    key = put_object(everywhere, ct_slice())
    before = found(everywhere)

    planned = list(everywhere.care.repair.plan(SCOPE))

    assert [one.finding.subject for one in planned] == [key]
    assert found(everywhere) == before


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("series", "number_of_series_related_instances"),
        ("series", "revision"),
        ("studies", "size_bytes"),
    ],
)
def test_wrong_counts_are_found_and_counted_again(
    everywhere: Archive, table: str, column: str
) -> None:
    data_sets = ct_series(3)
    for ds in data_sets:
        receive(everywhere, ds)
    with closing(open_database(everywhere.settings.index_url)) as database:
        spoil_count(database, table, column)

    before = found(everywhere)
    repaired = list(everywhere.care.repair.run(SCOPE))

    assert before == [FindingKind.WRONG_COUNTS]
    assert [one.mended for one in repaired] == [True]
    assert found(everywhere) == []


def test_nothing_is_found_wrong_while_instances_arrive(everywhere: Archive) -> None:
    """An object is there before its row: for a moment it looks like an orphan, and counts move."""
    studies_sent = [ct_series(4) for _ in range(6)]
    arriving = threading.Event()

    def send() -> None:
        for slices in studies_sent:
            for ds in slices:
                receive(everywhere, ds)
                arriving.set()

    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(send)
        arriving.wait(30)
        kinds = set()
        while not sending.done():
            kinds.update(found(everywhere))
        sending.result()

    assert kinds <= {FindingKind.ORPHAN}
    assert found(everywhere) == []


def test_a_reader_that_meets_damage_gets_no_whole_instance(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)
    flip_byte(archive, stored(archive, ds))

    with pytest.raises(ObjectDamaged):
        served(archive, ds)

    [noted] = archive.care.integrity.findings(SCOPE)
    assert noted.finding.kind is FindingKind.DAMAGED


def test_the_scrub_finds_damage_and_remembers_where_it_was(archive: Archive) -> None:
    data_sets = ct_series(3)
    for ds in data_sets:
        receive(archive, ds)
    flip_byte(archive, stored(archive, data_sets[1]))
    scrub = archive.care.scrub
    assert scrub is not None

    scrub.step()
    halfway = scrub.state()
    scrub.step()

    assert halfway.after
    assert scrub.state().finished is not None
    [noted] = archive.care.integrity.findings(SCOPE)
    assert noted.finding.sop_instance_uid == data_sets[1].SOPInstanceUID


def test_nobody_checks_without_the_right(archive: Archive) -> None:
    nobody = Scope(actor="X", kind=ActorKind.PERSON)

    with pytest.raises(NotAllowed):
        list(archive.care.integrity.check(nobody))


def spoil_count(database: Database, table: str, column: str) -> None:
    wrong = 0 if column == "revision" else 77
    chosen = metadata.tables[table]
    with database.writing() as connection:
        connection.execute(update(chosen).values({column: wrong}))
