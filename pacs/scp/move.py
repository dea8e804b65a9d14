"""C-MOVE: instances go to another Application Entity. PS3.4 C.4.2."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from pacs.archive.retrieve import Retrieval
from pacs.destinations import Delivered, Delivery, Destinations, MoveOriginator, Outgoing
from pacs.dicom.messages import Element
from pacs.dicom.statuses import failure_of
from pacs.errors import ArchiveError, PeerUnknown, PeerUnreachable
from pacs.peers import Peer
from pacs.scope import Right
from pacs.scp.exchange import Exchange
from pacs.scp.presentation_contexts import Service
from pacs.scp.retrieval import Tally, outgoing, read_selection, with_right_to_read
from pacs.storage.interfaces import PeerDirectory


class MoveService:
    """Sends what is asked for to a known peer, and tells the requestor how it goes."""

    def __init__(
        self, retrieval: Retrieval, *, peers: PeerDirectory, destinations: Destinations
    ) -> None:
        self._retrieval = retrieval
        self._peers = peers
        self._destinations = destinations

    def __call__(self, exchange: Exchange) -> None:
        try:
            scope = with_right_to_read(exchange.caller.scope, Right.MOVE)
            peer = self._destination(exchange)
            selection = read_selection(exchange, Service.MOVE)
            found = self._retrieval.instances(selection, scope)
        except ArchiveError as error:
            exchange.respond(failure_of(error).retrieve, comment=error.message)
            return
        self._send(exchange, peer, [outgoing(self._retrieval, instance) for instance in found])

    def _destination(self, exchange: Exchange) -> Peer:
        title = exchange.command.text(Element.MOVE_DESTINATION)
        peer = self._peers.peer(title) if title else None
        if peer is None:
            raise PeerUnknown(f"move destination {title!r} is not known; see 'pacs peer add'")
        return peer

    def _send(self, exchange: Exchange, peer: Peer, instances: list[Outgoing]) -> None:
        tally = Tally(exchange, remaining=len(instances))
        originator = MoveOriginator(exchange.caller.ae_title, exchange.command.message_id)
        sending = self._destinations.send(peer, instances, originator=originator)
        with closing(_told(sending, instances)) as results:
            for delivered in results:
                tally.count(delivered)
                if exchange.is_cancelled and tally.remaining:
                    tally.cancel()
                    return
        tally.finish()


def _told(
    sending: Iterator[Delivered], instances: Sequence[Outgoing]
) -> Generator[Delivered, None, None]:
    """The results; when the destination cannot be reached at all, every instance failed."""
    try:
        yield from sending
    except PeerUnreachable as error:
        for instance in instances:
            yield Delivered(instance.sop_instance_uid, Delivery.FAILED, message=error.message)
