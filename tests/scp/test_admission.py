"""Who is let in, and what the others are told."""

from __future__ import annotations

import pytest

from pacs.peers import Peer
from pacs.scope import Right
from pacs.scp.admission import Admit
from pacs.scp.server import DicomServer
from pacs.wiring import Archive
from tests.builders import ct_slice
from tests.doors import OpenDoor
from tests.scp.raw_peer import ASSOCIATE_AC, ASSOCIATE_RJ, RawPeer, associate_rq
from tests.scp.sending import VERIFICATION, associated, find, keys, store


def rejection(door: DicomServer, request: bytes) -> tuple[int, int, int]:
    with RawPeer(door.port) as peer:
        peer.send(request)
        kind, body = peer.receive()
        assert kind == ASSOCIATE_RJ
        return body[1], body[2], body[3]


@pytest.mark.parametrize("admit", list(Admit))
def test_another_called_title_is_rejected_in_every_mode(open_door: OpenDoor, admit: Admit) -> None:
    door = open_door(admit=admit)

    answer = rejection(door, associate_rq(called="OTHER"))

    assert answer == (1, 1, 7)


def test_an_unknown_caller_is_rejected_and_noted(open_door: OpenDoor, archive: Archive) -> None:
    door = open_door(admit=Admit.REGISTERED)

    answer = rejection(door, associate_rq(calling="STRANGER"))

    assert answer == (1, 1, 3)
    (knock,) = archive.peers.knocks()
    assert (knock.ae_title, knock.address) == ("STRANGER", "127.0.0.1")
    assert knock.wanted == "verification,storage"


def test_a_registered_peer_does_what_it_may_and_nothing_else(
    open_door: OpenDoor, archive: Archive
) -> None:
    rights = frozenset({Right.ECHO, Right.FIND})
    archive.peers.add_peer(Peer("READER", "127.0.0.1", 104, rights))
    door = open_door(admit=Admit.REGISTERED)

    (stored,) = store(door, ct_slice(), calling="READER")
    _, found = find(door, keys("STUDY", StudyInstanceUID=""), calling="READER")

    assert stored.Status == 0x0124
    assert found.Status == 0x0000


def test_another_application_context_is_rejected(door: DicomServer) -> None:
    answer = rejection(door, associate_rq(application_context="1.2.3.4"))

    assert answer == (1, 1, 2)


def test_another_protocol_version_is_rejected_unless_ours_is_offered_too(door: DicomServer) -> None:
    with RawPeer(door.port) as both, RawPeer(door.port) as only_other:
        both.send(associate_rq(version=3))
        only_other.send(associate_rq(version=2))

        assert both.receive()[0] == ASSOCIATE_AC
        kind, body = only_other.receive()

    assert (kind, body[1:4]) == (ASSOCIATE_RJ, bytes([1, 2, 2]))


def test_no_more_associations_than_allowed_and_a_place_is_given_back(open_door: OpenDoor) -> None:
    door = open_door(maximum_associations=1)
    with associated(door, (VERIFICATION, None)) as first:
        assert first.is_established

        busy = rejection(door, associate_rq())

    with RawPeer(door.port) as next_one:
        next_one.associate()
        assert next_one.echo_status() == 0x0000
    assert busy == (2, 3, 2)


def test_silent_connections_take_no_place_and_are_closed(open_door: OpenDoor) -> None:
    door = open_door(maximum_associations=1, association_timeout_s=0.5)
    with RawPeer(door.port) as silent, RawPeer(door.port) as second, RawPeer(door.port) as peer:
        peer.associate()

        assert peer.echo_status() == 0x0000
        assert silent.receive()[0] == 0
        assert second.receive()[0] == 0


def test_connections_beyond_the_limit_are_closed_at_once(open_door: OpenDoor) -> None:
    door = open_door(maximum_connections=2)
    with RawPeer(door.port) as one, RawPeer(door.port) as two:
        one.associate()
        two.associate()

        with RawPeer(door.port) as three:
            assert three.receive()[0] == 0
