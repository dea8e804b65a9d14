"""C-FIND: what is matched, what comes back, and how it ends."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from pacs.scp.server import DicomServer
from tests.builders import ct_series, ct_slice, mr_slice, vietnamese_patient
from tests.doors import OpenDoor
from tests.scp.raw_peer import EXPLICIT, RawPeer, command, p_data, parse_command, pdv
from tests.scp.sending import (
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    associated,
    find,
    keys,
    store,
)


@pytest.fixture
def study(door: DicomServer) -> list[Dataset]:
    """One patient, one study, a CT series of three and an MR series of one."""
    slices = ct_series(3, **vietnamese_patient(), study_date="20260131", accession_number="A-17")
    other = mr_slice(
        **vietnamese_patient(),
        study_instance_uid=slices[0].StudyInstanceUID,
        study_date="20260131",
        accession_number="A-17",
    )
    study = [*slices, other]
    assert {answer.Status for answer in store(door, *study)} == {0x0000}
    return study


@pytest.mark.parametrize(
    "name", ["dang thi ngoc anh", "ĐẶNG^THỊ*", "đặng*", "DANG^THI NGOC ANH", "*NGỌC*"]
)
def test_a_vietnamese_name_is_found_with_and_without_marks(
    door: DicomServer, study: list[Dataset], name: str
) -> None:
    asked = keys("STUDY", SpecificCharacterSet="ISO_IR 192", PatientName=name, StudyInstanceUID="")

    (match,), status = find(door, asked)

    assert status.Status == 0x0000
    assert match.StudyInstanceUID == study[0].StudyInstanceUID
    assert match.SpecificCharacterSet == "ISO_IR 192"
    assert str(match.PatientName) == "ĐẶNG^THỊ NGỌC ÁNH"


@pytest.mark.parametrize(
    ("character_set", "name"),
    [("ISO_IR 100", "Gro\u00df^J\u00f6rg"), ("GB18030", "Wang^XiaoDong=\u738b^\u5c0f\u4e1c")],
)
def test_a_query_in_another_character_set_is_understood(
    door: DicomServer, character_set: str, name: str
) -> None:
    store(door, ct_slice(specific_character_set="ISO_IR 192", patient_name=name))
    asked = keys("STUDY", SpecificCharacterSet=character_set, PatientName=name, StudyInstanceUID="")

    matches, _ = find(door, asked)

    assert [str(match.PatientName) for match in matches] == [name]


def test_what_was_asked_for_comes_back_and_nothing_else(
    door: DicomServer, study: list[Dataset]
) -> None:
    asked = keys("STUDY", StudyInstanceUID=study[0].StudyInstanceUID, AccessionNumber="")

    (match,), _ = find(door, asked)

    assert {element.keyword for element in match} == {
        "QueryRetrieveLevel",
        "RetrieveAETitle",
        "InstanceAvailability",
        "StudyInstanceUID",
        "AccessionNumber",
    }
    assert match.QueryRetrieveLevel == "STUDY"
    assert match.RetrieveAETitle == "PACS"
    assert match.InstanceAvailability == "ONLINE"
    assert match.AccessionNumber == "A-17"


def test_the_unique_key_comes_back_even_unasked(door: DicomServer, study: list[Dataset]) -> None:
    (match,), _ = find(door, keys("STUDY", AccessionNumber="A-17"))

    assert match.StudyInstanceUID == study[0].StudyInstanceUID


def test_a_key_we_do_not_keep_comes_back_empty_and_the_status_says_so(
    door: DicomServer, study: list[Dataset]
) -> None:
    sequence = Dataset()
    sequence.ScheduledProcedureStepID = "X"
    asked = keys(
        "STUDY",
        StudyInstanceUID=study[0].StudyInstanceUID,
        Allergies="peanuts",
        RequestAttributesSequence=[sequence],
    )

    with associated(door, (STUDY_ROOT_FIND, None)) as association:
        (first, match), _ = association.send_c_find(asked, STUDY_ROOT_FIND)

    assert first.Status == 0xFF01
    assert match["Allergies"].is_empty
    assert not match.RequestAttributesSequence


def test_counts_and_modalities_are_right(door: DicomServer, study: list[Dataset]) -> None:
    asked = keys(
        "STUDY",
        StudyInstanceUID=study[0].StudyInstanceUID,
        NumberOfStudyRelatedSeries=None,
        NumberOfStudyRelatedInstances=None,
        ModalitiesInStudy="",
    )

    (match,), _ = find(door, asked)

    assert (match.NumberOfStudyRelatedSeries, match.NumberOfStudyRelatedInstances) == (2, 4)
    assert sorted(match.ModalitiesInStudy) == ["CT", "MR"]


def test_series_and_images_are_found_below_their_study(
    door: DicomServer, study: list[Dataset]
) -> None:
    within = {"StudyInstanceUID": study[0].StudyInstanceUID}

    series, _ = find(door, keys("SERIES", **within, SeriesInstanceUID="", Modality="CT"))
    images, _ = find(
        door,
        keys(
            "IMAGE",
            **within,
            SeriesInstanceUID=study[0].SeriesInstanceUID,
            SOPInstanceUID="",
            InstanceNumber="",
            Rows=None,
        ),
    )

    assert [match.SeriesInstanceUID for match in series] == [study[0].SeriesInstanceUID]
    assert sorted(int(match.InstanceNumber) for match in images) == [1, 2, 3]
    assert {match.Rows for match in images} == {64}


@pytest.mark.usefixtures("study")
def test_patients_are_found_in_patient_root(door: DicomServer) -> None:
    asked = keys("PATIENT", PatientID="BN*", PatientBirthDate="")

    (match,), _ = find(door, asked, PATIENT_ROOT_FIND)

    assert (match.PatientID, match.PatientBirthDate) == ("BN0012345", "19840217")


def test_a_list_of_uids_finds_each(door: DicomServer, study: list[Dataset]) -> None:
    other = ct_slice()
    store(door, other)
    uids = [study[0].StudyInstanceUID, other.StudyInstanceUID, generate_uid()]

    matches, _ = find(door, keys("STUDY", StudyInstanceUID=uids))

    assert {match.StudyInstanceUID for match in matches} == set(uids[:2])


@pytest.mark.parametrize(
    ("model", "identifier"),
    [
        (STUDY_ROOT_FIND, Dataset()),
        (STUDY_ROOT_FIND, keys("NONSENSE")),
        (STUDY_ROOT_FIND, keys("PATIENT", PatientID="1")),
        (STUDY_ROOT_FIND, keys("SERIES", SeriesInstanceUID="")),
        (STUDY_ROOT_FIND, keys("SERIES", StudyInstanceUID="1.2*", SeriesInstanceUID="")),
        (STUDY_ROOT_FIND, keys("IMAGE", StudyInstanceUID="1.2", SOPInstanceUID="")),
        (PATIENT_ROOT_FIND, keys("STUDY", StudyInstanceUID="")),
        (STUDY_ROOT_FIND, keys("STUDY", StudyTime="noon")),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_comment(
    door: DicomServer, model: str, identifier: Dataset
) -> None:
    if not len(identifier):
        identifier.StudyInstanceUID = ""

    matches, status = find(door, identifier, model)

    assert matches == []
    assert status.Status == 0xA900
    assert status.ErrorComment


def test_more_matches_than_a_page_come_each_once(open_door: OpenDoor) -> None:
    door = open_door(query_page_size=3)
    sent = [ct_slice(patient_id=f"P-{number}") for number in range(8)]
    store(door, *sent)

    matches, _ = find(door, keys("STUDY", PatientID="P-*", StudyInstanceUID=""))

    assert sorted(match.PatientID for match in matches) == sorted(ds.PatientID for ds in sent)


def test_cancelled_it_stops_and_the_association_goes_on(open_door: OpenDoor) -> None:
    door = open_door(query_page_size=1)
    store(door, *[ct_slice(patient_id=f"P-{number}") for number in range(30)])
    request = command(sop_class=STUDY_ROOT_FIND, field=0x0020, message_id=5, priority=0, data_set=1)
    cancel = command(field=0x0FFF, answers=5, data_set=0x0101)
    asked = p_data(pdv(1, 3, request)) + p_data(pdv(1, 2, _STUDIES_OF_P))

    with RawPeer(door.port) as peer:
        peer.associate(contexts=[(1, STUDY_ROOT_FIND, (EXPLICIT,))])
        peer.send(asked)
        peer.receive()
        peer.send(p_data(pdv(1, 3, cancel)))
        cancelled = _statuses_to_the_end(peer)
        peer.send(asked)
        again = _statuses_to_the_end(peer)

    assert cancelled[-1] in (0xFE00, 0x0000)
    assert len(cancelled) < 30 or cancelled[-1] == 0x0000
    assert again == [0xFF00] * 30 + [0x0000]


# Query/Retrieve Level STUDY, Patient ID P-*, Study Instance UID empty.
_STUDIES_OF_P = (
    b"\x08\x00\x52\x00CS\x06\x00STUDY \x10\x00\x20\x00LO\x04\x00P-* \x20\x00\x0d\x00UI\x00\x00"
)


def _statuses_to_the_end(peer: RawPeer) -> list[int]:
    """The status of every response up to the final one; identifiers are passed over."""
    statuses: list[int] = []
    while not statuses or statuses[-1] == 0xFF00:
        _, body = peer.receive()
        if body[5] & 1:
            statuses.append(int.from_bytes(parse_command(body[6:])[0x0900], "little"))
    return statuses
