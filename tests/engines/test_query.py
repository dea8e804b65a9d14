"""Names typed without marks find whom they mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from pacs.archive.ingest import ReceivedInstance
from pacs.dicom.hierarchy import Level, attribute_of_keyword
from pacs.dicom.matching import Query, parse_criterion
from pacs.dicom.person_names import name_words
from pacs.errors import NotAllowed
from pacs.scope import ActorKind, Scope, system_scope
from pacs.storage.interfaces import Sender
from pacs.wiring import Archive
from tests.builders import ct_slice, vietnamese_patient
from tests.encodings import data_set_bytes

SCOPE = system_scope("test")
SENDER = Sender(how="import", actor="test")

PEOPLE = [
    "ĐẶNG^THỊ NGỌC ÁNH",
    unicodedata.normalize("NFD", "ĐẶNG^THỊ NGỌC ÁNH"),
    "Ðặng^Thị Ngọc Ánh",  # eth
    "Ɖặng^Thị Ngọc Ánh",  # African d
    "NGUYỄN^VĂN A",
]


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for number, name in enumerate(PEOPLE):
        ds = ct_slice(**vietnamese_patient(patient_name=name, patient_id=f"P{number}"))
        data = memoryview(data_set_bytes(ds, ExplicitVRLittleEndian))
        archive.ingest.ingest(
            ReceivedInstance(data, ExplicitVRLittleEndian, None, None, SENDER), SCOPE
        )
    return archive


def patients(archive: Archive, query: Query) -> set[object]:
    return {match.values["PatientID"] for match in archive.queries.search(query, SCOPE).matches}


def by_name(*texts: str) -> Iterable[Query]:
    attribute = attribute_of_keyword("PatientName")
    assert attribute is not None
    for text in texts:
        criterion = parse_criterion(attribute, [text])
        yield Query(Level.STUDY, (criterion,) if criterion else ())


@pytest.mark.parametrize(
    "text",
    [
        "dang thi ngoc anh",
        "DANG THI NGOC ANH",
        "Đặng^Thị Ngọc Ánh",
        "ĐẶNG*",
        "dang^thi*",
        "*ngoc anh",
        "d?ng thi*",
        unicodedata.normalize("NFD", "ĐẶNG THỊ*"),
    ],
)
def test_a_name_is_found_however_it_is_typed(filled: Archive, text: str) -> None:
    (query,) = by_name(text)

    assert patients(filled, query) == {"P0", "P1", "P2", "P3"}


@pytest.mark.parametrize("text", ["anh", "dang", "ng", "thi ngoc"])
def test_a_name_without_wildcard_must_be_whole(filled: Archive, text: str) -> None:
    (query,) = by_name(text)

    assert patients(filled, query) == set()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("anh dang", {"P0", "P1", "P2", "P3"}),
        ("ngo an", {"P0", "P1", "P2", "P3"}),
        ("nguyen", {"P4"}),
        ("p4", {"P4"}),
        ("nguyen dang", set()),
    ],
)
def test_the_search_box_takes_beginnings_of_words_in_any_order(
    filled: Archive, typed: str, found: set[object]
) -> None:
    query = Query(Level.STUDY, search_words=name_words(typed))

    assert patients(filled, query) == found


def test_nobody_asks_without_the_right(filled: Archive) -> None:
    with pytest.raises(NotAllowed):
        filled.queries.search(Query(Level.STUDY), Scope(actor="X", kind=ActorKind.MACHINE))
