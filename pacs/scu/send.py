"""C-STORE to a peer: data sets go out as stored, or converted where the peer cannot take that.

Keeps the promise `pacs.destinations.Destinations`.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterator, Sequence

from pacs.destinations import Delivered, Delivery, MoveOriginator, Outgoing, delivered
from pacs.dicom.messages import encode_message, encode_store_request
from pacs.dicom.statuses import PROCESSING_FAILURE
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import ArchiveError, NotAcceptable, PeerUnreachable
from pacs.peers import Peer
from pacs.scu.association import (
    MAX_CONTEXTS,
    Deadlines,
    OpenAssociation,
    Proposal,
    Target,
    associate,
)
from pacs.scu.parallel import send_in_parallel

_UNCOMPRESSED = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_MOST_BREAKS_IN_A_ROW = 3


class _BrokenOff(PeerUnreachable):
    """The association ended while an instance was on its way."""


class Sender:
    """Sends instances to peers under our AE title. Safe to use from several threads."""

    def __init__(
        self,
        *,
        calling_ae_title: str,
        deadlines: Deadlines | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._calling_ae_title = calling_ae_title
        self._deadlines = deadlines or Deadlines()
        self._tls = tls

    @property
    def calling_ae_title(self) -> str:
        return self._calling_ae_title

    @property
    def deadlines(self) -> Deadlines:
        return self._deadlines

    def target(self, peer: Peer) -> Target:
        """Where a peer is reached. Raises PeerUnreachable when it wants TLS and we have none."""
        if peer.tls and self._tls is None:
            raise PeerUnreachable(
                f"peer {peer.ae_title} speaks TLS only, and no certificate is set; "
                "see PACS_TLS_CERT and PACS_TLS_KEY"
            )
        return Target(peer.ae_title, peer.host, peer.port, self._tls if peer.tls else None)

    def send(
        self,
        peer: Peer,
        instances: Sequence[Outgoing],
        *,
        originator: MoveOriginator | None = None,
    ) -> Iterator[Delivered]:
        """See `Destinations.send`. Over as many associations as the peer takes at once."""
        associations = min(peer.associations, len(instances))
        if associations <= 1:
            return self._send_in_turn(peer, instances, originator)
        return send_in_parallel(
            lambda part: self._send_in_turn(peer, part, originator), instances, associations
        )

    def _send_in_turn(
        self, peer: Peer, instances: Sequence[Outgoing], originator: MoveOriginator | None
    ) -> Iterator[Delivered]:
        target = self.target(peer)
        reached = False
        for batch in _batches(instances, peer.preferred_transfer_syntax):
            waiting = deque(batch)
            breaks = 0
            while waiting:
                before = len(waiting)
                try:
                    yield from self._send_on_one(target, peer, waiting, originator)
                except _BrokenOff as error:
                    reached = True
                    breaks = 1 if before > len(waiting) else breaks + 1
                    yield _failed(waiting.popleft(), error)
                    if breaks >= _MOST_BREAKS_IN_A_ROW:
                        yield from _all_failed(waiting, error)
                except PeerUnreachable as error:
                    if not reached:
                        raise
                    yield from _all_failed(waiting, error)
                reached = True

    def _send_on_one(
        self,
        target: Target,
        peer: Peer,
        waiting: deque[Outgoing],
        originator: MoveOriginator | None,
    ) -> Iterator[Delivered]:
        """Send what waits on one association, taking off what was sent."""
        preferred = peer.preferred_transfer_syntax
        with associate(
            target,
            _proposals(waiting, preferred),
            calling_ae_title=self._calling_ae_title,
            deadlines=self._deadlines,
        ) as association:
            message_id = 0
            while waiting:
                message_id = message_id % 0xFFFF + 1
                result = _send_one(association, waiting[0], message_id, preferred, originator)
                waiting.popleft()
                yield result


def _send_one(
    association: OpenAssociation,
    instance: Outgoing,
    message_id: int,
    preferred: str | None,
    originator: MoveOriginator | None,
) -> Delivered:
    """Raises _BrokenOff when the association cannot go on."""
    try:
        context_id, data_set = _prepare(association, instance, preferred)
    except ArchiveError as error:
        return _failed(instance, error)
    request = encode_store_request(
        instance.sop_class_uid,
        instance.sop_instance_uid,
        message_id=message_id,
        originator=(originator.ae_title, originator.message_id) if originator else None,
    )
    try:
        association.write(
            encode_message(
                context_id, request, data_set, maximum_pdu_bytes=association.maximum_pdu_bytes
            )
        )
        status = association.response(message_id).status
    except ArchiveError as error:
        raise _BrokenOff(error.message) from error
    return delivered(instance.sop_instance_uid, PROCESSING_FAILURE if status is None else status)


def _prepare(
    association: OpenAssociation, instance: Outgoing, preferred: str | None
) -> tuple[int, Iterator[bytes]]:
    """The first way the peer accepted in which the instance can be had."""
    trouble: ArchiveError | None = None
    for syntax in _syntaxes(instance, preferred):
        context_id = association.contexts.get((instance.sop_class_uid, syntax))
        if context_id is None:
            continue
        try:
            return context_id, instance.read(syntax)
        except NotAcceptable as error:
            trouble = trouble or error
    raise trouble or NotAcceptable("the receiver accepts no transfer syntax this can be had in")


def _syntaxes(instance: Outgoing, preferred: str | None) -> tuple[str, ...]:
    """In which transfer syntaxes an instance is offered, best first."""
    wanted = (preferred, instance.transfer_syntax_uid, *_UNCOMPRESSED)
    return tuple(dict.fromkeys(syntax for syntax in wanted if syntax))


def _proposals(instances: Sequence[Outgoing], preferred: str | None) -> list[Proposal]:
    """One context per way, so that the peer's choice within a context cannot lose the best one."""
    found: dict[Proposal, None] = {}
    for instance in instances:
        for syntax in _syntaxes(instance, preferred):
            found[Proposal(instance.sop_class_uid, (syntax,))] = None
    return list(found)


def _batches(instances: Sequence[Outgoing], preferred: str | None) -> Iterator[list[Outgoing]]:
    """Parts of the instances, in order, that one association has enough contexts for."""
    batch: list[Outgoing] = []
    contexts: set[Proposal] = set()
    for instance in instances:
        more = contexts.union(_proposals([instance], preferred))
        if batch and len(more) > MAX_CONTEXTS:
            yield batch
            batch, more = [], set(_proposals([instance], preferred))
        batch.append(instance)
        contexts = more
    if batch:
        yield batch


def _failed(instance: Outgoing, error: ArchiveError) -> Delivered:
    return Delivered(instance.sop_instance_uid, Delivery.FAILED, message=error.message)


def _all_failed(waiting: deque[Outgoing], error: ArchiveError) -> Iterator[Delivered]:
    while waiting:
        yield _failed(waiting.popleft(), error)
