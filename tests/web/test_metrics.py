"""Whoever watches over the archive gets numbers, and nobody from elsewhere without a token."""

from __future__ import annotations

import re

import httpx
import pytest

from pacs.errors import StoreUnavailable
from pacs.wiring import Archive
from tests.builders import ct_slice
from tests.web.conftest import Store
from tests.web.doors import open_door


def number(text: str, name: str) -> float:
    """The value of one line, named with its labels."""
    [found] = re.findall(rf"^{re.escape(name)} (\S+)$", text, flags=re.MULTILINE)
    return float(found)


def test_a_program_of_this_machine_needs_no_token(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert number(answer.text, 'pacs_ready{check="database"}') == 1
    assert number(answer.text, "pacs_storage_free_bytes") > 0


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Host": "pacs.benhvien.vn"},
    ],
)
def test_who_comes_through_a_proxy_needs_a_token(
    anonymous: httpx.Client, web: httpx.Client, headers: dict[str, str]
) -> None:
    refused = anonymous.get("/metrics", headers=headers)
    given = web.get("/metrics", headers=headers)

    assert (refused.status_code, given.status_code) == (401, 200)


def test_requests_are_counted(web: httpx.Client) -> None:
    counted = 'pacs_http_requests_total{area="dicom-web",method="GET",status="404"}'
    web.get("/dicom-web/studies/1.2.3")
    before = number(web.get("/metrics").text, counted)

    web.get("/dicom-web/studies/1.2.3")

    assert number(web.get("/metrics").text, counted) == before + 1


def test_names_of_patients_and_made_up_words_are_no_labels(web: httpx.Client, store: Store) -> None:
    store(ct_slice(patient_name="Đỗ^Văn An", patient_id="BN-0815"))
    web.get("/dicom-web/studies", params={"PatientID": "BN-0815"})
    web.get("/made-up-path/x")
    web.request("BREW", "/api/archive")

    told = web.get("/metrics").text

    assert not [word for word in ("BN-0815", "made-up-path", "BREW") if word in told]


def test_what_is_not_in_order_is_0(engines: Archive) -> None:
    def away() -> None:
        raise StoreUnavailable("the store is away")

    with open_door(engines, readiness={"object_store": away}) as base_url:
        told = httpx.get(f"{base_url}/metrics").text

    assert number(told, 'pacs_ready{check="object_store"}') == 0
