"""Studies come in from another archive: asked for by C-FIND, sent to us by its C-MOVE."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs.errors import NotAcceptable, PeerUnknown, PeerUnreachable, RequestInvalid
from pacs.jobs import JobState
from pacs.peers import Peer
from pacs.remote import RemoteQuery
from pacs.scope import system_scope
from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive
from tests.archives import RunningArchive, running, settings_for
from tests.builders import ct_series, ct_slice, vietnamese_patient
from tests.doors import OpenDoor

SCOPE = system_scope("test")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[RunningArchive]:
    """Another archive, under the title ELSEWHERE, that does not know us yet."""
    settings = settings_for(tmp_path / "elsewhere", ae_title="ELSEWHERE")
    with running(settings) as started:
        yield started


@pytest.fixture
def acquainted(archive: Archive, elsewhere: RunningArchive, door: DicomServer) -> RunningArchive:
    """The other archive, known to us and knowing us."""
    archive.peers.add_peer(Peer("ELSEWHERE", "127.0.0.1", elsewhere.dicom_port))
    elsewhere.archive.peers.add_peer(Peer("PACS", "127.0.0.1", door.port))
    return elsewhere


def test_studies_are_found_with_names_as_they_are_written(
    archive: Archive, acquainted: RunningArchive
) -> None:
    acquainted.send(*ct_series(3, **vietnamese_patient(patient_id="BN1"), study_date="20260131"))
    acquainted.send(ct_slice(patient_id="BN2"))

    [study] = archive.work.fetching.find("ELSEWHERE", RemoteQuery(patient_id="BN1"), SCOPE)

    assert (study.patient_name, study.study_date) == ("ĐẶNG^THỊ NGỌC ÁNH", "20260131")
    assert (study.modalities, study.instances) == (("CT",), 3)


def test_a_name_in_vietnamese_can_be_asked_for(
    archive: Archive, acquainted: RunningArchive
) -> None:
    acquainted.send(ct_slice(**vietnamese_patient()))

    found = archive.work.fetching.find("ELSEWHERE", RemoteQuery(patient_name="ĐẶNG*"), SCOPE)

    assert len(found) == 1


def test_a_study_is_fetched_whole_and_equal(archive: Archive, acquainted: RunningArchive) -> None:
    slices = ct_series(5)
    study = str(slices[0].StudyInstanceUID)
    acquainted.send(*slices)

    archive.work.fetching.fetch("ELSEWHERE", study, SCOPE)
    archive.work.jobs.work()

    [job] = archive.work.jobs.store.jobs()
    assert (job.state, job.done, job.total) == (JobState.DONE, 5, 5)
    assert digests(archive, study) == digests(acquainted.archive, study)


def digests(archive: Archive, study: str) -> dict[str, str]:
    return {
        one.identity.sop_instance_uid: one.stored.data_set_sha256
        for one in archive.index.instances(Selection((study,)))
    }


def test_an_archive_that_does_not_know_us_is_told_of_in_words_that_help(
    archive: Archive, elsewhere: RunningArchive
) -> None:
    archive.peers.add_peer(Peer("ELSEWHERE", "127.0.0.1", elsewhere.dicom_port))
    ds = ct_slice()
    elsewhere.send(ds)

    archive.work.fetching.fetch("ELSEWHERE", str(ds.StudyInstanceUID), SCOPE)
    archive.work.jobs.work()

    [job] = archive.work.jobs.store.jobs()
    assert job.state is JobState.FAILED
    assert job.last_error is not None
    assert "register there the AE title PACS" in job.last_error


def test_what_cannot_reach_us_is_tried_again(
    archive: Archive, acquainted: RunningArchive, door: DicomServer, open_door: OpenDoor
) -> None:
    ds = ct_slice()
    acquainted.send(ds)
    port = door.port
    door.stop()
    archive.work.fetching.fetch("ELSEWHERE", str(ds.StudyInstanceUID), SCOPE)
    archive.work.jobs.work()
    [job] = archive.work.jobs.store.jobs()
    waited = job.state

    open_door(port=port)
    archive.work.jobs.store.retry(job.job_id, archive.now())
    archive.work.jobs.work()

    [job] = archive.work.jobs.store.jobs()
    assert (waited, job.state) == (JobState.WAITING, JobState.DONE)


def test_questions_that_cannot_be_asked_are_refused(archive: Archive) -> None:
    find = archive.work.fetching.find

    with pytest.raises(RequestInvalid):
        find("ELSEWHERE", RemoteQuery(), SCOPE)
    with pytest.raises(PeerUnknown):
        find("ELSEWHERE", RemoteQuery(patient_id="BN1"), SCOPE)
    archive.peers.add_peer(Peer("ELSEWHERE", "127.0.0.1", 9))
    with pytest.raises(PeerUnreachable):
        find("ELSEWHERE", RemoteQuery(patient_id="BN1"), SCOPE)


def test_an_archive_that_refuses_the_question_is_quoted(
    archive: Archive, elsewhere: RunningArchive
) -> None:
    archive.peers.add_peer(Peer("ELSEWHERE", "127.0.0.1", elsewhere.dicom_port))
    query = RemoteQuery(study_date="yesterday")

    with pytest.raises(NotAcceptable, match="A900H"):
        archive.work.fetching.find("ELSEWHERE", query, SCOPE)
