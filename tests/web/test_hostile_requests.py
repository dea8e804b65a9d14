"""Whatever is asked, the answer blames the asker: no request of any shape is an incident."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from pacs.web.access import SignInRule
from pacs.web.config import WebLimits
from pacs.wiring import Archive
from tests.builders import ct_slice
from tests.web.conftest import Store
from tests.web.doors import open_door
from tests.web.requests import (
    BOUNDARY,
    STOW_TYPE,
    instance_path,
    multipart_body,
    series_path,
    values,
)

_RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

_ODD = st.sampled_from(
    [
        "",
        "\0",
        "\\",
        "*",
        "%",
        "_",
        "'",
        '"',
        "ế",
        "\ud7ff",
        "a" * 3000,
        "-1",
        "9" * 40,
        "1e9",
        "../",
    ]
)
_TEXT = _ODD | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
_NAMES = st.sampled_from(
    [
        "PatientName",
        "PatientID",
        "StudyDate",
        "StudyTime",
        "StudyInstanceUID",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedInstances",
        "00100010",
        "Rows",
        "includefield",
        "fuzzymatching",
        "limit",
        "offset",
        "accept",
        "RequestAttributesSequence.ScheduledProcedureStepID",
    ]
)


@pytest.fixture(scope="module")
def held(store: Store) -> Dataset:
    ds = ct_slice()
    store(ds)
    return ds


@_RELAXED
@given(
    path=st.sampled_from(["studies", "series", "instances", "studies/1.2/series"]),
    parameters=st.lists(st.tuples(_NAMES | _TEXT, _TEXT), max_size=5),
)
def test_any_search_is_answered(
    web: httpx.Client, path: str, parameters: list[tuple[str, str]]
) -> None:
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in parameters)

    answer = web.get(f"/dicom-web/{path}?{query}")

    assert answer.status_code in (200, 400, 406)


@_RELAXED
@given(q=_TEXT, sort=_TEXT, cursor=_TEXT, modality=_TEXT)
def test_any_question_to_the_worklist_is_answered(
    web: httpx.Client, q: str, sort: str, cursor: str, modality: str
) -> None:
    parameters = {"q": q, "sort": sort or "-study_date", "cursor": cursor, "modality": modality}

    answer = web.get("/api/studies", params=parameters)

    assert answer.status_code in (200, 400)


@_RELAXED
@given(
    resource=st.sampled_from(["frames/", "frames/1/rendered?", "rendered?", "thumbnail?", ""]),
    tail=_TEXT,
)
def test_any_resource_is_answered(
    web: httpx.Client, held: Dataset, resource: str, tail: str
) -> None:
    answer = web.get(f"{instance_path(held)}/{resource}{quote(tail, safe='=,&')}")

    assert answer.status_code < 500


@_RELAXED
@given(uid=_TEXT.filter(bool))
def test_any_name_is_answered(web: httpx.Client, uid: str) -> None:
    named = quote(uid, safe="")

    statuses = {
        web.get(f"/dicom-web/studies/{named}{resource}", follow_redirects=True).status_code
        for resource in ("/metadata", "/series", "/instances", "/rendered")
    }

    assert statuses <= {200, 404}


@_RELAXED
@given(body=st.binary(max_size=300) | st.binary(max_size=200).map(multipart_body))
def test_any_body_is_answered(web: httpx.Client, body: bytes) -> None:
    answer = web.post("/dicom-web/studies", content=body, headers={"Content-Type": STOW_TYPE})

    assert 400 <= answer.status_code < 500


@_RELAXED
@given(
    content_type=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
)
def test_any_content_type_is_answered(web: httpx.Client, content_type: str) -> None:
    wanted = {"Content-Type": f"multipart/related;{content_type};a=b"}

    answer = web.post("/dicom-web/studies", content=multipart_body(b"x"), headers=wanted)

    assert 400 <= answer.status_code < 500


@_RELAXED
@given(accept=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
@pytest.mark.parametrize("resource", ["", "/metadata", "/rendered"])
def test_any_accept_is_answered(
    web: httpx.Client, held: Dataset, resource: str, accept: str
) -> None:
    answer = web.get(f"{series_path(held)}{resource}", headers={"Accept": accept.strip()})

    assert answer.status_code in (200, 406)


def test_a_body_of_very_many_parts_is_bounded(archive: Archive) -> None:
    body = f"--{BOUNDARY}\r\n\r\n\r\n".encode() * 30 + f"--{BOUNDARY}--".encode()
    limits = WebLimits(max_parts=10)

    with open_door(archive, limits=limits, sign_in=SignInRule.NONE) as base_url:
        answer = httpx.post(
            f"{base_url}/dicom-web/studies", content=body, headers={"Content-Type": STOW_TYPE}
        )

    assert answer.status_code == 409
    assert len(values(answer.json(), "0008119A")) == 11


def test_metadata_of_nothing_but_query_is_not_changed_by_it(
    web: httpx.Client, held: Dataset
) -> None:
    answer = web.get(f"{instance_path(held)}/metadata?window=rubbish&limit=-1")

    assert answer.status_code == 200
