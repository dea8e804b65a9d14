"""The viewer's list: one search box, filters, order, pages, and one study with its series."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydicom.dataset import Dataset

from tests.archives import RunningArchive
from tests.builders import ct_series, sr, us_cine, vietnamese_patient, x_ray
from tests.web.conftest import Store


@pytest.fixture(scope="module")
def held(store: Store) -> dict[str, list[Dataset]]:
    """Three studies: two of one patient, with marks in the name, and one of another."""
    anh = vietnamese_patient(patient_id="DS-2024.001")
    binh = vietnamese_patient(patient_name="Nguyễn^Văn Bình", patient_id="XQ77")
    ct = ct_series(2, **anh, study_date="20240115", study_time="083015", accession_number="CD-9")
    report = sr(**anh, study_instance_uid=ct[0].StudyInstanceUID, study_date="20240115")
    # Instances of one request are stored at once; the study tells what the first of them said.
    report.StudyTime, report.AccessionNumber = "083015", "CD-9"
    found = {
        "ct": [*ct, report],
        "us": [us_cine(**anh, study_date="20220301", study_time="100000")],
        "dx": [x_ray(**binh, study_date="20240116", study_time="07")],
    }
    for data_sets in found.values():
        store(*data_sets)
    return found


def ask(web: httpx.Client, **parameters: Any) -> dict[str, Any]:
    answer = web.get("/api/studies", params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(held: dict[str, list[Dataset]], page: dict[str, Any]) -> list[str]:
    by_uid = {each[0].StudyInstanceUID: name for name, each in held.items()}
    return [by_uid[row["study_instance_uid"]] for row in page["studies"]]


SEARCHES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["dx", "ct", "us"]),
    ({"q": "dang thi ngoc anh"}, ["ct", "us"]),
    ({"q": "ĐẶNG"}, ["ct", "us"]),
    ({"q": "anh dang"}, ["ct", "us"]),
    ({"q": "ng"}, ["dx", "ct", "us"]),
    ({"q": "ng bi"}, ["dx"]),
    ({"q": "nguyễn^văn bình"}, ["dx"]),
    ({"q": "xq7"}, ["dx"]),
    ({"q": "DS-2024.0"}, ["ct", "us"]),
    ({"q": "cd-9"}, ["ct"]),
    ({"q": "nobody"}, []),
    ({"q": "   "}, ["dx", "ct", "us"]),
    ({"from": "2024-01-01"}, ["dx", "ct"]),
    ({"to": "2024-01-15"}, ["ct", "us"]),
    ({"from": "2024-01-15", "to": "2024-01-15"}, ["ct"]),
    ({"modality": "US"}, ["us"]),
    ({"modality": ["US", "DX"]}, ["dx", "us"]),
    ({"modality": "SR"}, ["ct"]),
    ({"sort": "study_date"}, ["us", "ct", "dx"]),
    ({"sort": "-study_date"}, ["dx", "ct", "us"]),
    ({"sort": "-instance_count", "q": "anh"}, ["ct", "us"]),
    ({"sort": "patient_id"}, ["ct", "us", "dx"]),
    ({"sort": "-patient_name", "from": "2024-01-01"}, ["dx", "ct"]),
    ({"sort": "received_at"}, ["ct", "us", "dx"]),
]


@pytest.mark.parametrize(("parameters", "expected"), SEARCHES)
def test_the_list_holds_what_was_asked_for_in_order(
    web: httpx.Client,
    held: dict[str, list[Dataset]],
    parameters: dict[str, Any],
    expected: list[str],
) -> None:
    page = ask(web, **parameters)

    assert sorted(names(held, page)) == sorted(expected)
    assert page["total"] == len(expected)
    if "sort" in parameters and parameters["sort"] != "patient_id":
        assert names(held, page) == expected


def test_a_row_tells_what_the_list_shows(web: httpx.Client, held: dict[str, list[Dataset]]) -> None:
    (row,) = ask(web, q="cd-9")["studies"]

    assert row["study_instance_uid"] == held["ct"][0].StudyInstanceUID
    assert row["patient_name"] == "ĐẶNG^THỊ NGỌC ÁNH"
    assert row["patient_birth_date"] == "1984-02-17"
    assert row["study_date"] == "2024-01-15"
    assert row["study_time"] == "08:30:15"
    assert sorted(row["modalities"]) == ["CT", "SR"]
    assert row["body_parts"] == ["ABDOMEN"]
    assert (row["series_count"], row["instance_count"]) == (2, 3)
    assert row["received_at"].endswith("Z")
    assert row["receiving"] is True
    assert row["size_bytes"] > 2 * 8192
    assert row["demographics_conflict"] is False


def test_a_short_time_is_filled_up(web: httpx.Client, held: dict[str, list[Dataset]]) -> None:
    uid = held["dx"][0].StudyInstanceUID

    row = web.get(f"/api/studies/{uid}").json()

    assert row["study_time"] == "07:00:00"


def test_pages_follow_each_other_by_cursor(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    first = ask(web, limit=2)
    second = ask(web, limit=2, cursor=first["next_cursor"])

    assert names(held, first) + names(held, second) == ["dx", "ct", "us"]
    assert second["next_cursor"] is None


def test_a_study_comes_with_its_series_and_the_patient_s_other_studies(
    web: httpx.Client, held: dict[str, list[Dataset]]
) -> None:
    ct, report = held["ct"][0], held["ct"][2]

    study = web.get(f"/api/studies/{ct.StudyInstanceUID}").json()

    by_uid = {series["series_instance_uid"]: series for series in study["series"]}
    of_ct = by_uid[ct.SeriesInstanceUID]
    assert set(by_uid) == {ct.SeriesInstanceUID, report.SeriesInstanceUID}
    assert (of_ct["modality"], of_ct["instance_count"], of_ct["frame_count"]) == ("CT", 2, 2)
    assert of_ct["cover"]["sop_instance_uid"] in {ds.SOPInstanceUID for ds in held["ct"][:2]}
    assert of_ct["cover"]["frame"] == 1
    assert of_ct["transfer_syntax_uids"] == ["1.2.840.10008.1.2.1"]
    assert by_uid[report.SeriesInstanceUID]["cover"] is None
    assert names(held, {"studies": study["priors"]}) == ["us"]


@pytest.mark.parametrize("name", ["1.2.3", "a%00b", "x" * 200, "*"])
def test_an_unknown_study_is_404(web: httpx.Client, name: str) -> None:
    answer = web.get(f"/api/studies/{name}")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "0"},
        {"limit": "100000"},
        {"limit": "x"},
        {"from": "15/01/2024"},
        {"to": "2024-13-01"},
        {"sort": "password"},
        {"cursor": "rubbish"},
        {"cursor": "ế"},
        {"cursor": "eA"},
        {"q": "a\0b"},
        {"q": "x" * 300},
        {"modality": "CT\0"},
    ],
)
def test_a_question_without_sense_is_400(web: httpx.Client, parameters: dict[str, str]) -> None:
    answer = web.get("/api/studies", params=parameters)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_archive_tells_how_to_send_to_it(
    web: httpx.Client, door: RunningArchive, held: dict[str, list[Dataset]]
) -> None:
    facts = web.get("/api/archive").json()

    assert facts["ae_title"] == door.ae_title
    assert facts["timezone"] == "Asia/Ho_Chi_Minh"
    assert facts["study_count"] == len(held)
    assert facts["storage"]["free_bytes"] > 0


def test_the_interface_describes_itself(web: httpx.Client) -> None:
    described = web.get("/api/openapi.json").json()

    assert {"/api/studies", "/api/session", "/api/events"} <= set(described["paths"])
    assert "StudyPage" in described["components"]["schemas"]
