"""What is deleted over HTTP lies in the trash: nobody is shown it, and it can come back."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from pydicom.dataset import Dataset

from tests.builders import ct_series, ct_slice
from tests.web.conftest import Store
from tests.web.requests import instance_path, series_path, study_path

Path = Callable[[Dataset], str]


@pytest.mark.parametrize("path_of", [study_path, series_path, instance_path])
def test_what_was_deleted_is_gone(web: httpx.Client, store: Store, path_of: Path) -> None:
    ds = ct_slice()
    store(ds)

    deleted = web.delete(path_of(ds))

    found = web.get("/dicom-web/studies", params={"StudyInstanceUID": ds.StudyInstanceUID})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert web.get(study_path(ds)).status_code == 404
    assert (found.status_code, found.content) in ((204, b""), (200, b"[]"))


def test_the_rest_of_the_series_stays(web: httpx.Client, store: Store) -> None:
    slices = ct_series(3)
    store(*slices)

    web.delete(instance_path(slices[0]))

    metadata = web.get(f"{series_path(slices[0])}/metadata").json()
    left = {one["00080018"]["Value"][0] for one in metadata}
    assert left == {ds.SOPInstanceUID for ds in slices[1:]}


def test_a_path_that_does_not_fit_together_deletes_nothing(web: httpx.Client, store: Store) -> None:
    one, other = ct_slice(), ct_slice()
    store(one, other)

    answer = web.delete(f"{study_path(one)}/series/{other.SeriesInstanceUID}")

    assert answer.status_code == 404
    assert web.get(f"{study_path(other)}/metadata").status_code == 200


@pytest.mark.parametrize("uid", ["1.2.3.4.999", "not-a-uid"])
def test_what_is_not_there_cannot_be_deleted(web: httpx.Client, uid: str) -> None:
    answer = web.delete(f"/dicom-web/studies/{uid}")

    assert answer.status_code == 404


def test_who_may_only_look_deletes_nothing(
    web: httpx.Client, clinician: httpx.Client, anonymous: httpx.Client, store: Store
) -> None:
    ds = ct_slice()
    store(ds)

    refused = [client.delete(study_path(ds)).status_code for client in (clinician, anonymous)]

    assert refused == [403, 401]
    assert web.get(f"{study_path(ds)}/metadata").status_code == 200


def test_the_trash_says_who_deleted_what_and_why(web: httpx.Client, store: Store) -> None:
    slices = ct_series(2)
    store(*slices)
    reason = "chụp nhầm người bệnh"

    web.delete(study_path(slices[0]), headers={"X-Reason": quote(reason)})

    newest = web.get("/api/trash").json()["deletions"][0]
    assert newest["study_instance_uid"] == slices[0].StudyInstanceUID
    assert (newest["actor"], newest["reason"], newest["instance_count"]) == ("admin", reason, 2)
    assert newest["size_bytes"] > 0
    assert newest["at"].endswith("Z")


def test_the_reason_may_stand_in_the_query(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)

    web.delete(study_path(ds), params={"reason": "trùng"})

    assert web.get("/api/trash").json()["deletions"][0]["reason"] == "trùng"


@pytest.mark.parametrize("body", [None, {"reason": "vẫn cần"}])
def test_what_lies_in_the_trash_comes_back(
    web: httpx.Client, store: Store, body: dict[str, str] | None
) -> None:
    ds = ct_slice()
    store(ds)
    web.delete(study_path(ds))
    decision = web.get("/api/trash").json()["deletions"][0]["decision_id"]

    restored = web.post(f"/api/trash/{decision}/restore", json=body)

    lying = {each["decision_id"] for each in web.get("/api/trash").json()["deletions"]}
    assert restored.status_code == 204
    assert web.get(f"{study_path(ds)}/metadata").status_code == 200
    assert decision not in lying


def test_what_was_never_deleted_cannot_come_back(web: httpx.Client) -> None:
    answer = web.post("/api/trash/00000000-0000-0000-0000-000000000000/restore")

    assert answer.status_code == 404


def test_the_trash_is_not_for_everybody(clinician: httpx.Client) -> None:
    assert clinician.get("/api/trash").status_code == 403


def test_who_follows_the_changes_learns_of_a_removal(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)
    cursor = web.get("/api/changes").json()["cursor"]

    web.delete(study_path(ds))

    (change,) = web.get("/api/changes", params={"since": cursor}).json()["changes"]
    assert (change["kind"], change["study_instance_uid"]) == (
        "study_removed",
        ds.StudyInstanceUID,
    )
