"""QIDO-RS finds what was stored, by any supported key, and says what it did not understand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.archives import RunningArchive
from tests.builders import ct_series, ct_slice, sr, us_cine, vietnamese_patient
from tests.web.conftest import Store
from tests.web.requests import parts_of, series_path, study_path, value, values

STUDIES = "/dicom-web/studies"


@pytest.fixture(scope="module")
def held(store: Store) -> dict[str, list[Dataset]]:
    """Three studies of two patients."""
    one = vietnamese_patient(patient_id="TIM-1")
    first = ct_series(
        3,
        **one,
        study_date="20240115",
        study_time="083015.25",
        accession_number="ACC-1",
        referring_physician_name="Trần^Bình",
        series_number=1,
        series_description="axial",
    )
    first.append(
        sr(
            **one,
            study_instance_uid=first[0].StudyInstanceUID,
            study_date="20240115",
            study_time="083015.25",
            series_number=2,
        )
    )
    second = [us_cine(**one, study_date="20230601", study_time="120000")]
    third = [
        ct_slice(
            specific_character_set="ISO_IR 192",
            patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう",
            patient_id="TIM-2",
            study_date=None,
            study_time=None,
        )
    ]
    found = {"first": first, "second": second, "third": third}
    for data_sets in found.values():
        store(*data_sets)
    return found


def search(web: httpx.Client, path: str = STUDIES, **parameters: Any) -> list[dict[str, Any]]:
    answer = web.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    found: list[dict[str, Any]] = answer.json()
    return found


def names(held: dict[str, list[Dataset]], found: list[dict[str, Any]]) -> set[str]:
    by_uid = {each[0].StudyInstanceUID: name for name, each in held.items()}
    return {by_uid[value(study, "0020000D")] for study in found}


MATCHES: list[tuple[dict[str, str], set[str]]] = [
    ({}, {"first", "second", "third"}),
    ({"PatientID": "TIM-1"}, {"first", "second"}),
    ({"00100020": "TIM-1"}, {"first", "second"}),
    ({"PatientID": "TIM-*"}, {"first", "second", "third"}),
    ({"PatientID": "TIM-?"}, {"first", "second", "third"}),
    ({"PatientID": "tim-1"}, set()),
    ({"PatientID": "TIM-_"}, set()),
    ({"PatientID": "TIM-%"}, set()),
    ({"PatientName": "ĐẶNG^THỊ NGỌC ÁNH"}, {"first", "second"}),
    ({"PatientName": "dang^thi ngoc anh"}, {"first", "second"}),
    ({"PatientName": "*ngọc*"}, {"first", "second"}),
    ({"PatientName": "anh dang", "fuzzymatching": "true"}, {"first", "second"}),
    ({"PatientName": "anh dang"}, set()),
    ({"PatientName": "*山田*"}, {"third"}),
    ({"PatientName": ""}, {"first", "second", "third"}),
    ({"AccessionNumber": "ACC-1"}, {"first"}),
    ({"StudyDate": "20240115"}, {"first"}),
    ({"StudyDate": "20230101-20231231"}, {"second"}),
    ({"StudyDate": "-20231231"}, {"second"}),
    ({"StudyDate": "20240101-"}, {"first"}),
    ({"StudyDate": "2024-01-15"}, {"first"}),
    ({"StudyTime": "080000-090000"}, {"first"}),
    ({"ModalitiesInStudy": "SR"}, {"first"}),
    ({"ModalitiesInStudy": "US,SR"}, {"first", "second"}),
    ({"ModalitiesInStudy": "US\\SR"}, {"first", "second"}),
    ({"ReferringPhysicianName": "tran*"}, {"first"}),
    ({"PatientID": "TIM-1", "StudyDate": "20240115"}, {"first"}),
]


@pytest.mark.parametrize(("keys", "expected"), MATCHES)
def test_studies_are_found_by_their_keys(
    web: httpx.Client, held: dict[str, list[Dataset]], keys: dict[str, str], expected: set[str]
) -> None:
    found = search(web, **keys)

    assert names(held, found) == expected


@pytest.mark.parametrize("separator", [",", "\\"])
def test_a_list_of_uids_finds_each(
    web: httpx.Client, held: dict[str, list[Dataset]], separator: str
) -> None:
    wanted = [held["first"][0].StudyInstanceUID, held["third"][0].StudyInstanceUID]

    found = search(web, StudyInstanceUID=separator.join(wanted))

    assert names(held, found) == {"first", "third"}


def test_a_study_tells_what_the_standard_demands(
    web: httpx.Client, door: RunningArchive, held: dict[str, list[Dataset]]
) -> None:
    ds = held["first"][0]

    (study,) = search(web, StudyInstanceUID=ds.StudyInstanceUID)

    assert list(study) == sorted(study)
    assert value(study, "00080005") == "ISO_IR 192"
    assert value(study, "00080020") == "20240115"
    assert value(study, "00080030") == "083015.25"
    assert value(study, "00080050") == "ACC-1"
    assert value(study, "00080056") == "ONLINE"
    assert sorted(values(study, "00080061")) == ["CT", "SR"]
    assert value(study, "00080090") == {"Alphabetic": "Trần^Bình"}
    assert value(study, "00081190") == f"{door.base_url}{study_path(ds)}"
    assert value(study, "00100010") == {"Alphabetic": "ĐẶNG^THỊ NGỌC ÁNH"}
    assert value(study, "00100020") == "TIM-1"
    assert value(study, "00201206") == 2
    assert value(study, "00201208") == 4


def test_names_have_all_their_groups(web: httpx.Client, held: dict[str, list[Dataset]]) -> None:
    (study,) = search(web, StudyInstanceUID=held["third"][0].StudyInstanceUID)

    assert value(study, "00100010") == {
        "Alphabetic": "Yamada^Tarou",
        "Ideographic": "山田^太郎",
        "Phonetic": "やまだ^たろう",
    }


def test_what_a_study_does_not_have_has_no_value(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    (study,) = search(web, StudyInstanceUID=held["third"][0].StudyInstanceUID)

    assert study["00080020"] == {"vr": "DA"}


def test_series_of_a_study_come_with_numbers_as_numbers(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    ds = held["first"][0]

    found = search(web, f"{study_path(ds)}/series")

    assert [value(series, "00200011") for series in found] == [1, 2]
    assert [value(series, "00201209") for series in found] == [3, 1]
    assert value(found[0], "0020000D") == ds.StudyInstanceUID
    assert value(found[0], "00081190").endswith(series_path(ds))
    assert "00100010" not in found[0]


def test_series_without_a_study_in_the_path_tell_of_their_study(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    ds = held["second"][0]

    (series,) = search(web, "/dicom-web/series", Modality="US", PatientID="TIM-1")

    assert value(series, "0020000D") == ds.StudyInstanceUID
    assert value(series, "00100020") == "TIM-1"


@pytest.mark.parametrize(("path", "count"), [("{study}/instances", 4), ("{series}/instances", 3)])
def test_instances_are_listed_below_study_and_series(
    web: httpx.Client, held: dict[str, list[Dataset]], path: str, count: int
) -> None:
    ds = held["first"][0]

    found = search(web, path.format(study=study_path(ds), series=series_path(ds)))

    assert len(found) == count


def test_an_instance_tells_what_the_standard_demands(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    ds = held["second"][0]

    (instance,) = search(web, "/dicom-web/instances", SOPInstanceUID=ds.SOPInstanceUID)

    assert value(instance, "00080016") == ds.SOPClassUID
    assert value(instance, "0020000D") == ds.StudyInstanceUID
    assert value(instance, "0020000E") == ds.SeriesInstanceUID
    assert value(instance, "00280010") == ds.Rows
    assert value(instance, "00280008") == 4
    assert value(instance, "00083002") == "1.2.840.10008.1.2.1"


def test_a_series_of_another_study_is_not_found_below_this_one(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    path = f"{study_path(held['second'][0])}/series/{held['first'][0].SeriesInstanceUID}/instances"

    found = search(web, path)

    assert found == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"includefield": "StudyDescription"},
        {"includefield": "00081030"},
        {"includefield": "00081030,NoSuchField"},
        {"includefield": ["StudyID", "StudyDescription"]},
        {"includefield": "all"},
        {"StudyDescription": "CT*"},
    ],
)
def test_fields_asked_for_or_matched_are_returned(
    web: httpx.Client, held: dict[str, list[Dataset]], parameters: dict[str, Any]
) -> None:
    ds = held["first"][0]

    (study,) = search(web, StudyInstanceUID=ds.StudyInstanceUID, **parameters)

    assert value(study, "00081030") == "CT bụng"


def test_pages_cover_everything_once(web: httpx.Client, store: Store) -> None:
    slices = [ct_slice(patient_id=f"TRANG-{number:02}") for number in range(11)]
    store(*slices)

    pages = [search(web, PatientID="TRANG-*", limit=4, offset=offset) for offset in (0, 4, 8, 12)]

    assert [len(page) for page in pages] == [4, 4, 3, 0]
    uids = {value(study, "0020000D") for page in pages for study in page}
    assert uids == {ds.StudyInstanceUID for ds in slices}


@pytest.mark.usefixtures("held")
def test_a_cut_answer_says_that_there_is_more(web: httpx.Client) -> None:
    answer = web.get(STUDIES, params={"PatientID": "TIM-*", "limit": "2"})

    assert len(answer.json()) == 2
    assert answer.headers["x-total-count"] == "3"
    assert answer.headers["warning"].startswith("299 ")


@pytest.mark.usefixtures("held")
def test_a_whole_answer_warns_of_nothing(web: httpx.Client) -> None:
    answer = web.get(STUDIES, params={"PatientID": "TIM-*"})

    assert answer.headers["x-total-count"] == "3"
    assert "warning" not in answer.headers


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("name", ["NoSuchKeyword", "SeriesDescription", "00189999", 'a"\tb'])
def test_what_is_not_supported_is_ignored_and_named(web: httpx.Client, name: str) -> None:
    answer = web.get(STUDIES, params={"PatientID": "TIM-*", name: "x"})

    assert len(answer.json()) == 3
    assert answer.headers["warning"].startswith('299 pacs "The parameter ')


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "abc"},
        {"limit": "-1"},
        {"limit": "1.5"},
        {"limit": ["1", "2"]},
        {"offset": "-5"},
        {"offset": "1" * 30},
        {"fuzzymatching": "perhaps"},
        {"StudyDate": "not-a-date"},
        {"StudyDate": "20241399"},
        {"StudyTime": "99"},
        {"PatientName": "a\0b"},
        {"00100020": "a\0b"},
    ],
)
def test_a_value_that_cannot_be_is_400_with_a_sentence(
    web: httpx.Client, parameters: dict[str, Any]
) -> None:
    answer = web.get(STUDIES, params=parameters)

    assert answer.status_code == 400
    assert answer.json()["code"] == "query_invalid"


@pytest.mark.parametrize("accept", ["application/dicom+json", "application/json", "*/*", ""])
def test_json_is_given_to_all_who_take_it(web: httpx.Client, accept: str) -> None:
    answer = web.get(STUDIES, params={"PatientID": "NOBODY"}, headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.json() == []


def test_a_picture_of_a_search_is_refused(web: httpx.Client) -> None:
    answer = web.get(STUDIES, headers={"Accept": "image/jpeg"})

    assert answer.status_code == 406
    assert "application/dicom+json" in answer.json()["detail"]


@pytest.mark.usefixtures("held")
def test_xml_comes_as_a_part_for_each_study(web: httpx.Client) -> None:
    headers = {"Accept": 'multipart/related; type="application/dicom+xml"'}

    answer = web.get(STUDIES, params={"PatientID": "TIM-1"}, headers=headers)
    nothing = web.get(STUDIES, params={"PatientID": "NOBODY"}, headers=headers)

    parts = parts_of(answer)
    assert [part.content_type for part in parts] == ["application/dicom+xml"] * 2
    assert all("<FamilyName>ĐẶNG</FamilyName>".encode() in part.content for part in parts)
    assert nothing.status_code == 204


def test_a_path_that_is_no_uid_names_nothing(web: httpx.Client) -> None:
    answers = [
        web.get(f"/dicom-web/studies/{name}/series")
        for name in ("abc%00", "%2A", "1%5C2", "x" * 200, "ế")
    ]

    assert {answer.status_code for answer in answers} == {404}


def test_an_unknown_study_has_no_series(web: httpx.Client) -> None:
    assert search(web, f"/dicom-web/studies/{generate_uid()}/series") == []
