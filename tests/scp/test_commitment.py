"""Storage commitment, asked by a well-behaved requestor that listens for the report."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt

from pacs.archive.commitment import REPORTING, VERIFYING
from pacs.jobs import JobState
from pacs.peers import Peer
from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Selection
from pacs.storage.sql_database import Database
from pacs.wiring import Archive
from tests.archives import RunningArchive
from tests.builders import ct_slice
from tests.scp.sending import associated, store

COMMITMENT = "1.2.840.10008.1.20.1"
INSTANCE = "1.2.840.10008.1.20.1.1"
Report = tuple[int, Dataset]


class Listener:
    """The asker's own door: takes N-EVENT-REPORT in the role of the SCU."""

    def __init__(self) -> None:
        self.reports: queue.Queue[Report] = queue.Queue()
        self.status = 0x0000
        entity = AE("TESTSCU")
        syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
        entity.add_supported_context(COMMITMENT, syntaxes, scu_role=True, scp_role=True)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._take)]
        self.server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

    @property
    def peer(self) -> Peer:
        return Peer("TESTSCU", "127.0.0.1", self.server.server_address[1])

    def _take(self, event: Any) -> tuple[int, None]:
        self.reports.put((event.event_type, event.event_information))
        return self.status, None


@pytest.fixture
def listener() -> Iterator[Listener]:
    opened = Listener()
    yield opened
    opened.server.shutdown()


@contextmanager
def asked(
    door: DicomServer,
    *references: Dataset,
    transaction_uid: str | None = None,
    syntax: str = ImplicitVRLittleEndian,
    action: int = 1,
    instance: str = INSTANCE,
    **more: Any,
) -> Iterator[int]:
    """Ask for commitment; the status of N-ACTION, on the association that is still open."""
    wanted = Dataset()
    if transaction_uid != "":
        wanted.TransactionUID = transaction_uid or generate_uid()
    wanted.ReferencedSOPSequence = DicomSequence([_reference(ds) for ds in references])
    with associated(door, (COMMITMENT, [syntax]), **more) as association:
        assert association.is_established
        status, _ = association.send_n_action(wanted, action, COMMITMENT, instance)
        yield int(status.Status)


def _reference(ds: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = ds.SOPClassUID
    reference.ReferencedSOPInstanceUID = ds.SOPInstanceUID
    return reference


def work(archive: Archive) -> None:
    """Do what is due, as the threads of `pacs serve` would."""
    while archive.work.jobs.work() is not None:
        pass


def rewrite(archive: Archive, statement: str) -> None:
    """Change rows behind the archive's back: the only way to make time pass, or nodes go away."""
    with closing(Database(archive.settings.index_url)) as database, database.writing() as rows:
        rows.exec_driver_sql(statement)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_what_is_stored_is_committed(
    door: DicomServer, archive: Archive, listener: Listener, syntax: str
) -> None:
    archive.peers.add_peer(listener.peer)
    slices = [ct_slice(), ct_slice()]
    store(door, *slices)
    transaction_uid = generate_uid()

    with asked(door, *slices, transaction_uid=transaction_uid, syntax=syntax) as status:
        pass
    work(archive)

    event_type, report = listener.reports.get(timeout=10)
    assert (status, event_type, report.TransactionUID) == (0, 1, transaction_uid)
    assert [one.ReferencedSOPInstanceUID for one in report.ReferencedSOPSequence] == [
        ds.SOPInstanceUID for ds in slices
    ]
    assert "FailedSOPSequence" not in report


def test_what_is_unknown_or_of_another_class_is_told_with_its_reason(
    door: DicomServer, archive: Archive, listener: Listener
) -> None:
    archive.peers.add_peer(listener.peer)
    stored, unknown, confused = ct_slice(), ct_slice(), ct_slice()
    store(door, stored, confused)
    confused.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"

    with asked(door, stored, unknown, confused):
        pass
    work(archive)

    event_type, report = listener.reports.get(timeout=10)
    failed = {one.ReferencedSOPInstanceUID: one.FailureReason for one in report.FailedSOPSequence}
    assert event_type == 2
    assert failed == {unknown.SOPInstanceUID: 0x0112, confused.SOPInstanceUID: 0x0119}
    assert len(report.ReferencedSOPSequence) == 1


def test_an_instance_whose_bytes_changed_is_not_committed(
    door: DicomServer, archive: Archive, listener: Listener
) -> None:
    archive.peers.add_peer(listener.peer)
    ds = ct_slice()
    store(door, ds)
    selection = Selection(sop_instance_uids=(str(ds.SOPInstanceUID),))
    [instance] = archive.index.instances(selection)
    path = archive.settings.data_dir / "objects" / instance.stored.key
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(damaged)

    with asked(door, ds):
        pass
    work(archive)

    event_type, report = listener.reports.get(timeout=10)
    assert event_type == 2
    assert report.FailedSOPSequence[0].FailureReason == 0x0110


def test_a_caller_that_cannot_be_reached_is_told_at_once(door: DicomServer) -> None:
    ds = ct_slice()
    store(door, ds)

    with asked(door, ds) as status:
        assert status == 0x0110


def test_a_caller_without_the_right_is_refused(
    open_door: Callable[..., DicomServer], archive: Archive, listener: Listener
) -> None:
    archive.peers.add_peer(replace(listener.peer, rights=frozenset()))
    door = open_door(admit="registered")

    with asked(door, ct_slice()) as status:
        assert status == 0x0124


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"transaction_uid": ""}, 0x0115),
        ({"action": 2}, 0x0123),
        ({"instance": "1.2.3"}, 0x0112),
    ],
    ids=["no transaction", "another action", "another instance"],
)
def test_a_request_that_cannot_be_meant_is_refused(
    door: DicomServer, archive: Archive, listener: Listener, how: dict[str, Any], expected: int
) -> None:
    archive.peers.add_peer(listener.peer)

    with asked(door, ct_slice(), **how) as status:
        assert status == expected
    assert not archive.work.jobs.store.jobs()


def test_a_peer_that_wants_it_so_is_told_on_the_same_association(
    door: DicomServer, archive: Archive
) -> None:
    archive.peers.add_peer(Peer("TESTSCU", "127.0.0.1", 9, reports_here=True))
    ds = ct_slice()
    store(door, ds)
    told: queue.Queue[Report] = queue.Queue()

    def take(event: Any) -> tuple[int, None]:
        told.put((event.event_type, event.event_information))
        return 0, None

    with asked(door, ds, handlers=[(evt.EVT_N_EVENT_REPORT, take)]) as status:
        event_type, report = told.get(timeout=10)

    assert (status, event_type) == (0, 1)
    assert report.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == ds.SOPInstanceUID
    assert door.wait_until_idle(10)
    [job] = archive.work.jobs.store.jobs(kinds=(VERIFYING,))
    assert job.state is JobState.CANCELLED


def test_a_report_that_is_refused_is_brought_again(
    door: DicomServer, archive: Archive, listener: Listener
) -> None:
    archive.peers.add_peer(listener.peer)
    listener.status = 0x0110
    ds = ct_slice()
    store(door, ds)
    with asked(door, ds):
        pass
    work(archive)
    listener.reports.get(timeout=10)
    [waiting] = archive.work.jobs.store.jobs(kinds=(REPORTING,), states=(JobState.WAITING,))

    listener.status = 0x0000
    archive.work.jobs.store.retry(waiting.job_id, archive.now())
    work(archive)

    assert listener.reports.get(timeout=10)[0] == 1
    [job] = archive.work.jobs.store.jobs(kinds=(REPORTING,))
    assert job.state is JobState.DONE


def test_what_waits_on_a_nodes_disk_is_not_committed_before_it_has_moved(
    door: DicomServer, archive: Archive, listener: Listener
) -> None:
    archive.peers.add_peer(listener.peer)
    ds = ct_slice()
    store(door, ds)
    rewrite(archive, "UPDATE objects SET store = 'spool:elsewhere'")

    with asked(door, ds):
        pass
    work(archive)

    [job] = archive.work.jobs.store.jobs()
    assert (job.kind, job.state) == (VERIFYING, JobState.WAITING)
    assert job.last_error == "1 of 1 instances are not in their final store yet"
    assert listener.reports.empty()


def test_what_is_undecided_for_too_long_is_refused(
    door: DicomServer, archive: Archive, listener: Listener
) -> None:
    archive.peers.add_peer(listener.peer)
    ds = ct_slice()
    store(door, ds)
    rewrite(archive, "UPDATE objects SET store = 'spool:elsewhere'")
    with asked(door, ds):
        pass
    rewrite(archive, "UPDATE jobs SET created = '2020-01-01T00:00:00.000000Z'")

    work(archive)

    event_type, report = listener.reports.get(timeout=10)
    assert event_type == 2
    assert report.FailedSOPSequence[0].FailureReason == 0x0110


def test_a_running_archive_commits_once_everything_is_where_it_stays(
    running_everywhere: RunningArchive, listener: Listener
) -> None:
    door = running_everywhere.doors.dicom
    assert door is not None
    running_everywhere.archive.peers.add_peer(listener.peer)
    slices = [ct_slice(), ct_slice()]
    running_everywhere.send(*slices)

    with asked(door, *slices) as status:
        assert status == 0

    event_type, report = listener.reports.get(timeout=60)
    assert (event_type, len(report.ReferencedSOPSequence)) == (1, 2)
    uids = tuple(str(ds.SOPInstanceUID) for ds in slices)
    found = running_everywhere.archive.index.instances(Selection(sop_instance_uids=uids))
    assert not [one for one in found if one.stored.store.startswith("spool:")]
