"""Pages of other sites reach the archive only where that is configured."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from pacs.errors import SettingsInvalid
from pacs.settings import read_settings
from pacs.wiring import Archive
from tests.web.doors import open_door

OHIF = "https://ohif.benhvien.vn"
PREFLIGHT = {
    "Origin": OHIF,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}


def asked(
    engines: Archive, *origins: str, method: str = "GET", headers: Mapping[str, str]
) -> httpx.Response:
    with open_door(engines, cors_origins=origins) as base_url:
        return httpx.request(method, f"{base_url}/dicom-web/studies", headers=headers)


def test_without_configuration_no_page_of_another_site_may_read(engines: Archive) -> None:
    answer = asked(engines, headers={"Origin": OHIF})

    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_named_page_may_read_what_it_needs(engines: Archive) -> None:
    answer = asked(engines, OHIF, headers={"Origin": OHIF})

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == OHIF
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "X-Total-Count" in answer.headers["access-control-expose-headers"]


def test_a_page_that_is_not_named_may_not(engines: Archive) -> None:
    answer = asked(engines, OHIF, headers={"Origin": "https://ohif.benhvien.vn.evil.example"})

    assert "access-control-allow-origin" not in answer.headers


def test_a_browser_that_asks_first_is_told_what_it_may_send(engines: Archive) -> None:
    answer = asked(engines, OHIF, method="OPTIONS", headers=PREFLIGHT)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OHIF
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()


def test_any_page_means_any_page_without_cookies(engines: Archive) -> None:
    answer = asked(engines, "*", headers={"Origin": OHIF})

    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origins", ["ohif.benhvien.vn", "https://ohif.benhvien.vn/", "ftp://a.vn", "https://*.vn/x"]
)
def test_what_is_no_origin_stops_the_start(origins: str) -> None:
    with pytest.raises(SettingsInvalid, match="PACS_CORS_ORIGINS"):
        read_settings({"PACS_CORS_ORIGINS": origins})


def test_any_page_and_nobody_signing_in_do_not_go_together() -> None:
    with pytest.raises(SettingsInvalid, match="PACS_CORS_ORIGINS"):
        read_settings({"PACS_CORS_ORIGINS": "*", "PACS_AUTH": "none"})
