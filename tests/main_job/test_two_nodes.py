"""Several nodes on one database: what waits in one spool is read through the node that has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.dataset import Dataset

from pacs.errors import NodeUnavailable, ObjectDamaged, ObjectMissing
from pacs.nodes import Node
from pacs.storage.sql_migrations import migrate
from tests.archives import RunningArchive, running, settings_for
from tests.builders import ct_series
from tests.encodings import data_set_bytes

# Nobody listens there, so that all stays where it was received.
NOWHERE = {"s3_endpoint": "127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "b"}
WHOLE = {"Accept": 'multipart/related; type="application/dicom"'}


def settings_of(folder: Path, database_url: str) -> Any:
    more = {"database_url": database_url, "auth": "none", **NOWHERE}
    return settings_for(folder, store_deadline_s=2.0, **more)


@pytest.fixture
def one(tmp_path: Path, postgresql_url: str) -> Iterator[RunningArchive]:
    migrate(postgresql_url)
    with running(settings_of(tmp_path / "one", postgresql_url)) as started:
        announce(started)
        yield started


@pytest.fixture
def two(
    tmp_path: Path,
    postgresql_url: str,
    one: RunningArchive,  # noqa: ARG001  closed after this one
) -> Iterator[RunningArchive]:
    with running(settings_of(tmp_path / "two", postgresql_url)) as started:
        yield started


def announce(node: RunningArchive) -> None:
    """What happens in the background, a moment later."""
    spool = node.archive.stores.spool
    assert spool is not None
    node.archive.nodes.announce(Node(spool.node, node.base_url, datetime.now(UTC)))


def path_of(ds: Dataset) -> str:
    return (
        f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
        f"/instances/{ds.SOPInstanceUID}"
    )


def test_what_waits_on_another_node_is_read_through_that_node(
    one: RunningArchive, two: RunningArchive
) -> None:
    (ds,) = ct_series(1)
    one.send(ds)

    whole = httpx.get(f"{two.base_url}{path_of(ds)}", headers=WHOLE)
    frame = httpx.get(
        f"{two.base_url}{path_of(ds)}/frames/1", headers={"Accept": "application/octet-stream"}
    )

    assert data_set_bytes(ds) in whole.content
    assert frame.content == ds.PixelData


def test_a_node_that_is_away_means_later_and_not_never(
    one: RunningArchive, two: RunningArchive
) -> None:
    (ds,) = ct_series(1)
    one.send(ds)
    one.doors.close()

    answer = httpx.get(f"{two.base_url}{path_of(ds)}", headers=WHOLE)
    found = httpx.get(f"{two.base_url}/dicom-web/studies").json()

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert len(found) == 1


def test_readers_are_told_what_is_wrong_with_an_object_of_another_node(
    one: RunningArchive, two: RunningArchive
) -> None:
    one.send(*ct_series(1))
    spool = one.archive.stores.spool
    assert spool is not None
    [entry] = list(spool.entries("o/"))
    remote = two.archive.stores.find(spool.name)
    assert remote is not None

    assert b"".join(remote.read(entry.key, offset=128, length=4)) == b"DICM"
    assert len(b"".join(remote.read(entry.key))) == entry.size_bytes
    with pytest.raises(ObjectMissing):
        remote.read("o/2026/01/31/nobody")
    with pytest.raises(ObjectDamaged):
        remote.read(entry.key, length=entry.size_bytes + 1)


def test_a_node_that_was_never_seen_is_away(two: RunningArchive) -> None:
    stranger = two.archive.stores.find("spool:stranger")
    assert stranger is not None

    with pytest.raises(NodeUnavailable):
        stranger.read("o/2026/01/31/nobody")


@pytest.mark.parametrize("headers", [{}, {"X-Pacs-Time": "1", "X-Pacs-Signature": "00"}])
def test_nobody_but_a_node_reads_a_spool(one: RunningArchive, headers: dict[str, str]) -> None:
    one.send(*ct_series(1))
    spool = one.archive.stores.spool
    assert spool is not None
    [entry] = list(spool.entries("o/"))

    answer = httpx.get(f"{one.base_url}/internal/spool/{entry.key}", headers=headers)

    assert answer.status_code == 403


def test_the_administrator_is_told_what_waits_and_why(one: RunningArchive) -> None:
    (ds,) = ct_series(1)
    one.send(ds)
    uploader = one.archive.uploader
    assert uploader is not None
    with pytest.raises(Exception, match="S3"):
        uploader.upload_waiting()

    spool = httpx.get(f"{one.base_url}/api/archive").json()["spool"]
    ready = httpx.get(f"{one.base_url}/health/ready")

    assert spool["objects"] == 1
    assert spool["size_bytes"] > len(ds.PixelData)
    assert "S3" in spool["trouble"]
    assert ready.status_code == 200
    assert "S3" in ready.json()["notices"]["spool"]
