"""pynetdicom's upper layer with bounds: deadlines, length limits, less polling, and the fast lane.

With `association` the only module that overrides private parts of pynetdicom, so that a new version
of it means reading two rooms.

The fast lane: while an association is established, P-DATA-TF PDUs are read from the socket straight
into the message they belong to, and C-STORE requests are served on the thread that reads. Without
it, or in any other state, a PDU takes pynetdicom's road: queue, state machine, association thread.
"""

from __future__ import annotations

import contextlib
import queue
import socket
from typing import TYPE_CHECKING, Any

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.transport import AssociationSocket

from pacs.dicom.messages import P_DATA_TF, PDU_HEADER, PDV_HEADER
from pacs.errors import PeerUnreachable, RequestInvalid
from pacs.scp.assembly import Message
from pacs.scp.association_request import without_unknown_items
from pacs.scp.wire import PeerStalled, Wire

if TYPE_CHECKING:
    from pacs.scp.association import ArchiveAssociation

# States of PS3.8 9.2: waiting for A-ASSOCIATE-RQ; established; waiting for the end.
_AWAITING_REQUEST = "Sta2"
_ESTABLISHED = "Sta6"
_AWAITING_CLOSE = "Sta13"

_EVENT_CONNECTION_CLOSED = "Evt17"
_EVENT_INVALID_PDU = "Evt19"

_A_ASSOCIATE_RQ = 0x01
_PDU_TYPES = range(0x01, 0x08)
_MAX_ASSOCIATE_BYTES = 1 << 20
_MAX_CONTROL_BYTES = 1 << 10

_REST_S = 0.2
_GAP_S = 0.05
_LAST_WORD_S = 0.5
_MAX_WAITING_MESSAGES = 64


class WiredSocket(AssociationSocket):
    """pynetdicom's socket on top of our wire."""

    def __init__(
        self, association: ArchiveAssociation, connection: socket.socket, wire: Wire
    ) -> None:
        super().__init__(association, client_socket=connection)
        self.wire = wire
        self._layer = association.upper_layer

    @property
    def ready(self) -> bool:
        """Whether something can be read. Where only the peer can act, wait for it a little."""
        if self.socket is None or not self._is_connected:
            return False
        if self._layer.has_broken_off:
            self.wire.drain(_LAST_WORD_S)
            return False
        try:
            return self.wire.wait(_REST_S if self._may_wait() else 0)
        except PeerUnreachable:
            self.event_queue.put(_EVENT_CONNECTION_CLOSED)
            return False

    def _shutdown_socket(self) -> None:
        # pynetdicom leaves the socket open when the peer closed it first.
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def _may_wait(self) -> bool:
        layer = self._layer
        peer_is_next = layer.state_machine.current_state in (_AWAITING_REQUEST, _ESTABLISHED)
        return peer_is_next and layer.event_queue.empty()

    def send(self, bytestream: bytes) -> None:
        try:
            self.wire.write((bytestream,))
        except PeerUnreachable:
            self.event_queue.put(_EVENT_CONNECTION_CLOSED)


class BoundedUpperLayer(DULServiceProvider):
    """Reads PDUs within limits and deadlines. Its thread is the only reader of the socket."""

    def __init__(
        self, assoc: ArchiveAssociation, *, maximum_pdu_bytes: int, fast_lane: bool
    ) -> None:
        super().__init__(assoc)
        self._association = assoc
        self._maximum_pdu_bytes = maximum_pdu_bytes
        self._fast_lane = fast_lane
        self._breach = False

    @property
    def has_broken_off(self) -> bool:
        """Whether A-ABORT was sent for a breach: what else the peer sends is not read as PDUs."""
        return self._breach and self.state_machine.current_state == _AWAITING_CLOSE

    @property
    def wire(self) -> Wire:
        """Raises PeerUnreachable when the connection is gone."""
        connection = self.socket
        if not isinstance(connection, WiredSocket) or connection.socket is None:
            raise PeerUnreachable("the connection is closed")
        return connection.wire

    def cut_off(self) -> None:
        """Close the connection at once, from any thread."""
        if self.socket is not None:
            self.socket.close()

    def abort_soon(self) -> None:
        """Send A-ABORT and close, on the upper layer's own thread."""
        self._breach = True
        self.event_queue.put(_EVENT_INVALID_PDU)

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            # Whoever still waits for an A-ASSOCIATE-RQ shall not wait for its timeout.
            to_user: Any = self.to_user_queue
            to_user.put(None)  # means "nothing came"

    def _is_transport_event(self) -> bool:
        # pynetdicom's association thread looks for work a thousand times a second. It rests while
        # there is none, and looks whenever this thread comes back from the socket.
        rouse = self._association._reactor_checkpoint
        if self._association.may_end_now and not self._breach:
            self.abort_soon()
        if self._is_established() and self._association.has_nothing_to_do:
            rouse.clear()
        try:
            return bool(super()._is_transport_event())
        finally:
            rouse.set()

    def _is_established(self) -> bool:
        return bool(self.state_machine.current_state == _ESTABLISHED)

    def _read_pdu_data(self) -> None:
        try:
            wire = self.wire
            if self._fast_lane and self._is_established() and self._association.is_established:
                self._run_fast_lane(wire)
            else:
                self._read_pdu(wire)
        except (PeerStalled, RequestInvalid) as error:
            self._association.note_trouble(str(error))
            self.abort_soon()
        except PeerUnreachable as error:
            if self.state_machine.current_state != _AWAITING_CLOSE:
                self._association.note_trouble(str(error))
            self.event_queue.put(_EVENT_CONNECTION_CLOSED)

    def _read_pdu(self, wire: Wire) -> None:
        """Read one PDU and hand it to the state machine."""
        deadline = wire.deadline()
        kind, length = wire.peek_pdu(deadline)
        self._check_pdu(kind, length)
        raw = wire.read(PDU_HEADER.size + length, deadline)
        if kind == _A_ASSOCIATE_RQ:
            raw = without_unknown_items(raw)
        try:
            pdu, event = self._decode_pdu(bytearray(raw))
        except Exception as error:  # pynetdicom's decoder raises whatever it meets
            raise RequestInvalid(f"a PDU of type {kind:02X}H cannot be read: {error}") from error
        if isinstance(pdu, A_ASSOCIATE_RQ) and pdu.protocol_version & 1:
            # Only bit 0 is to be tested; pynetdicom wants all others to be zero. PS3.8 9.3.2.
            pdu.protocol_version = 1
        self.event_queue.put(event)
        self._recv_pdu.put(pdu)

    def _check_pdu(self, kind: int, length: int) -> None:
        if kind not in _PDU_TYPES:
            raise RequestInvalid(f"a PDU of unknown type {kind:02X}H came")
        if kind == P_DATA_TF:
            limit = self._maximum_pdu_bytes
        else:
            limit = _MAX_ASSOCIATE_BYTES if kind == _A_ASSOCIATE_RQ else _MAX_CONTROL_BYTES
        if length > limit:
            raise RequestInvalid(f"a PDU of {length} bytes came; at most {limit} are accepted")

    def _run_fast_lane(self, wire: Wire) -> None:
        """Take in messages until there is a pause, another PDU, or work for the other thread."""
        while True:
            deadline = wire.deadline()
            kind, length = wire.peek_pdu(deadline)
            if kind != P_DATA_TF:
                self._read_pdu(wire)
                return
            self._check_pdu(kind, length)
            wire.read(PDU_HEADER.size, deadline)
            self._take_fragments(wire, length, deadline)
            if self._association.assembly.is_between_messages and not self._goes_on(wire):
                return

    def _goes_on(self, wire: Wire) -> bool:
        association = self._association
        if association.is_stopping or not association.has_nothing_to_do:
            return False
        return wire.wait(_GAP_S)

    def _take_fragments(self, wire: Wire, remaining: int, deadline: float) -> None:
        """Read the presentation data values of one PDU."""
        while remaining:
            if remaining < PDV_HEADER.size:
                raise RequestInvalid("a presentation data value is cut short")
            length, context_id, flags = PDV_HEADER.unpack(wire.read(PDV_HEADER.size, deadline))
            if length < 2 or length + 4 > remaining:
                raise RequestInvalid("a presentation data value is longer than its PDU")
            self._take_fragment(wire, length - 2, context_id, flags, deadline)
            remaining -= length + 4

    def _take_fragment(
        self, wire: Wire, length: int, context_id: int, flags: int, deadline: float
    ) -> None:
        take = self._association.take_fragment
        if not length:
            take(context_id, flags, b"", on_reader=True)
        left = length
        for piece in wire.pieces(length, deadline):
            left -= len(piece)
            # Pieces of one fragment look like fragments: only the last may be the last.
            take(context_id, flags if not left else flags & 1, piece, on_reader=True)


class MessageProvider(DIMSEServiceProvider):
    """Where pynetdicom's state machine leaves P-DATA, and where its threads look for messages."""

    def __init__(self, assoc: ArchiveAssociation) -> None:
        super().__init__(assoc)
        self._association = assoc
        # pynetdicom's reactor takes from here what it then has served; ours are other values.
        self._waiting: queue.Queue[Any] = self.msg_queue

    def receive_primitive(self, primitive: Any) -> None:
        try:
            for context_id, value in primitive.presentation_data_value_list:
                fragment = memoryview(value)[1:]
                self._association.take_fragment(context_id, value[0], fragment, on_reader=False)
        except RequestInvalid as error:
            self._association.break_off(str(error))

    @property
    def is_empty(self) -> bool:
        return self.msg_queue.empty()

    def queue_message(self, message: Message) -> None:
        """Leave a message for the association's thread.

        Raises RequestInvalid when too many wait already.
        """
        if self.msg_queue.qsize() >= _MAX_WAITING_MESSAGES:
            message.close()
            raise RequestInvalid("more requests came than were answered")
        self._waiting.put((message.context_id, message))

    def next_message(self, timeout_s: float) -> Message:
        """Wait for a message. Raises PeerUnreachable when none comes in time."""
        try:
            _, message = self._waiting.get(timeout=timeout_s)
        except queue.Empty as error:
            raise PeerUnreachable("the peer did not answer a sub-operation in time") from error
        if not isinstance(message, Message):
            # pynetdicom leaves this when the connection is closed.
            raise PeerUnreachable("the association ended while an answer was awaited")
        return message
