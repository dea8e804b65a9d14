"""The promise that instances can be sent to another Application Entity, and the values it takes."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pacs.peers import Peer

_READ_AHEAD_BYTES = 16 << 20
_ATTRIBUTE_LIST_ERROR = 0x0107


@dataclass(frozen=True)
class Outgoing:
    """One instance on its way out.

    transfer_syntax_uid  as it is stored; sending it like this costs nothing.
    data_set             its data set in a transfer syntax, in pieces, as stored or converted.
                         Raises ArchiveError, before the first piece, when that cannot be had.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set: Callable[[str], Iterator[bytes]]

    def read(self, transfer_syntax_uid: str) -> Iterator[bytes]:
        """The data set, the first part read already: damage is found before anything is sent.

        A message that has begun cannot be taken back without breaking off the association.
        """
        pieces = self.data_set(transfer_syntax_uid)
        ahead: list[bytes] = []
        size = 0
        for piece in pieces:
            ahead.append(piece)
            size += len(piece)
            if size >= _READ_AHEAD_BYTES:
                break
        return itertools.chain(ahead, pieces)


@dataclass(frozen=True)
class MoveOriginator:
    """On whose C-MOVE request the instances are sent. PS3.7 9.1.1.1."""

    ae_title: str
    message_id: int


class Delivery(enum.StrEnum):
    COMPLETED = "completed"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivered:
    """How sending one instance ended.

    status   of the peer's C-STORE response, or None when there was none.
    message  what went wrong, without patient data; empty when nothing did.
    """

    sop_instance_uid: str
    delivery: Delivery
    status: int | None = None
    message: str = ""


def delivered(sop_instance_uid: str, status: int) -> Delivered:
    """What a C-STORE response status says. PS3.4 B.2.3, PS3.7 C."""
    if status == 0:
        return Delivered(sop_instance_uid, Delivery.COMPLETED, status)
    is_warning = status >> 12 == 0xB or status == _ATTRIBUTE_LIST_ERROR
    kind = Delivery.WARNING if is_warning else Delivery.FAILED
    return Delivered(sop_instance_uid, kind, status, f"the receiver answered {status:04X}H")


class Destinations(Protocol):
    """Sends instances to peers."""

    def send(
        self,
        peer: Peer,
        instances: Sequence[Outgoing],
        *,
        originator: MoveOriginator | None = None,
    ) -> Iterator[Delivered]:
        """Send all, and tell after each how it went, in the order given.

        An instance that fails does not stop the others. Closing the iterator ends the sending.
        Every wait has a deadline, so that a dead peer only costs time.
        Raises PeerUnreachable, before the first result, when the peer cannot be reached at all;
        if it goes away later, the rest is FAILED.
        """
        ...
