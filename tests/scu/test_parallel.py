"""Several associations at once: faster where the peer takes them, and never out of order."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

from pacs.destinations import Delivered, Delivery, Outgoing
from pacs.errors import PeerUnreachable
from pacs.peers import Peer
from pacs.scu.association import Deadlines
from pacs.scu.parallel import send_in_parallel
from pacs.scu.send import Sender
from tests.builders import ct_series
from tests.encodings import data_set_bytes

CT = "1.2.840.10008.5.1.4.1.1.2"


class Peerage:
    """A storage SCP that lets the first instances in only when `together` of them have come."""

    def __init__(self, *, places: int, together: int) -> None:
        self.received: list[str] = []
        self.associations = 0
        self._gate = threading.Barrier(together)
        self._held = together
        self._lock = threading.Lock()
        entity = AE("MANY")
        entity.maximum_associations = places
        entity.add_supported_context(CT, ExplicitVRLittleEndian)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._take), (evt.EVT_ACCEPTED, self._count)]
        server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self._server = server
        self.port = int(server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()

    def _count(self, _event: Any) -> None:
        with self._lock:
            self.associations += 1

    def _take(self, event: Any) -> int:
        with self._lock:
            self.received.append(str(event.request.AffectedSOPInstanceUID))
            holds, self._held = self._held > 0, self._held - 1
        if holds:
            self._gate.wait(20)
        return 0x0000


@pytest.fixture
def outgoing() -> list[Outgoing]:
    return [_outgoing(ds) for ds in ct_series(9)]


def _outgoing(ds: Any) -> Outgoing:
    encoded = data_set_bytes(ds)
    return Outgoing(
        sop_class_uid=CT,
        sop_instance_uid=str(ds.SOPInstanceUID),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        data_set=lambda _syntax: iter((encoded,)),
    )


def sent(peerage: Peerage, outgoing: Sequence[Outgoing], associations: int) -> list[Delivered]:
    peer = Peer("MANY", "127.0.0.1", peerage.port, associations=associations)
    sender = Sender(calling_ae_title="US", deadlines=Deadlines(respond_s=20))
    return list(sender.send(peer, outgoing))


def test_a_peer_that_takes_three_associations_is_sent_three_instances_at_once(
    outgoing: list[Outgoing],
) -> None:
    # The barrier opens only when three instances are in flight at the same time.
    peerage = Peerage(places=3, together=3)

    results = sent(peerage, outgoing, associations=3)

    peerage.close()
    assert [one.sop_instance_uid for one in results] == [one.sop_instance_uid for one in outgoing]
    assert {one.delivery for one in results} == {Delivery.COMPLETED}
    assert sorted(peerage.received) == sorted(one.sop_instance_uid for one in outgoing)


def test_a_peer_with_one_place_gets_everything_all_the_same(outgoing: list[Outgoing]) -> None:
    peerage = Peerage(places=1, together=1)

    results = sent(peerage, outgoing, associations=4)

    peerage.close()
    assert [one.sop_instance_uid for one in results] == [one.sop_instance_uid for one in outgoing]
    assert {one.delivery for one in results} == {Delivery.COMPLETED}
    assert sorted(peerage.received) == sorted(one.sop_instance_uid for one in outgoing)


def test_a_peer_that_is_not_there_is_unreachable(outgoing: list[Outgoing]) -> None:
    peerage = Peerage(places=1, together=1)
    peerage.close()

    with pytest.raises(PeerUnreachable):
        sent(peerage, outgoing, associations=4)


def test_closing_the_results_ends_the_sending(outgoing: list[Outgoing]) -> None:
    begun: list[str] = []
    may_go_on = threading.Semaphore(4)

    def send(part: Sequence[Outgoing]) -> Iterator[Delivered]:
        for one in part:
            may_go_on.acquire()
            begun.append(one.sop_instance_uid)
            yield Delivered(one.sop_instance_uid, Delivery.COMPLETED)

    results = send_in_parallel(send, outgoing, 2)
    first = next(results)
    results.close()  # type: ignore[attr-defined]  # it is a generator
    may_go_on.release(len(outgoing))

    assert first.sop_instance_uid == outgoing[0].sop_instance_uid
    for thread in threading.enumerate():
        if thread.name == "send-lane":
            thread.join(10)
    assert len(begun) < len(outgoing)
