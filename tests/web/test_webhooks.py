"""Administrators look after webhooks over our own API."""

from __future__ import annotations

import httpx
import pytest

URL = "https://his.benhvien.vn/dicom"


def test_a_webhook_is_put_listed_and_removed(web: httpx.Client) -> None:
    put = web.put("/api/webhooks/his", json={"url": URL})
    listed = web.get("/api/webhooks").json()["webhooks"]
    removed = web.delete("/api/webhooks/his")

    assert put.status_code == 200
    assert [(one["name"], one["url"], one["enabled"]) for one in listed] == [("his", URL, True)]
    assert removed.status_code == 204
    assert web.get("/api/webhooks").json() == {"webhooks": []}


def test_the_secret_is_told_when_it_is_made_and_kept_when_the_url_changes(
    web: httpx.Client,
) -> None:
    first = web.put("/api/webhooks/kept", json={"url": URL}).json()
    second = web.put("/api/webhooks/kept", json={"url": f"{URL}/2"}).json()
    listed = web.get("/api/webhooks").text

    web.delete("/api/webhooks/kept")

    assert len(first["secret"]) >= 32
    assert second["secret"] == first["secret"]
    assert first["secret"] not in listed


@pytest.mark.parametrize(
    "body", [{"url": "ftp://his.vn"}, {"url": URL, "secret": "x"}, {"url": URL, "more": 1}, {}]
)
def test_what_makes_no_sense_is_400(web: httpx.Client, body: dict[str, object]) -> None:
    answer = web.put("/api/webhooks/his", json=body)

    assert answer.status_code == 400


def test_others_see_and_change_nothing(clinician: httpx.Client) -> None:
    assert clinician.get("/api/webhooks").status_code == 403
    assert clinician.put("/api/webhooks/his", json={"url": URL}).status_code == 403
    assert clinician.delete("/api/webhooks/his").status_code == 403
