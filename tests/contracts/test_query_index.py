"""What a QueryIndex promises, asked of both databases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pacs.dicom.hierarchy import Kind, Level, attribute_of_keyword, attributes_of
from pacs.dicom.matching import Criterion, Order, Query, Wildcard, parse_criterion
from pacs.errors import QueryInvalid
from pacs.scope import system_scope
from pacs.storage.interfaces import Match, Value
from pacs.storage.sql_database import Database
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_query import SqlQueryIndex
from tests.contracts.records import RECEIVED, new_uid, record

LAWS = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def criteria(keys: Mapping[str, str | list[str]], *, fuzzy: bool = False) -> tuple[Criterion, ...]:
    """Criteria by keyword, as the doors parse them."""
    parsed = []
    for keyword, value in keys.items():
        attribute = attribute_of_keyword(keyword)
        assert attribute is not None
        texts = [value] if isinstance(value, str) else value
        criterion = parse_criterion(attribute, texts, fuzzy=fuzzy)
        assert criterion is not None
        parsed.append(criterion)
    return tuple(parsed)


def asked(**keys: str | list[str]) -> tuple[Criterion, ...]:
    return criteria(keys)


class Archive:
    """An index to fill and to ask."""

    def __init__(self, database: Database, index: SqlInstanceIndex) -> None:
        self._index = index
        self._query_index = SqlQueryIndex(database)
        self._in_order = SqlQueryIndex(database, rare=0)

    def add(self, uid: str | None = None, **values: Value) -> str:
        """Add a study of one instance; returns its UID."""
        added = record(study=uid, **values)  # type: ignore[arg-type]  # values are values
        self._index.add(added)
        return added.identity.study_instance_uid

    def search(self, query: Query) -> tuple[Match, ...]:
        """The answer, which is the same whichever way it is looked up."""
        found = self._query_index.search(query, system_scope())
        assert self._in_order.search(query, system_scope()) == found
        return found.matches

    def total(self, query: Query) -> int | None:
        return self._query_index.search(query, system_scope()).total

    def more(self, query: Query) -> bool:
        return self._query_index.search(query, system_scope()).more

    def studies(self, **keys: str | list[str]) -> set[object]:
        """The UIDs of the studies that fulfil the keys."""
        query = Query(Level.STUDY, criteria(keys))
        return {match.values["StudyInstanceUID"] for match in self.search(query)}

    def named(self, *words: str) -> set[object]:
        """The names found by words of the search box."""
        query = Query(Level.STUDY, search_words=words)
        return {match.values["PatientName"] for match in self.search(query)}


@pytest.fixture
def archive(database: Database, index: SqlInstanceIndex) -> Archive:
    return Archive(database, index)


# --- conditions --------------------------------------------------------------------------------


def test_a_single_value_must_be_equal_with_case(archive: Archive) -> None:
    wanted = archive.add(PatientID="BN01")
    archive.add(PatientID="bn01")
    archive.add(PatientID="BN012")

    assert archive.studies(PatientID="BN01") == {wanted}


def test_a_list_of_uids_matches_each(archive: Archive) -> None:
    first, second = archive.add(), archive.add()
    archive.add()

    assert archive.studies(StudyInstanceUID=[first, second, "1.2.3"]) == {first, second}


def test_a_list_of_texts_matches_each(archive: Archive) -> None:
    first, second = archive.add(AccessionNumber="A1"), archive.add(AccessionNumber="A2")
    archive.add(AccessionNumber="A3")

    assert archive.studies(AccessionNumber=["A1", "A2"]) == {first, second}


TRICKY = (
    "",
    "a",
    "A",
    "ab",
    "a%b",
    "a_b",
    "a[b",
    "a]b",
    "[ab]",
    "a\\b",
    "aab",
    "abab",
    "Đ",
    "đ",
    "Đb",
    "a\nb",
    "😀",
    "e\u0301",
    "%",
    "_",
    "^",
    "a-b",
    "!",
)


def reference_match(pattern: str, text: str) -> bool:
    """What PS3.4 C.2.2.2.4 says of `*` and `?`, in another language."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


@LAWS
@given(pattern=st.text(alphabet="*?ab%_[]\\Đđ\n😀^-!e\u0301", min_size=1, max_size=6))
def test_wildcards_match_what_the_reference_matches(tricky_archive: Archive, pattern: str) -> None:
    attribute = attribute_of_keyword("StudyDescription")
    assert attribute is not None
    query = Query(Level.STUDY, (Criterion(attribute, Wildcard(pattern)),))

    found = {match.values["StudyDescription"] for match in tricky_archive.search(query)}

    assert found == {text for text in TRICKY if text and reference_match(pattern, text)}


@pytest.fixture
def tricky_archive(archive: Archive) -> Archive:
    for text in TRICKY:
        archive.add(StudyDescription=text)
    return archive


def test_a_wildcard_matches_any_of_several_values(archive: Archive) -> None:
    wanted = archive.add(OtherPatientIDs=("X1", "Y22"))
    archive.add(OtherPatientIDs=("X1",))

    assert archive.studies(OtherPatientIDs="Y*") == {wanted}
    assert archive.studies(OtherPatientIDs="Y22") == {wanted}
    assert archive.studies(OtherPatientIDs="Y2") == set()


def test_a_pattern_without_bounds_is_refused(archive: Archive) -> None:
    with pytest.raises(QueryInvalid):
        archive.studies(StudyDescription="*a" * 2000)


@pytest.mark.parametrize(
    ("asked_for", "found"),
    [
        ("20260131", {"20260131"}),
        ("20260101-20260131", {"20260101", "20260131"}),
        ("-20260101", {"20251231", "20260101"}),
        ("20260131-", {"20260131", "20260201"}),
        ("2026.01.31", {"20260131"}),
    ],
)
def test_dates_are_found_within_a_range(archive: Archive, asked_for: str, found: set[str]) -> None:
    for day in ("20251231", "20260101", "20260131", "20260201", "unknown", ""):
        archive.add(StudyDate=day)

    matches = archive.search(Query(Level.STUDY, asked(StudyDate=asked_for)))

    assert {match.values["StudyDate"] for match in matches} == found


def test_dates_in_the_old_form_are_found(archive: Archive) -> None:
    wanted = archive.add(StudyDate="2026.01.31")

    assert archive.studies(StudyDate="20260131") == {wanted}


@pytest.mark.parametrize(
    ("asked_for", "found"),
    [
        ("0915", {"0915", "091559.999"}),
        ("0900-0915", {"09", "0915", "091559.999"}),
        ("-0859", {"085959.9"}),
        ("0916-", {"091600", "23"}),
    ],
)
def test_times_are_found_within_a_range(archive: Archive, asked_for: str, found: set[str]) -> None:
    for clock in ("085959.9", "09", "0915", "091559.999", "091600", "23", "soon"):
        archive.add(StudyTime=clock)

    matches = archive.search(Query(Level.STUDY, asked(StudyTime=asked_for)))

    assert {match.values["StudyTime"] for match in matches} == found


def test_whole_numbers_match_by_value(archive: Archive) -> None:
    archive.add(InstanceNumber="007")
    archive.add(InstanceNumber=" 7")
    archive.add(InstanceNumber="8")
    archive.add(InstanceNumber="seven")

    matches = archive.search(Query(Level.IMAGE, asked(InstanceNumber="7")))

    assert {match.values["InstanceNumber"] for match in matches} == {"007", " 7"}


def test_numbers_of_the_data_set_match(archive: Archive) -> None:
    wanted = archive.add(Rows=512)
    archive.add(Rows=256)

    assert archive.studies(Rows="512") == {wanted}


def test_counted_attributes_match(archive: Archive) -> None:
    study = archive.add(Modality="CT")
    archive.add(study, Modality="SR")
    single = archive.add(Modality="CT")

    assert archive.studies(ModalitiesInStudy="SR") == {study}
    assert archive.studies(ModalitiesInStudy=["SR", "CT"]) == {study, single}
    assert archive.studies(ModalitiesInStudy="S*") == {study}
    assert archive.studies(ModalitiesInStudy="C") == set()
    assert archive.studies(NumberOfStudyRelatedSeries="2") == {study}
    assert archive.studies(SOPClassesInStudy="1.2.840.10008.5.1.4.1.1.2") == {study, single}


def test_a_key_of_a_lower_level_matches_what_holds_such_a_thing(archive: Archive) -> None:
    study = archive.add(Modality="CT", InstanceNumber="1")
    archive.add(study, Modality="SR", InstanceNumber="2")
    archive.add(Modality="MR")

    assert archive.studies(Modality="SR") == {study}
    assert archive.studies(InstanceNumber="2") == {study}


def test_a_key_of_a_higher_level_narrows_a_lower_one(archive: Archive) -> None:
    archive.add(PatientID="1", StudyDescription="one")
    archive.add(PatientID="2", StudyDescription="two")

    for level in (Level.STUDY, Level.SERIES, Level.IMAGE):
        [match] = archive.search(Query(level, asked(PatientID="2")))
        assert match.values["StudyDescription"] == "two"


def test_all_criteria_must_hold(archive: Archive) -> None:
    wanted = archive.add(PatientID="1", StudyDate="20260131", Modality="CT")
    archive.add(PatientID="1", StudyDate="20260131", Modality="MR")
    archive.add(PatientID="1", StudyDate="20260130", Modality="CT")

    found = archive.studies(PatientID="1", StudyDate="20260131", ModalitiesInStudy="CT")

    assert found == {wanted}


# --- names -------------------------------------------------------------------------------------

NAMES = (
    "ĐẶNG^THỊ NGỌC ÁNH",
    "Đặng^Thị Ngọc Ánh",
    "Nguyễn^Văn Đức",
    "Nguyễn Văn Đức",
    "NGUYEN^VAN DUC",
    "Trần^Quốc Toản^^Bs.",
    "Phạm^Thị Hồng-Nhung",
    "Lê^Hoàng=LÊ^HOÀNG=レ^ホアン",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Ðinh^Bộ Lĩnh",
    "O'Brien^Seán",
    "Huỳnh^Ph\u01b0\u01a1ng Uyên",
    "Hu\u0079\u0300nh^Phu\u031bo\u031bng Uye\u0302n",
)


def without_marks(name: str) -> str:
    """What a person types who leaves all marks out."""
    plain = name.replace("Đ", "D").replace("đ", "d").replace("Ð", "D")
    parts = unicodedata.normalize("NFD", plain)
    return "".join(part for part in parts if not unicodedata.combining(part)).lower()


@pytest.fixture
def names_archive(archive: Archive) -> Archive:
    for name in NAMES:
        archive.add(PatientName=name, ReferringPhysicianName=name)
    return archive


def names(matches: Iterable[Match]) -> set[object]:
    return {match.values["PatientName"] for match in matches}


@pytest.mark.parametrize("keyword", ["PatientName", "ReferringPhysicianName"])
def test_every_name_is_found_typed_without_marks(names_archive: Archive, keyword: str) -> None:
    for name in NAMES:
        group = without_marks(name.partition("=")[0])
        typed = [group, group.replace("^", " "), f"{group[:4]}*", f"*{group[-3:]}", f"?{group[1:]}"]
        for text in typed:
            query = Query(Level.STUDY, criteria({keyword: text}))
            assert name in names(names_archive.search(query)), text


@pytest.mark.parametrize("keyword", ["PatientName", "ReferringPhysicianName"])
def test_every_name_is_found_by_beginnings_of_its_words(
    names_archive: Archive, keyword: str
) -> None:
    for name in NAMES:
        words = re.split(r"[\s^=,.\-]+", without_marks(name))
        begun = " ".join(word[:2] for word in reversed(words) if word)
        query = Query(Level.STUDY, criteria({keyword: begun}, fuzzy=True))
        assert name in names(names_archive.search(query)), begun


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("nguyen", set()),
        ("nguyen*", {"Nguyễn^Văn Đức", "Nguyễn Văn Đức", "NGUYEN^VAN DUC"}),
        ("nguyen^van*", {"Nguyễn^Văn Đức", "NGUYEN^VAN DUC"}),
        ("nguyen van duc", {"Nguyễn^Văn Đức", "Nguyễn Văn Đức", "NGUYEN^VAN DUC"}),
        ("山田^太郎", {"Yamada^Tarou=山田^太郎=やまだ^たろう"}),
        ("山田*", {"Yamada^Tarou=山田^太郎=やまだ^たろう"}),
        ("yamada^tarou=山田^太郎", {"Yamada^Tarou=山田^太郎=やまだ^たろう"}),
        ("duc", set()),
        ("*duc", {"Nguyễn^Văn Đức", "Nguyễn Văn Đức", "NGUYEN^VAN DUC"}),
        ("o'b?ien*", {"O'Brien^Seán"}),
        ("[a-z]*", set()),
    ],
)
def test_a_name_pattern_finds_no_more_than_it_says(
    names_archive: Archive, typed: str, found: set[str]
) -> None:
    for level in (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE):
        assert names(names_archive.search(Query(level, asked(PatientName=typed)))) == found


def test_the_search_box_finds_words_in_any_order(names_archive: Archive) -> None:
    assert names_archive.named("duc", "nguy") == {
        "Nguyễn^Văn Đức",
        "Nguyễn Văn Đức",
        "NGUYEN^VAN DUC",
    }
    assert names_archive.named("hong-nhung") == {"Phạm^Thị Hồng-Nhung"}
    assert names_archive.named("uc") == set()


def test_the_search_box_finds_ids_and_accession_numbers_by_their_beginning(
    archive: Archive,
) -> None:
    archive.add(PatientName="A^A", PatientID="BN-001", AccessionNumber="CT/77")
    archive.add(PatientName="B^B", PatientID="BN-002", AccessionNumber="CT/78")
    archive.add(PatientName="bn-0^C", PatientID="X")

    assert archive.named("bn-001") == {"A^A"}
    assert archive.named("bn-0") == {"A^A", "B^B", "bn-0^C"}
    assert archive.named("ct/78") == {"B^B"}
    assert archive.named("a", "bn-001", "ct") == {"A^A"}
    assert archive.named("001") == set()
    assert archive.named("%") == archive.named("*") == set()


def test_the_search_box_finds_patients_too(archive: Archive) -> None:
    archive.add(PatientName="Đỗ^An", PatientID="1")
    archive.add(PatientName="Lê^Bình", PatientID="2")

    [patient] = archive.search(Query(Level.PATIENT, search_words=("do",)))

    assert patient.values["PatientID"] == "1"


# --- order and pages ---------------------------------------------------------------------------

ORDERS = st.lists(
    st.builds(
        Order,
        st.sampled_from(
            (
                "study_date",
                "study_time",
                "study_description",
                "patient_name",
                "patient_id",
                "modality",
                "received_at",
                "changed_at",
                "series_count",
                "instance_count",
                "size_bytes",
            )
        ),
        st.booleans(),
    ),
    max_size=3,
).map(tuple)


@pytest.fixture
def pages_archive(archive: Archive) -> Archive:
    for number in range(23):
        archive.add(
            StudyDate=["20260131", "20260130", "", "soon"][number % 4],
            StudyTime=f"{number % 3:02}",
            PatientName=["Đỗ^An", "Do^An", ""][number % 3],
            PatientID=str(number % 5),
            Modality=["CT", "MR"][number % 2],
        )
    return archive


@LAWS
@given(order=ORDERS, limit=st.integers(1, 30))
def test_paging_loses_nothing_and_repeats_nothing(
    pages_archive: Archive, order: tuple[Order, ...], limit: int
) -> None:
    whole = pages_archive.search(Query(Level.STUDY, order=order))

    pages: list[Match] = []
    while True:
        query = Query(Level.STUDY, order=order, limit=limit, offset=len(pages), with_total=True)
        pages.extend(pages_archive.search(query))
        assert pages_archive.total(query) == 23
        if not pages_archive.more(query):
            break

    assert tuple(pages) == whole
    assert len({match.values["StudyInstanceUID"] for match in whole}) == 23


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["study_date", "patient_name", "study_description"])
def test_what_has_no_value_comes_last(archive: Archive, column: str, *, descending: bool) -> None:
    keyword = {
        "study_date": "StudyDate",
        "patient_name": "PatientName",
        "study_description": "StudyDescription",
    }[column]
    for value in ("", "20260131", None, "20260130"):
        archive.add(**{keyword: value})

    matches = archive.search(Query(Level.STUDY, order=(Order(column, descending=descending),)))

    known = ["20260130", "20260131"]
    expected = [*(known[::-1] if descending else known), None, None]
    assert [match.values[keyword] for match in matches] == expected


def test_numbers_are_sorted_as_numbers(archive: Archive) -> None:
    for number in ("10", "9", "x", "-1"):
        archive.add(SeriesNumber=number)

    matches = archive.search(Query(Level.SERIES, order=(Order("series_number"),)))

    assert [match.values["SeriesNumber"] for match in matches] == ["-1", "9", "10", "x"]


def test_names_are_sorted_without_their_marks(archive: Archive) -> None:
    for name in ("Đỗ^B", "Do^A", "ĐÕ^C", "E^A"):
        archive.add(PatientName=name)

    matches = archive.search(Query(Level.STUDY, order=(Order("patient_name"),)))

    assert [match.values["PatientName"] for match in matches] == ["Do^A", "Đỗ^B", "ĐÕ^C", "E^A"]


@pytest.mark.parametrize("level", list(Level))
def test_every_stored_attribute_can_be_sorted_by(archive: Archive, level: Level) -> None:
    archive.add()
    columns = [
        attribute.column for attribute in attributes_of(level) if attribute.kind is Kind.STORED
    ]

    for column in columns:
        assert len(archive.search(Query(level, order=(Order(column, descending=True),)))) == 1


def test_an_unknown_order_is_refused(archive: Archive) -> None:
    with pytest.raises(QueryInvalid):
        archive.search(Query(Level.STUDY, order=(Order("rows"),)))


def test_no_limit_gives_all(pages_archive: Archive) -> None:
    assert len(pages_archive.search(Query(Level.STUDY))) == 23


def test_a_limit_of_zero_gives_only_the_total(pages_archive: Archive) -> None:
    query = Query(Level.STUDY, limit=0, with_total=True)

    assert (pages_archive.search(query), pages_archive.total(query)) == ((), 23)


# --- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", list(Level))
def test_every_stored_attribute_comes_back_as_it_was_given(
    archive: Archive, index: SqlInstanceIndex, level: Level
) -> None:
    values: dict[str, Value] = {}
    for position, attribute in enumerate(attributes_of(level)):
        if attribute.kind is Kind.STORED and attribute.vr != "UI":
            texts = (f"value {position}", "Đ")
            values[attribute.keyword] = texts if attribute.many else texts[0]
            if attribute.vr == "US":
                values[attribute.keyword] = position
    index.add(record(**values))  # type: ignore[arg-type]  # values are values

    [match] = archive.search(Query(level))

    assert {keyword: match.values[keyword] for keyword in values} == values


def test_the_facts_of_a_study(archive: Archive) -> None:
    study = archive.add(
        BodyPartExamined="CHEST",
        InstitutionName="BVĐK",
        InstitutionalDepartmentName="CĐHA",
        StationName="CT1",
    )
    archive.add(study, BodyPartExamined="ABDOMEN", InstitutionName="Khác")

    [match] = archive.search(Query(Level.STUDY))

    changed = match.facts["changed_at"]
    assert match.facts == {
        "received_at": RECEIVED,
        "changed_at": changed,
        "size_bytes": 2 * 9600,
        "demographics_conflict": False,
        "body_parts": ("ABDOMEN", "CHEST"),
        "institution_name": "BVĐK",
        "department": "CĐHA",
        "station_name": "CT1",
    }


def test_the_facts_of_a_series(archive: Archive, index: SqlInstanceIndex) -> None:
    series, first = new_uid(), new_uid()
    study = new_uid()
    index.add(record(study=study, series=series, pixels=None, sop_class="1.2.9"))
    index.add(record(study=study, series=series, instance=first, number_of_frames=5))

    [match] = archive.search(Query(Level.SERIES))

    assert match.values["NumberOfSeriesRelatedInstances"] == 2
    assert match.facts["frame_count"] == 6
    assert match.facts["size_bytes"] == 2 * 9600
    assert match.facts["revision"] == 2
    assert match.facts["cover"] == (first, "1.2.840.10008.5.1.4.1.1.2")
    assert match.facts["sop_class_uids"] == ("1.2.840.10008.5.1.4.1.1.2", "1.2.9")
    assert match.facts["transfer_syntax_uids"] == ("1.2.840.10008.1.2.1",)


def test_a_series_without_pictures_has_no_cover(archive: Archive, index: SqlInstanceIndex) -> None:
    index.add(record(pixels=None))

    [match] = archive.search(Query(Level.SERIES))

    assert match.facts["cover"] is None


def test_the_facts_of_an_instance(archive: Archive) -> None:
    archive.add()

    [match] = archive.search(Query(Level.IMAGE))

    assert match.facts == {
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "received_at": RECEIVED,
        "size_bytes": 9600,
    }


def test_the_counts_of_a_patient(archive: Archive) -> None:
    study = archive.add(PatientID="1")
    archive.add(study, PatientID="1")
    archive.add(PatientID="1")

    [match] = archive.search(Query(Level.PATIENT))

    assert match.values["NumberOfPatientRelatedStudies"] == 2
    assert match.values["NumberOfPatientRelatedSeries"] == 3
    assert match.values["NumberOfPatientRelatedInstances"] == 3


def test_an_empty_archive_answers_with_nothing(archive: Archive) -> None:
    for level in Level:
        assert archive.search(Query(level, limit=10)) == ()
