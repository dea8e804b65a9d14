"""Nobody unknown gets in, and no other site acts in a signed-in person's name."""

from __future__ import annotations

import httpx
import pytest

from tests.archives import PASSWORD, RunningArchive
from tests.builders import ct_slice
from tests.web.requests import stow_request

CLOSED_PATHS = [
    "/dicom-web/studies",
    "/dicom-web/studies/1.2.3",
    "/dicom-web/studies/1.2.3/metadata",
    "/dicom-web/studies/1.2.3/series/1.2/instances/1/frames/1",
    "/dicom-web/studies/1.2.3/series/1.2/instances/1/bulkdata/7FE00010",
    "/dicom-web/studies/1.2.3/series/1.2/instances/1/rendered",
    "/dicom-web/studies/1.2.3/thumbnail",
    "/wado?requestType=WADO&studyUID=1&seriesUID=1&objectUID=1",
    "/api/session",
    "/api/archive",
    "/api/studies",
    "/api/studies/1.2.3",
    "/api/changes",
    "/api/events",
]


def sign_in(client: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    return client.post("/api/session", json={"user_name": "admin", "password": password})


@pytest.mark.parametrize("path", CLOSED_PATHS)
def test_without_credentials_the_answer_is_401(anonymous: httpx.Client, path: str) -> None:
    answer = anonymous.get(path)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"


def test_storing_without_credentials_is_refused(anonymous: httpx.Client) -> None:
    body, headers = stow_request(ct_slice())

    answer = anonymous.post("/dicom-web/studies", content=body, headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer", "Basic YTpi", "rubbish"])
def test_a_wrong_token_is_refused(anonymous: httpx.Client, authorization: str) -> None:
    answer = anonymous.get("/dicom-web/studies", headers={"Authorization": authorization})

    assert answer.status_code == 401


def test_a_clinician_may_look_but_not_store(clinician: httpx.Client) -> None:
    body, headers = stow_request(ct_slice())

    found = clinician.get("/dicom-web/studies")
    stored = clinician.post("/dicom-web/studies", content=body, headers=headers)

    assert found.status_code == 200
    assert stored.status_code == 403


def test_signing_in_opens_a_session_that_ends_by_signing_out(
    door: RunningArchive, anonymous: httpx.Client
) -> None:
    signed_in = sign_in(anonymous)
    during = anonymous.get("/api/session")
    listed = anonymous.get("/dicom-web/studies")
    signed_out = anonymous.delete("/api/session", headers={"Origin": door.base_url})
    anonymous.cookies.set("pacs_session", signed_in.cookies["pacs_session"])
    after = anonymous.get("/api/session")

    assert signed_in.status_code == 200
    assert signed_in.json() == during.json()
    assert during.json()["user_name"] == "admin"
    assert "administer" in during.json()["rights"]
    assert listed.status_code == 200
    assert signed_out.status_code == 204
    assert after.status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(anonymous: httpx.Client) -> None:
    cookie = sign_in(anonymous).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


def test_a_wrong_password_does_not_tell_what_was_wrong(anonymous: httpx.Client) -> None:
    wrong_password = sign_in(anonymous, "wrong")
    wrong_name = anonymous.post("/api/session", json={"user_name": "nobody", "password": "wrong"})

    assert wrong_password.status_code == wrong_name.status_code == 401
    assert wrong_password.json() == wrong_name.json()


def test_repeated_wrong_passwords_are_slowed_down(anonymous: httpx.Client) -> None:
    wanted = {"user_name": "guessed", "password": "wrong"}
    statuses = [anonymous.post("/api/session", json=wanted).status_code for _ in range(6)]

    slowed = anonymous.post("/api/session", json=wanted)

    assert statuses[:5] == [401] * 5
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_cookie_without_our_own_origin_changes_nothing(
    anonymous: httpx.Client, origin: str | None
) -> None:
    sign_in(anonymous)
    headers = {"Origin": origin} if origin else {}
    body, stow_headers = stow_request(ct_slice())

    changed = anonymous.put("/api/session/language", json={"language": "en"}, headers=headers)
    stored = anonymous.post("/dicom-web/studies", content=body, headers={**stow_headers, **headers})

    assert changed.status_code == 403
    assert stored.status_code == 403


def test_another_site_cannot_sign_its_visitors_in(anonymous: httpx.Client) -> None:
    wanted = {"user_name": "admin", "password": PASSWORD}

    answer = anonymous.post("/api/session", json=wanted, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_language_is_kept_with_the_person(
    door: RunningArchive, anonymous: httpx.Client
) -> None:
    sign_in(anonymous)

    changed = anonymous.put(
        "/api/session/language", json={"language": "en"}, headers={"Origin": door.base_url}
    )

    assert changed.status_code == 204
    assert anonymous.get("/api/session").json()["language"] == "en"


def test_a_changed_password_ends_other_sessions_and_keeps_this_one(
    running_archive: RunningArchive,
) -> None:
    new = "mat-khau-moi-rat-dai"
    base_url = running_archive.base_url
    with httpx.Client(base_url=base_url) as here, httpx.Client(base_url=base_url) as there:
        sign_in(here)
        sign_in(there)

        changed = here.post(
            "/api/session/password",
            json={"current": PASSWORD, "new": new},
            headers={"Origin": base_url},
        )

        assert changed.status_code == 204
        assert here.get("/api/session").status_code == 200
        assert there.get("/api/session").status_code == 401
        assert sign_in(there, new).status_code == 200


@pytest.mark.parametrize(("current", "new"), [("wrong", "a-long-enough-one"), (PASSWORD, "short")])
def test_a_password_that_cannot_be_changed_says_why(
    door: RunningArchive, anonymous: httpx.Client, current: str, new: str
) -> None:
    sign_in(anonymous)

    answer = anonymous.post(
        "/api/session/password",
        json={"current": current, "new": new},
        headers={"Origin": door.base_url},
    )

    assert answer.status_code == 400
    assert "password" in answer.json()["detail"]
    assert anonymous.get("/api/session").status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"user_name": "a"}', b'{"user_name": 1, "password": []}', b"\xff"],
)
def test_a_sign_in_that_is_no_sign_in_is_400_and_repeats_nothing(
    anonymous: httpx.Client, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}

    answer = anonymous.post("/api/session", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_a_huge_body_is_refused_before_it_is_read(anonymous: httpx.Client) -> None:
    answer = anonymous.post("/api/session", content=b" " * 200_000)

    assert answer.status_code == 413


def test_facts_before_sign_in_hold_no_secrets(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/api/public")

    assert answer.status_code == 200
    assert set(answer.json()) == {"name", "language", "version", "auth"}
