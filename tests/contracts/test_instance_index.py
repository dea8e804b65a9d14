"""What an InstanceIndex promises, asked of both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from pacs.dicom.hierarchy import Level
from pacs.dicom.matching import Query
from pacs.errors import NotFound
from pacs.ledger import Decision, Delete, Material
from pacs.scope import system_scope
from pacs.storage.interfaces import AddResult, InstanceRecord, Match, Selection, Value
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_database import Database
from pacs.storage.sql_decisions import SqlDecisions
from pacs.storage.sql_index import SqlInstanceIndex, utc_now
from pacs.storage.sql_migrations import migrate, open_database
from pacs.storage.sql_query import SqlQueryIndex
from tests.contracts.records import PIXELS, RECEIVED, new_uid, record, stored_bytes

Trash = Callable[..., None]


@pytest.fixture
def trash(database: Database) -> Iterator[Trash]:
    """Put instances into the trash by their UIDs, as a person would decide."""
    with closing(Committer(database)) as committer:
        decisions = SqlDecisions(database, committer, utc_now)

        def put(*sop_instance_uids: str) -> None:
            body = Delete(sop_instance_uids)
            decision = Decision(str(uuid4()), utc_now(), "lan", "wrong patient", body)
            assert decisions.decide(decision, Material())

        yield put


def study_of(query_index: SqlQueryIndex) -> Match:
    [match] = query_index.search(Query(Level.STUDY), system_scope()).matches
    return match


def with_values(one: InstanceRecord, values: Mapping[str, Value]) -> InstanceRecord:
    return replace(one, values=values)


def uids(index: SqlInstanceIndex, selection: Selection) -> list[str]:
    return [found.identity.sop_instance_uid for found in index.instances(selection)]


def test_an_added_instance_is_found_with_all_that_was_said(index: SqlInstanceIndex) -> None:
    added = record(number_of_frames=3)

    assert index.add(added).result is AddResult.ADDED

    found = index.find(added.identity.sop_instance_uid)
    assert found is not None
    assert found.identity == added.identity
    assert found.stored == added.stored
    assert found.pixels == PIXELS
    assert found.number_of_frames == 3
    assert found.received == RECEIVED
    assert found.sender == added.sender
    assert found.transfer_syntax_uid == added.transfer_syntax_uid
    assert not found.in_trash


def test_an_instance_without_pixels_has_no_pixel_location(index: SqlInstanceIndex) -> None:
    added = record(pixels=None)
    index.add(added)

    found = index.find(added.identity.sop_instance_uid)

    assert found is not None
    assert found.pixels is None


def test_encapsulated_pixels_have_no_length(index: SqlInstanceIndex) -> None:
    added = record(pixels=replace(PIXELS, length=None))
    index.add(added)

    found = index.find(added.identity.sop_instance_uid)

    assert found is not None
    assert found.pixels == replace(PIXELS, length=None)


def test_an_unknown_instance_is_not_found(index: SqlInstanceIndex) -> None:
    assert index.find("1.2.3") is None


def test_the_same_uid_again_changes_nothing(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    first = record(PatientName="Đỗ^An")
    index.add(first)
    before = study_of(query_index)

    again = index.add(record(instance=first.identity.sop_instance_uid, PatientName="Lê^Bình"))

    assert again.result is AddResult.EXISTS
    assert again.existing == index.find(first.identity.sop_instance_uid)
    assert study_of(query_index) == before


def test_of_many_with_the_same_uid_exactly_one_is_added(
    database: Database, index: SqlInstanceIndex
) -> None:
    uid, study, series = new_uid(), new_uid(), new_uid()
    start = threading.Barrier(8)

    def add(_: int) -> AddResult:
        rival = record(study=study, series=series, instance=uid)
        start.wait()
        return index.add(rival).result

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(add, range(8)))

    assert sorted(results) == [AddResult.ADDED, *[AddResult.EXISTS] * 7]
    assert uids(index, Selection(study_instance_uids=(study,))) == [uid]
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM objects")).scalar() == 1


def test_counts_are_right_after_many_threads_added(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    study = new_uid()
    series = [new_uid() for _ in range(3)]
    records = [
        record(study=study, series=series[number % 3], Modality=["CT", "SR", "PR"][number % 3])
        for number in range(60)
    ]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(index.add, records))

    match = study_of(query_index)
    assert match.values["NumberOfStudyRelatedInstances"] == 60
    assert match.values["NumberOfStudyRelatedSeries"] == 3
    assert match.values["ModalitiesInStudy"] == ("CT", "PR", "SR")
    assert match.facts["size_bytes"] == 60 * 9600


def test_a_value_no_database_can_keep_does_not_refuse_the_image(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    index.add(
        record(
            PatientName="A\0B^\ud800",
            PatientID="x" * 20_000,
            AccessionNumber="é" * 5_000,
            SeriesNumber="9" * 40,
            InstanceNumber="one",
            Rows=("1", "2"),
            StudyDate="yesterday",
            StudyTime="25h",
            StudyDescription="d" * 100_000,
        )
    )

    values = study_of(query_index).values
    assert values["PatientName"] == "AB^?"
    assert values["StudyDate"] == "yesterday"
    assert values["StudyDescription"] == "d" * 100_000


def test_one_series_uid_in_two_studies_makes_two_series(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    series = new_uid()

    index.add(record(series=series))
    index.add(record(series=series))

    page = query_index.search(Query(Level.SERIES), system_scope())
    assert len(page.matches) == 2


def test_patients_are_told_apart_by_issuer_and_id(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    index.add(record(PatientID="1", IssuerOfPatientID="A"))
    index.add(record(PatientID="1", IssuerOfPatientID="B"))
    index.add(record(PatientID="1", IssuerOfPatientID="A"))

    page = query_index.search(Query(Level.PATIENT), system_scope())

    counts = {
        match.values["IssuerOfPatientID"]: match.values["NumberOfPatientRelatedStudies"]
        for match in page.matches
    }
    assert counts == {"A": 2, "B": 1}


@pytest.mark.parametrize("patient_id", [None, "", " "])
def test_an_empty_patient_id_never_joins_two_studies(
    index: SqlInstanceIndex, query_index: SqlQueryIndex, patient_id: str | None
) -> None:
    for _ in range(2):
        index.add(record(PatientID=patient_id, PatientName="Vô^Danh"))

    page = query_index.search(Query(Level.PATIENT), system_scope())

    assert len(page.matches) == 2


def test_the_newest_study_says_what_a_patient_is_called(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    index.add(record(PatientID="1", PatientName="Cũ^Tên", PatientSex="F"))
    index.add(record(PatientID="1", PatientName="Mới^Tên"))

    [patient] = query_index.search(Query(Level.PATIENT), system_scope()).matches

    assert (patient.values["PatientName"], patient.values["PatientSex"]) == ("Mới^Tên", "F")


@pytest.mark.parametrize(
    ("values", "disagrees"),
    [
        ({"PatientID": "2"}, True),
        ({"PatientName": "Lê^Bình"}, True),
        ({"PatientBirthDate": "19700101"}, True),
        ({"PatientSex": "M"}, True),
        ({"PatientName": "DO^AN"}, False),
        ({"PatientName": None, "PatientID": None}, False),
        ({"PatientComments": "other"}, False),
    ],
)
def test_instances_that_name_another_patient_are_flagged(
    index: SqlInstanceIndex,
    query_index: SqlQueryIndex,
    values: dict[str, str | None],
    *,
    disagrees: bool,
) -> None:
    study = new_uid()
    patient: dict[str, str | None] = {
        "PatientID": "1",
        "PatientName": "Đỗ^An",
        "PatientBirthDate": "19840217",
        "PatientSex": "F",
    }
    index.add(with_values(record(study=study), patient))

    index.add(with_values(record(study=study), patient | values))

    match = study_of(query_index)
    assert match.facts["demographics_conflict"] is disagrees
    assert match.values["PatientName"] == "Đỗ^An"


def test_a_conflict_is_kept_once(index: SqlInstanceIndex) -> None:
    first = record()
    index.add(first)
    existing = index.find(first.identity.sop_instance_uid)
    assert existing is not None
    newcomer = record(instance=first.identity.sop_instance_uid, content="other")

    results = [index.add_conflict(newcomer, existing), index.add_conflict(newcomer, existing)]

    assert results == [True, False]
    [conflict] = index.conflicts()
    assert conflict.existing == existing
    assert conflict.newcomer == newcomer.stored
    assert conflict.newcomer_identity == newcomer.identity
    assert conflict.received == newcomer.received
    assert conflict.sender == newcomer.sender


def test_a_known_conflict_is_recognised_by_syntax_and_digest(index: SqlInstanceIndex) -> None:
    first = record()
    index.add(first)
    existing = index.find(first.identity.sop_instance_uid)
    assert existing is not None
    newcomer = record(instance=first.identity.sop_instance_uid, content="other")
    index.add_conflict(newcomer, existing)
    uid, syntax = newcomer.identity.sop_instance_uid, newcomer.transfer_syntax_uid

    assert index.has_conflict(uid, syntax, newcomer.stored.data_set_sha256)
    assert not index.has_conflict(uid, "1.2.840.10008.1.2", newcomer.stored.data_set_sha256)
    assert not index.has_conflict(uid, syntax, stored_bytes("third").data_set_sha256)


def test_the_same_conflict_from_two_nodes_is_kept_once(postgresql_url: str) -> None:
    migrate(postgresql_url)
    first = record()
    uid = first.identity.sop_instance_uid
    start = threading.Barrier(2)

    def keep_aside(_: int) -> bool:
        with (
            closing(open_database(postgresql_url)) as node,
            closing(SqlInstanceIndex(node)) as index,
        ):
            index.add(first)
            existing = index.find(uid)
            assert existing is not None
            start.wait()
            return index.add_conflict(record(instance=uid, content="other"), existing)

    with ThreadPoolExecutor(2) as nodes:
        results = list(nodes.map(keep_aside, range(2)))

    assert sorted(results) == [False, True]


def test_conflicts_come_oldest_first(index: SqlInstanceIndex) -> None:
    for hours in (2, 1, 3):
        first = record()
        index.add(first)
        existing = index.find(first.identity.sop_instance_uid)
        assert existing is not None
        uid = first.identity.sop_instance_uid
        received = RECEIVED + timedelta(hours=hours)
        index.add_conflict(record(instance=uid, content="other", received=received), existing)

    times = [conflict.received for conflict in index.conflicts()]

    assert times == sorted(times)


def test_instances_come_by_series_and_instance_number(index: SqlInstanceIndex) -> None:
    study, first, second = new_uid(), new_uid(), new_uid()
    wanted: list[tuple[str, str, str | None]] = [
        (first, "2", "2"),
        (first, "2", "10"),
        (first, "2", None),
        (second, "10", "1"),
    ]
    expected = [f"1.2.3.{position}" for position in range(len(wanted))]
    for position in (2, 0, 3, 1):
        series, series_number, number = wanted[position]
        index.add(
            record(
                study=study,
                series=series,
                instance=expected[position],
                SeriesNumber=series_number,
                InstanceNumber=number,
            )
        )

    assert uids(index, Selection(study_instance_uids=(study,))) == expected


def test_a_selection_is_narrowed_by_every_list(index: SqlInstanceIndex) -> None:
    records = [record(PatientID=str(number)) for number in range(3)]
    for added in records:
        index.add(added)
    one, other = records[0].identity, records[1].identity

    def found(**selection: tuple[str, ...]) -> list[str]:
        return sorted(uids(index, Selection(**selection)))

    assert found(study_instance_uids=(one.study_instance_uid,)) == [one.sop_instance_uid]
    assert found(series_instance_uids=(one.series_instance_uid,)) == [one.sop_instance_uid]
    assert found(sop_instance_uids=(one.sop_instance_uid,)) == [one.sop_instance_uid]
    assert found(patient_ids=("0",)) == [one.sop_instance_uid]
    both = (one.study_instance_uid, other.study_instance_uid)
    assert len(found(study_instance_uids=both)) == 2
    assert found(study_instance_uids=both, patient_ids=("1",)) == [other.sop_instance_uid]
    assert found(study_instance_uids=both, patient_ids=("2",)) == []


def test_a_selection_of_thousands_is_answered(index: SqlInstanceIndex) -> None:
    kept = record()
    index.add(kept)
    named = (kept.identity.sop_instance_uid, *(f"1.2.{number}" for number in range(40_000)))

    assert uids(index, Selection(sop_instance_uids=named)) == [kept.identity.sop_instance_uid]


def test_a_selection_of_nothing_is_refused(index: SqlInstanceIndex) -> None:
    with pytest.raises(ValueError, match="at least one"):
        index.instances(Selection())


def test_every_change_raises_the_revision_of_its_series_only(index: SqlInstanceIndex) -> None:
    study, series = new_uid(), new_uid()
    index.add(record(study=study, series=series))
    other = record(study=study)
    index.add(other)
    selection = Selection(study_instance_uids=(study,))
    before = {state.series_instance_uid: state.revision for state in index.series_states(selection)}

    index.add(record(study=study, series=series))

    after = {state.series_instance_uid: state.revision for state in index.series_states(selection)}
    assert after[series] > before[series]
    assert after[other.identity.series_instance_uid] == before[other.identity.series_instance_uid]


def test_series_states_are_narrowed_to_the_series_of_an_instance(index: SqlInstanceIndex) -> None:
    study = new_uid()
    wanted = record(study=study)
    index.add(wanted)
    index.add(record(study=study))

    selection = Selection(sop_instance_uids=(wanted.identity.sop_instance_uid,))
    [state] = index.series_states(selection)

    assert state.series_instance_uid == wanted.identity.series_instance_uid
    assert state.study_instance_uid == study


def test_what_lies_in_the_trash_is_only_found_by_its_uid(
    index: SqlInstanceIndex, query_index: SqlQueryIndex, trash: Trash
) -> None:
    added = record(Modality="CT")
    index.add(added)
    selection = Selection(study_instance_uids=(added.identity.study_instance_uid,))

    trash(added.identity.sop_instance_uid)

    found = index.find(added.identity.sop_instance_uid)
    assert found is not None
    assert found.in_trash
    assert uids(index, selection) == []
    assert index.series_states(selection) == []
    for level in Level:
        assert query_index.search(Query(level, with_total=True), system_scope()).total == 0


def test_what_is_restored_is_as_before_with_a_higher_revision(
    index: SqlInstanceIndex, query_index: SqlQueryIndex, trash: Trash
) -> None:
    study, series = new_uid(), new_uid()
    records = [record(study=study, series=series, Modality="CT") for _ in range(3)]
    for one in records:
        index.add(one)
    selection = Selection(study_instance_uids=(study,))
    before, [state] = study_of(query_index), index.series_states(selection)
    trash(*(one.identity.sop_instance_uid for one in records))

    for one in records:
        index.restore(one.identity.sop_instance_uid)

    after, [restored] = study_of(query_index), index.series_states(selection)
    assert after.values == before.values
    assert after.facts["size_bytes"] == before.facts["size_bytes"]
    assert restored.revision > state.revision
    assert len(uids(index, selection)) == 3


def test_restoring_what_is_not_known_says_so(index: SqlInstanceIndex) -> None:
    with pytest.raises(NotFound):
        index.restore("1.2.3")


def test_restoring_what_is_not_in_the_trash_changes_nothing(
    index: SqlInstanceIndex, query_index: SqlQueryIndex
) -> None:
    added = record()
    index.add(added)
    before = study_of(query_index)

    index.restore(added.identity.sop_instance_uid)

    assert study_of(query_index) == before


def test_a_trashed_cover_is_replaced(
    index: SqlInstanceIndex, query_index: SqlQueryIndex, trash: Trash
) -> None:
    study, series = new_uid(), new_uid()
    first, second = (record(study=study, series=series) for _ in range(2))
    report = record(study=study, series=series, pixels=None)
    for one in (report, first, second):
        index.add(one)

    trash(first.identity.sop_instance_uid)

    [match] = query_index.search(Query(Level.SERIES), system_scope()).matches
    assert match.facts["cover"] == (
        second.identity.sop_instance_uid,
        second.identity.sop_class_uid,
    )


def test_the_change_feed_tells_each_study_in_order(
    index: SqlInstanceIndex, query_index: SqlQueryIndex, trash: Trash
) -> None:
    first, second = record(), record()
    index.add(first)
    index.add(second)
    index.add(record(study=first.identity.study_instance_uid))
    trash(second.identity.sop_instance_uid)

    entries = query_index.changes(0, limit=100)

    names = {
        first.identity.study_instance_uid: "first",
        second.identity.study_instance_uid: "second",
    }
    assert [(entry.kind, names[entry.study_instance_uid]) for entry in entries] == [
        ("study_added", "first"),
        ("study_added", "second"),
        ("study_changed", "first"),
        ("study_removed", "second"),
    ]
    assert query_index.change_cursor() == entries[-1].cursor
    assert query_index.changes(entries[1].cursor, limit=1) == [entries[2]]


def test_two_nodes_write_the_same_studies_at_once(postgresql_url: str) -> None:
    migrate(postgresql_url)
    studies = [new_uid() for _ in range(4)]
    shared = [record(study=studies[number % 4], PatientID=f"{number % 2}") for number in range(40)]

    def feed(records: list[InstanceRecord]) -> list[AddResult]:
        with (
            closing(open_database(postgresql_url)) as node,
            closing(SqlInstanceIndex(node)) as index,
            ThreadPoolExecutor(4) as pool,
        ):
            return [added.result for added in pool.map(index.add, records)]

    with ThreadPoolExecutor(2) as nodes:
        mine = nodes.submit(feed, shared + [record(study=study) for study in studies * 10])
        again = [replace(one, stored=stored_bytes("content")) for one in reversed(shared)]
        theirs = nodes.submit(feed, again + [record(study=study) for study in studies * 10])
        results = mine.result() + theirs.result()

    assert results.count(AddResult.ADDED) == 120
    assert results.count(AddResult.EXISTS) == 40
    with closing(open_database(postgresql_url)) as database:
        page = SqlQueryIndex(database).search(Query(Level.STUDY), system_scope())
    counts = [match.values["NumberOfStudyRelatedInstances"] for match in page.matches]
    assert counts == [30, 30, 30, 30]
