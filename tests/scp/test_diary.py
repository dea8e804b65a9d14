"""What the administrator hears of associations: those that failed, and only those."""

from __future__ import annotations

import pytest

from pacs.associations import Cause, FailedAssociation
from pacs.scp.admission import Admit
from pacs.scp.server import DicomServer
from pacs.wiring import Archive
from tests.doors import OpenDoor
from tests.scp.raw_peer import ABORT, RELEASE_RP, RELEASE_RQ, RawPeer, associate_rq, p_data, pdv


@pytest.fixture
def door(open_door: OpenDoor, fast_lane: bool) -> DicomServer:
    return open_door(fast_lane=fast_lane)


def told(door: DicomServer, archive: Archive) -> list[FailedAssociation]:
    """What was recorded once all associations are over."""
    assert door.wait_until_idle(timeout_s=10)
    door.stop()
    return list(archive.work.failures.newest(10))


def test_a_clean_release_is_no_failure(door: DicomServer, archive: Archive) -> None:
    with RawPeer(door.port) as peer:
        peer.associate()
        assert peer.echo_status() == 0x0000
        peer.send(RELEASE_RQ)
        assert peer.receive()[0] == RELEASE_RP

    assert told(door, archive) == []


def test_a_broken_association_is_told_with_its_cause(door: DicomServer, archive: Archive) -> None:
    with RawPeer(door.port) as peer:
        peer.associate(calling="BROKEN")
        peer.send(p_data(pdv(3, 2, b"abcd")))
        assert peer.receive()[0] == ABORT

    (failed,) = told(door, archive)
    assert (failed.cause, failed.calling_ae_title) == (Cause.BROKEN_OFF, "BROKEN")
    assert failed.detail == "a data set came without its command"


def test_a_refused_caller_is_told_of(open_door: OpenDoor, archive: Archive) -> None:
    door = open_door(admit=Admit.REGISTERED)
    with RawPeer(door.port) as peer:
        peer.send(associate_rq(calling="STRANGER"))
        peer.receive()

    (failed,) = told(door, archive)
    assert (failed.cause, failed.wanted) == (Cause.UNKNOWN_CALLER, "verification, storage")


def test_a_caller_with_nothing_in_common_is_told_of(door: DicomServer, archive: Archive) -> None:
    with RawPeer(door.port) as peer:
        peer.associate(contexts=[(1, "1.2.840.10008.5.1.4.32.1", ("1.2.840.10008.1.2",))])
        peer.send(RELEASE_RQ)
        peer.receive()

    (failed,) = told(door, archive)
    assert failed.cause == Cause.NOTHING_IN_COMMON


def test_a_port_scan_is_no_failure_of_anybody(door: DicomServer, archive: Archive) -> None:
    with RawPeer(door.port) as peer:
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
        peer.receive()

    assert told(door, archive) == []
