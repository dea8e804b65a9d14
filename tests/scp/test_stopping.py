"""The door stops: what is under way may end, what is idle does not hold it up."""

from __future__ import annotations

import threading

import pytest

from pacs.scope import system_scope
from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive
from tests.builders import ct_slice
from tests.doors import OpenDoor
from tests.encodings import data_set_bytes
from tests.scp.raw_peer import ABORT, RawPeer, p_data, pdv, store_rq

# Longer than a test may take: who waits for it fails.
FOREVER_S = 1000


@pytest.fixture
def door(open_door: OpenDoor, fast_lane: bool) -> DicomServer:
    return open_door(fast_lane=fast_lane)


@pytest.mark.timeout(30)
def test_idle_associations_and_connections_are_ended_at_once(door: DicomServer) -> None:
    with RawPeer(door.port) as idle, RawPeer(door.port) as used, RawPeer(door.port) as silent:
        idle.associate()
        used.associate()
        assert used.echo_status() == 0x0000

        door.stop(deadline_s=FOREVER_S)

        assert idle.receive()[0] == ABORT
        assert used.receive()[0] == ABORT
        assert silent.receive()[0] in (ABORT, 0)


@pytest.mark.timeout(30)
def test_an_instance_that_is_coming_in_is_still_taken(door: DicomServer, archive: Archive) -> None:
    ds = ct_slice()
    data_set = data_set_bytes(ds)
    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_rq(ds.SOPInstanceUID))))
        peer.send(p_data(pdv(3, 0, data_set[:1000])))
        stopping = threading.Thread(target=door.stop, kwargs={"deadline_s": FOREVER_S})
        stopping.start()

        peer.send(p_data(pdv(3, 2, data_set[1000:])))
        status = peer.status()
        stopping.join()

    selection = Selection(sop_instance_uids=(ds.SOPInstanceUID,))
    assert status == 0x0000
    assert archive.retrieval.instances(selection, system_scope())


@pytest.mark.timeout(30)
def test_who_never_finishes_is_cut_off_at_the_deadline(door: DicomServer) -> None:
    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_rq("1.2.3"))))
        assert door.open_associations == 1

        door.stop(deadline_s=0.2)

        assert door.open_associations == 0
        assert peer.receive()[0] in (ABORT, 0)


@pytest.mark.timeout(30)
def test_nobody_is_let_in_any_more(door: DicomServer) -> None:
    port = door.port

    door.stop(deadline_s=FOREVER_S)

    with pytest.raises(ConnectionRefusedError):
        RawPeer(port)
