"""Over HTTP: conflicts, corrections and what is wrong, for those who may."""

from __future__ import annotations

import httpx
import pytest

from pacs.scope import Role
from tests.archives import RunningArchive
from tests.builders import ct_slice
from tests.care import found, lose, receive, stored


def ask(running: RunningArchive, path: str, role: Role | None = None) -> httpx.Response:
    return httpx.get(f"{running.base_url}/api{path}", headers=running.headers(role))


def tell(running: RunningArchive, path: str, **content: object) -> httpx.Response:
    url = f"{running.base_url}/api{path}"
    return httpx.post(url, headers=running.headers(), json=content)


def test_a_conflict_is_listed_compared_and_resolved(running_archive: RunningArchive) -> None:
    first = ct_slice(patient_id="A")
    receive(running_archive.archive, first)
    receive(
        running_archive.archive,
        ct_slice(patient_id="B", sop_instance_uid=first.SOPInstanceUID),
    )

    [listed] = ask(running_archive, "/conflicts").json()["conflicts"]
    number = listed["conflict_id"]
    compared = ask(running_archive, f"/conflicts/{number}").json()
    resolved = tell(running_archive, f"/conflicts/{number}/split", reason="two people")

    assert {"keyword": "PatientID", "present": "A", "newcomer": "B", "tag": "00100020"} in (
        compared["differences"]
    )
    assert compared["same_pixels"] is True
    assert resolved.status_code == 200
    assert running_archive.archive.index.find(resolved.json()["sop_instance_uid"])
    assert ask(running_archive, "/conflicts").json() == {"conflicts": []}


def test_a_correction_is_made_listed_and_undone(running_archive: RunningArchive) -> None:
    ds = ct_slice(patient_name="SAI^TEN")
    receive(running_archive.archive, ds)

    made = tell(
        running_archive,
        "/corrections",
        study_instance_uid=ds.StudyInstanceUID,
        attributes={"PatientName": "ĐÚNG^TÊN"},
        reason="typo",
    )
    shown = ask(running_archive, "/studies").json()
    undone = tell(running_archive, f"/corrections/{made.json()['decision_id']}/undo")

    assert made.status_code == 200
    assert "ĐÚNG^TÊN" in str(shown)
    assert undone.status_code == 204
    [listed] = ask(running_archive, "/corrections").json()["corrections"]
    assert listed["undone"] is True


@pytest.mark.parametrize(
    "content",
    [
        {"attributes": {"PixelData": "x"}, "reason": "r", "study_instance_uid": "1.2"},
        {"attributes": {"PatientName": "A"}, "study_instance_uid": "1.2"},
        {"attributes": {}, "reason": "r", "study_instance_uid": "1.2"},
        {"attributes": {"PatientName": "A"}, "reason": "r", "study_instance_uid": "1.2", "x": 1},
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    running_archive: RunningArchive, content: dict[str, object]
) -> None:
    assert tell(running_archive, "/corrections", **content).status_code == 400


def test_patients_are_merged_and_studies_moved(running_archive: RunningArchive) -> None:
    one, other = ct_slice(patient_id="A"), ct_slice(patient_id="B")
    for ds in (one, other):
        ds.IssuerOfPatientID = "BV"
        receive(running_archive.archive, ds)
    patients = {key: {"patient_id": key, "issuer_of_patient_id": "BV"} for key in "AB"}

    merged = tell(
        running_archive,
        "/corrections/merge",
        patient=patients["A"],
        into=patients["B"],
        reason="the same person",
    )
    unknown = tell(
        running_archive,
        "/corrections/move",
        study_instance_uid=one.StudyInstanceUID,
        to={"patient_id": "nobody"},
        reason="wrong worklist entry",
    )

    assert merged.status_code == 200
    assert unknown.status_code == 404


def test_what_is_wrong_is_told_to_administrators_only(running_archive: RunningArchive) -> None:
    ds = ct_slice()
    receive(running_archive.archive, ds)
    lose(running_archive.archive, stored(running_archive.archive, ds))
    found(running_archive.archive)

    [finding] = ask(running_archive, "/integrity").json()["findings"]

    assert finding["sop_instance_uid"] == ds.SOPInstanceUID
    assert ask(running_archive, "/integrity", Role.RADIOLOGIST).status_code == 403


@pytest.mark.parametrize("path", ["/conflicts", "/corrections", "/integrity"])
def test_a_clinician_sees_none_of_it(running_archive: RunningArchive, path: str) -> None:
    assert ask(running_archive, path, Role.CLINICIAN).status_code == 403
