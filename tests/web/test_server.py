"""The server stays up and honest: deadlines, limits, incidents, health, addresses."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from pacs.errors import IndexUnavailable, SettingsInvalid
from pacs.scope import Role, system_scope
from pacs.web.access import SignInRule
from pacs.web.server import HttpAddress, TlsFiles, bind, tls_context
from pacs.wiring import Archive
from tests.archives import RunningArchive
from tests.builders import ct_slice
from tests.needs import Need
from tests.web.doors import open_door
from tests.web.requests import stow_request


def connect(base_url: str) -> socket.socket:
    url = httpx.URL(base_url)
    return socket.create_connection((url.host, url.port or 80), timeout=20)


# --- health ------------------------------------------------------------------------------------


def test_a_working_archive_is_alive_and_ready(door: RunningArchive) -> None:
    live = httpx.get(f"{door.base_url}/health/live")
    ready = httpx.get(f"{door.base_url}/health/ready")

    assert live.status_code == 200
    assert ready.status_code == 200
    assert set(ready.json()["checks"].values()) == {"ok"}


def test_an_archive_without_its_database_is_alive_but_not_ready(engines: Archive) -> None:
    def gone() -> None:
        raise IndexUnavailable("the database does not answer")

    with open_door(engines, readiness={"database": gone}) as base_url:
        live = httpx.get(f"{base_url}/health/live")
        ready = httpx.get(f"{base_url}/health/ready")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["checks"] == {"database": "the database does not answer"}


# --- incidents ---------------------------------------------------------------------------------


def test_what_nobody_expected_is_an_incident_without_details(engines: Archive) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    with open_door(engines, readiness={"broken": broken}) as base_url:
        answer = httpx.get(f"{base_url}/health/ready")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "incident" in answer.json()["detail"]
    assert "secret detail" not in answer.text


# --- deadlines and limits ------------------------------------------------------------------------


def test_a_header_that_never_ends_is_cut_off(engines: Archive) -> None:
    with open_door(engines, header_deadline_s=0.2) as base_url, connect(base_url) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")

        rest = peer.recv(1000)

    assert rest == b""


def test_a_second_header_that_never_ends_is_cut_off(engines: Archive) -> None:
    with open_door(engines, header_deadline_s=0.2) as base_url, connect(base_url) as peer:
        peer.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        first = peer.recv(10_000)
        while not first.endswith(b"}"):
            first += peer.recv(10_000)
        peer.sendall(b"GET /health/live HTTP/1.1\r\nHo")

        rest = peer.recv(1000)

    assert b"200 OK" in first
    assert rest == b""


def test_a_header_without_bounds_is_refused(engines: Archive) -> None:
    with open_door(engines) as base_url, connect(base_url) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000)

        answer = peer.recv(1000)

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_rubbish_is_answered_and_the_next_asker_served(engines: Archive) -> None:
    with open_door(engines) as base_url:
        with connect(base_url) as peer:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
            answer = peer.recv(1000)
        after = httpx.get(f"{base_url}/health/live")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert after.status_code == 200


def test_many_requests_share_one_connection(door: RunningArchive) -> None:
    headers = door.headers()
    with httpx.Client(base_url=door.base_url, headers=headers) as client:
        statuses = {client.get("/dicom-web/studies").status_code for _ in range(20)}

    assert statuses == {200}


# --- addresses -----------------------------------------------------------------------------------


def test_links_begin_with_the_public_url(engines: Archive) -> None:
    body, headers = stow_request(ct_slice())
    with open_door(
        engines, sign_in=SignInRule.NONE, public_url="https://pacs.example/"
    ) as base_url:
        answer = httpx.post(f"{base_url}/dicom-web/studies", content=body, headers=headers)

    url = answer.json()["00081190"]["Value"][0]
    assert url.startswith("https://pacs.example/dicom-web/studies/")


@pytest.mark.parametrize(
    ("trusted", "cookie_is_secure"), [((), False), (("127.0.0.1",), True), (("10.0.0.1",), False)]
)
def test_only_a_trusted_proxy_says_that_the_asker_came_by_https(
    engines: Archive, trusted: tuple[str, ...], cookie_is_secure: bool
) -> None:
    name = f"an-{len(engines.accounts.users())}"
    engines.accounts.add_user(name, "mat-khau-dai", Role.CLINICIAN, scope=system_scope())
    with open_door(engines, trusted_proxies=trusted) as base_url:
        answer = httpx.post(
            f"{base_url}/api/session",
            json={"user_name": name, "password": "mat-khau-dai"},
            headers={"X-Forwarded-Proto": "https"},
        )

    assert answer.status_code == 200
    assert ("Secure" in answer.headers["set-cookie"]) is cookie_is_secure
    assert ("strict-transport-security" in answer.headers) is cookie_is_secure


@pytest.mark.parametrize("host", ["", "a b", "x/y", "evil@host", "x" * 10 + ":99999999"])
def test_a_host_no_link_could_begin_with_is_400(door: RunningArchive, host: str) -> None:
    token = door.token()
    request = (
        f"GET /dicom-web/studies HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    with connect(door.base_url) as peer:
        peer.sendall(request.encode())

        answer = peer.recv(10_000)

    assert answer.startswith(b"HTTP/1.1 400 ")


# --- without sign-in -----------------------------------------------------------------------------


def test_without_sign_in_only_this_machine_is_served(engines: Archive) -> None:
    with open_door(engines, sign_in=SignInRule.NONE) as base_url:
        here = httpx.get(f"{base_url}/dicom-web/studies")
        rebound = httpx.get(f"{base_url}/dicom-web/studies", headers={"Host": "evil.example"})
        other_site = httpx.post(
            f"{base_url}/dicom-web/studies", headers={"Origin": "https://evil.example"}
        )

    assert here.status_code == 200
    assert rebound.status_code == 403
    assert other_site.status_code == 403


# --- starting ------------------------------------------------------------------------------------


def test_a_port_in_use_is_told_in_a_sentence(engines: Archive) -> None:
    with open_door(engines) as base_url:
        port = httpx.URL(base_url).port
        with pytest.raises(SettingsInvalid, match="PACS_HTTP_PORT"):
            bind(HttpAddress("127.0.0.1", port or 0))


def test_a_certificate_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_text("rubbish")

    with pytest.raises(SettingsInvalid, match="PACS_TLS_CERT"):
        tls_context(TlsFiles(tmp_path / "rubbish", tmp_path / "rubbish"))


def test_tls_is_1_2_or_newer(tmp_path: Path, need: Need) -> None:
    openssl = need("openssl")
    command = f"{openssl} req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)

    context = tls_context(TlsFiles(tmp_path / "certificate", tmp_path / "key"))

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE
