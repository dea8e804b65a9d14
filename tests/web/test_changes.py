"""What changes in the archive is told: to those who ask with a cursor, and to those who watch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pacs.scope import Role, system_scope
from pacs.web.config import WebLimits
from pacs.wiring import Archive
from tests.archives import PASSWORD, RunningArchive
from tests.builders import ct_series, ct_slice
from tests.web.conftest import Store
from tests.web.doors import open_door


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The data of each change that is told."""
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_changes_after_a_cursor_are_told_once(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    before = web.get("/api/changes").json()

    store(ds)
    told = web.get("/api/changes", params={"since": before["cursor"]}).json()
    nothing = web.get("/api/changes", params={"since": told["cursor"]}).json()

    assert before["changes"] == []
    assert [each["study_instance_uid"] for each in told["changes"]] == [ds.StudyInstanceUID]
    assert told["changes"][0]["kind"] == "study_added"
    assert told["changes"][0]["at"].endswith("Z")
    assert nothing == {"changes": [], "cursor": told["cursor"]}


@pytest.mark.parametrize("since", ["-1", "x", "1" * 30])
def test_a_cursor_that_cannot_be_is_400(web: httpx.Client, since: str) -> None:
    answer = web.get("/api/changes", params={"since": since})

    assert answer.status_code == 400


def test_who_watches_is_told_of_a_new_study(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    with web.stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        welcome = next(lines)
        store(ds)
        change = next(events(lines))

    assert welcome.startswith(":")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert change["study_instance_uid"] == ds.StudyInstanceUID
    assert change["kind"] == "study_added"


def test_a_study_that_grows_is_told_once_at_a_time(web: httpx.Client, store: Store) -> None:
    slices = ct_series(4)
    last = ct_slice()
    with web.stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        next(lines)
        for ds in [*slices, last]:
            store(ds)
        told = []
        for change in events(lines):
            told.append(change["study_instance_uid"])
            if change["study_instance_uid"] == last.StudyInstanceUID:
                break

    # Five instances came within a second or two: never one event for each.
    assert told.count(slices[0].StudyInstanceUID) in (1, 2)


def test_who_comes_back_is_told_what_was_missed(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    cursor = web.get("/api/changes").json()["cursor"]
    store(ds)

    with web.stream("GET", "/api/events", headers={"Last-Event-ID": str(cursor)}) as answer:
        change = next(events(answer.iter_lines()))

    assert change["study_instance_uid"] == ds.StudyInstanceUID


def test_watching_ends_when_the_archive_stops(running_archive: RunningArchive) -> None:
    headers = running_archive.headers()
    with (
        httpx.Client(base_url=running_archive.base_url, headers=headers) as web,
        web.stream("GET", "/api/events") as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        running_archive.doors.close()

        rest = list(lines)

    assert not any(line.startswith("data:") for line in rest)


def test_watching_ends_for_a_token_that_is_no_longer_good(archive: Archive) -> None:
    scope = system_scope("test")
    archive.accounts.add_user("nurse", PASSWORD, Role.CLINICIAN, scope=scope)
    token = archive.accounts.create_token("nurse", scope=scope)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        open_door(archive, limits=WebLimits(heartbeat_s=0.05)) as base_url,
        httpx.Client(base_url=base_url, headers=headers) as web,
        web.stream("GET", "/api/events") as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        archive.accounts.disable("nurse", scope=scope)

        rest = list(lines)

    assert not any(line.startswith("data:") for line in rest)
