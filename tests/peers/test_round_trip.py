"""A study goes out to Orthanc by a rule, Orthanc dies half-way, and all comes back equal."""

from __future__ import annotations

import io
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from pacs.forwarding import Rule
from pacs.jobs import ENDED, Job, JobState
from pacs.peers import Peer
from pacs.scope import system_scope
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive
from tests.archives import RunningArchive, running, settings_for
from tests.builders import ct_series, vietnamese_patient
from tests.needs import Need
from tests.peers.programs import Orthanc, free_port
from tests.peers.programs import running as program_running

COUNT = 200
SCOPE = system_scope("test")
_DEADLINE_S = 90


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RunningArchive]:
    with running(settings_for(tmp_path / "home", ae_title="HOME")) as started:
        yield started


@pytest.fixture
def back(tmp_path: Path) -> Iterator[RunningArchive]:
    with running(settings_for(tmp_path / "back", ae_title="BACK")) as started:
        yield started


def configured(folder: Path) -> tuple[Path, Orthanc, int]:
    """A configuration file, Orthanc as it will be reached, and its web port."""
    folder.mkdir()
    http_port, dicom_port = free_port(), free_port()
    configuration = folder / "orthanc.json"
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [],
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    configuration.write_text(json.dumps(settings))
    return configuration, Orthanc(http_port, dicom_port), http_port


def introduce(http_port: int, to: RunningArchive) -> None:
    """Let Orthanc know where an archive listens."""
    body = {"AET": to.ae_title, "Host": "127.0.0.1", "Port": to.dicom_port}
    request = urllib.request.Request(
        f"http://127.0.0.1:{http_port}/modalities/{to.ae_title}",
        data=json.dumps(body).encode(),
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=10).close()


def awaited(what: str, look: Callable[[], Any]) -> Any:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + _DEADLINE_S
    pause = threading.Event()
    while time.monotonic() < deadline:
        if found := look():
            return found
        pause.wait(0.05)
    raise AssertionError(f"{what} did not happen within {_DEADLINE_S} s")


def data_sets(archive: Archive, study: str) -> dict[str, Dataset]:
    found: dict[str, Dataset] = {}
    for instance in archive.retrieval.instances(Selection((study,)), SCOPE):
        content = b"".join(archive.retrieval.file_chunks(instance))
        found[instance.identity.sop_instance_uid] = dcmread(io.BytesIO(content))
    return found


def ended(archive: Archive, *states: JobState) -> Job | None:
    """The newest job, once it is in one of these states."""
    newest = archive.work.jobs.store.jobs(limit=1)
    return newest[0] if newest and newest[0].state in states else None


def test_what_is_forwarded_to_an_orthanc_that_dies_half_way_comes_back_equal(
    need: Need, home: RunningArchive, back: RunningArchive, tmp_path: Path
) -> None:
    configuration, orthanc, http_port = configured(tmp_path / "orthanc")
    program = need("Orthanc")
    slices = ct_series(COUNT, rows=16, columns=16, **vietnamese_patient())
    study = str(slices[0].StudyInstanceUID)
    peer = Peer("ORTHANC", "127.0.0.1", orthanc.dicom_port)
    for archive in (home.archive, back.archive):
        archive.peers.add_peer(peer)
    jobs = home.archive.work.jobs.store
    command: list[str | Path | int] = [program, configuration]

    with program_running(command, port=http_port) as process:
        rule = Rule("all", "ORTHANC", home.archive.now())
        home.archive.work.forwarding.put_rule(rule, SCOPE)
        home.send(*slices)
        awaited("half", lambda: orthanc.ask("/statistics")["CountInstances"] >= COUNT // 4)
        process.kill()
    interrupted = awaited(
        "a failed attempt", lambda: next((job for job in jobs.jobs() if job.last_error), None)
    )
    with program_running(command, port=http_port):
        introduce(http_port, back)
        for job in jobs.jobs(states=(JobState.WAITING,)):
            jobs.retry(job.job_id, home.archive.now())
        done = awaited("forwarding", lambda: ended(home.archive, *ENDED))
        held = orthanc.ask("/statistics")["CountInstances"]
        back.archive.work.fetching.fetch("ORTHANC", study, SCOPE)
        fetched = awaited("fetching", lambda: ended(back.archive, *ENDED))

    assert 0 < interrupted.done < COUNT
    assert (done.state, done.done, held) == (JobState.DONE, COUNT, COUNT)
    assert (fetched.state, fetched.done) == (JobState.DONE, COUNT)
    assert data_sets(back.archive, study) == data_sets(home.archive, study)
