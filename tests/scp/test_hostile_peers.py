"""Peers that break the protocol, stall or vanish: they end, the door goes on."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest

from pacs.scp.server import DicomServer
from pacs.wiring import Archive, open_archive
from tests.archives import settings_for
from tests.builders import ct_slice
from tests.doors import OpenDoor
from tests.encodings import data_set_bytes
from tests.scp.raw_peer import (
    ABORT,
    ABORT_RQ,
    CT,
    EXPLICIT,
    RELEASE_RP,
    RELEASE_RQ,
    VERIFICATION,
    RawPeer,
    associate_rq,
    command,
    echo_rq,
    p_data,
    pdu,
    pdv,
    store_rq,
)

UID = "1.2.3.4.5"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """One archive for all: what is tested here ends before it is asked anything."""
    opened = open_archive(settings_for(tmp_path_factory.mktemp("archive") / "data"))
    opened.reception.sweep()
    yield opened
    opened.close()


@pytest.fixture
def door(open_door: OpenDoor, fast_lane: bool) -> DicomServer:
    return open_door(fast_lane=fast_lane, pdu_deadline_s=0.6, maximum_pdu_bytes=20_000)


@pytest.fixture(autouse=True)
def still_answers(door: DicomServer) -> object:
    """Whatever the test did: afterwards the door answers somebody else."""
    yield
    with RawPeer(door.port) as peer:
        peer.associate()
        assert peer.echo_status() == 0x0000


_STORE = p_data(pdv(3, 3, store_rq(UID)))
_HALF = p_data(pdv(3, 0, bytes(100)))

BREACHES: dict[str, bytes] = {
    "unknown PDU type": b"\x1f\x00\x00\x00\x00\x04abcd",
    "PDU longer than announced": struct.pack(">BBI", 4, 0, 20_001),
    "endless PDU": struct.pack(">BBI", 4, 0, 0xFFFFFFFF),
    "endless release": struct.pack(">BBI", 5, 0, 0x7FFFFFFF),
    "value longer than its PDU": pdu(4, struct.pack(">IBB", 5000, 1, 3) + b"x"),
    "value without header": pdu(4, b"\x00\x00\x00"),
    "value shorter than its flags": pdu(4, struct.pack(">IBB", 1, 1, 3)),
    "data set without command": p_data(pdv(3, 2, b"abcd")),
    "command within a data set": _STORE + _HALF + p_data(pdv(3, 3, store_rq(UID))),
    "two commands without data set": _STORE + _STORE,
    "other context within a message": _STORE + p_data(pdv(1, 2, b"abcd")),
    "context that was not accepted": p_data(pdv(99, 3, echo_rq())),
    "command that is none": p_data(pdv(1, 3, b"\xff" * 40)),
    "command cut short": p_data(pdv(1, 3, echo_rq()[:-3])),
    "command without field": p_data(pdv(1, 3, command(sop_class=VERIFICATION))),
    "endless command": b"".join(p_data(pdv(1, 1, bytes(19_000))) for _ in range(5)),
    "response to nothing": p_data(pdv(1, 3, command(field=0x8030, answers=7, data_set=0x0101))),
    "association within an association": associate_rq(),
    "noise": b"\xff" + os.urandom(500),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_protocol_is_answered_with_abort(door: DicomServer, breach: str) -> None:
    with RawPeer(door.port) as peer:
        peer.associate()

        peer.send(BREACHES[breach])

        kind, _ = peer.receive()
        assert kind == ABORT
        assert peer.receive()[0] == 0


@pytest.mark.parametrize(
    "opening",
    [
        p_data(pdv(1, 3, echo_rq())),
        RELEASE_RQ,
        b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n",
        struct.pack(">BBI", 1, 0, 0xFFFFFFFF),
        pdu(1, b"\x00\x01" + bytes(30)),
        pdu(1, os.urandom(400)),
    ],
    ids=["P-DATA", "release", "HTTP", "endless", "short", "noise"],
)
def test_what_is_no_association_request_is_aborted_or_closed(
    door: DicomServer, opening: bytes
) -> None:
    with RawPeer(door.port) as peer:
        peer.send(opening)

        assert peer.receive()[0] in (ABORT, 0)


@pytest.mark.parametrize(
    "beginning",
    [associate_rq()[:50], b"\x01\x00"],
    ids=["half a request", "half a header"],
)
def test_half_an_association_request_is_not_waited_for_forever(
    door: DicomServer, beginning: bytes
) -> None:
    with RawPeer(door.port, timeout_s=5) as peer:
        peer.send(beginning)

        assert peer.receive()[0] in (ABORT, 0)


@pytest.mark.parametrize(
    "beginning",
    [
        _STORE[:3],
        _STORE[:40],
        _STORE + struct.pack(">BBI", 4, 0, 5000) + b"abc",
    ],
    ids=["header", "command", "data set"],
)
def test_a_peer_that_stalls_within_a_pdu_is_aborted(door: DicomServer, beginning: bytes) -> None:
    with RawPeer(door.port, timeout_s=5) as peer:
        peer.associate()

        peer.send(beginning)

        assert peer.receive()[0] == ABORT


def test_a_peer_that_trickles_is_aborted_at_the_deadline_of_its_pdu(door: DicomServer) -> None:
    with RawPeer(door.port, timeout_s=0.1) as peer:
        peer.socket.settimeout(5)
        peer.associate()
        peer.send(_STORE + struct.pack(">BBI", 4, 0, 5000))
        peer.socket.settimeout(0.1)

        sent = 0
        while sent < 5000:
            try:
                peer.send(b"x")
                sent += 1
                ended = peer.socket.recv(10)
                break
            except TimeoutError:
                continue

    assert ended[:1] == bytes([ABORT])
    assert sent < 20


def test_a_message_may_not_take_for_ever_although_its_pdus_are_quick(
    open_door: OpenDoor, fast_lane: bool
) -> None:
    slow_message = open_door(fast_lane=fast_lane, message_deadline_s=0.3)
    with RawPeer(slow_message.port, timeout_s=0.05) as peer:
        peer.socket.settimeout(5)
        peer.associate()
        peer.send(_STORE)
        peer.socket.settimeout(0.05)

        for _ in range(200):
            try:
                peer.send(_HALF)
                ended = peer.socket.recv(10)
                break
            except TimeoutError:
                continue

    assert ended[:1] == bytes([ABORT])


def test_silence_between_messages_ends_the_association(
    open_door: OpenDoor, fast_lane: bool
) -> None:
    impatient = open_door(fast_lane=fast_lane, network_timeout_s=0.5)
    with RawPeer(impatient.port, timeout_s=5) as peer:
        peer.associate()

        assert peer.receive()[0] == ABORT


def test_a_stalled_peer_does_not_hold_up_another(door: DicomServer) -> None:
    ds = ct_slice()
    with RawPeer(door.port) as stalled, RawPeer(door.port) as busy:
        stalled.associate()
        stalled.send(_STORE + struct.pack(">BBI", 4, 0, 5000))
        busy.associate()

        busy.store(ds.SOPInstanceUID, data_set_bytes(ds))

        assert busy.status() == 0x0000


def test_a_flood_of_requests_is_not_piled_up(door: DicomServer) -> None:
    with RawPeer(door.port) as peer:
        peer.associate()

        peer.send(p_data(pdv(1, 3, echo_rq())) * 5000)

        kinds = {peer.receive()[0] for _ in range(5000)}
        assert ABORT in kinds


def test_the_peer_may_abort_or_vanish_at_any_time(door: DicomServer) -> None:
    with RawPeer(door.port) as aborting, RawPeer(door.port) as vanishing:
        aborting.associate()
        vanishing.associate(contexts=[(3, CT, (EXPLICIT,))])

        aborting.send(_STORE + ABORT_RQ)
        vanishing.send(_STORE[:20])
        vanishing.socket.close()

        assert aborting.receive()[0] == 0


def test_release_is_answered_and_the_connection_closed(door: DicomServer) -> None:
    with RawPeer(door.port) as peer:
        peer.associate()
        peer.echo_status()

        peer.send(RELEASE_RQ)

        assert peer.receive()[0] == RELEASE_RP
        assert peer.receive()[0] == 0
