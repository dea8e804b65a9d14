"""An association we open: pynetdicom negotiates it, messages are written and read by us."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.transport import AssociationSocket

from pacs.dicom.messages import (
    COMMAND_FRAGMENT,
    LAST_FRAGMENT,
    Command,
    CommandField,
    decode_command,
)
from pacs.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pacs.errors import PeerUnreachable, RequestInvalid

MAX_CONTEXTS = 128
_LARGEST_PDU_BYTES = 256 * 1024
_SEND_AT_ONCE_BYTES = 256 * 1024
_LAST_WORD_S = 1.0
_MAX_COMMAND_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024

_Answer = tuple[Command, bytes]


@dataclass(frozen=True)
class Target:
    """Where an Application Entity listens. tls  the context to speak TLS with, None for plain."""

    ae_title: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


@dataclass(frozen=True)
class Deadlines:
    """How long a peer may take, in seconds.

    connect   to take the connection.
    negotiate to answer an association or release request.
    send      to take one piece of what is sent.
    respond   to answer one request.
    """

    connect_s: float = 10
    negotiate_s: float = 20
    send_s: float = 30
    respond_s: float = 60


@dataclass(frozen=True)
class Proposal:
    """One presentation context to ask for.

    as_scp  we want to be the one who serves, although it is us who call. PS3.7 D.3.3.4.
    """

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


class OpenAssociation:
    """An established association. Not for several threads."""

    def __init__(self, association: Any, target: Target, deadlines: Deadlines) -> None:
        self._association = association
        self._target = target
        self._deadlines = deadlines
        self._responses = _Responses(association)
        association.dimse = self._responses
        # pynetdicom's own thread has nothing to do; it rests until the end.
        association._reactor_checkpoint.clear()
        transport: _ClosingSocket = association.dul.socket
        self._transport = transport
        self._socket: socket.socket = association.dul.socket.socket
        self._socket.settimeout(deadlines.send_s)
        self.contexts: Mapping[tuple[str, str], int] = {
            (str(context.abstract_syntax), str(context.transfer_syntax[0])): context.context_id
            for context in association.accepted_contexts
        }
        announced = int(association.acceptor.maximum_length or 0)
        self.maximum_pdu_bytes = min(announced or _LARGEST_PDU_BYTES, _LARGEST_PDU_BYTES)

    def write(self, pdus: Iterable[bytes]) -> None:
        """Send PDUs, small ones together. Raises PeerUnreachable."""
        held: list[bytes] = []
        size = 0
        for pdu in pdus:
            held.append(pdu)
            size += len(pdu)
            if size >= _SEND_AT_ONCE_BYTES:
                self._send(b"".join(held))
                held, size = [], 0
        self._send(b"".join(held))

    def response(self, message_id: int) -> Command:
        """The answer to a request. Raises PeerUnreachable when it does not come in time."""
        return self.answer(message_id)[0]

    def answer(self, message_id: int) -> tuple[Command, bytes]:
        """The same with its data set, which only those of C-FIND keep."""
        taken = self._responses.take(self._deadlines.respond_s)
        if taken is None:
            raise PeerUnreachable(f"{self._target} did not answer, or ended the association")
        command, data_set = taken
        if command.answered_message_id != message_id:
            raise PeerUnreachable(f"{self._target} answered another request than ours")
        return command, data_set

    def hurry(self) -> None:
        """Wait no longer for a peer that takes nothing: the A-ABORT need not arrive."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(_LAST_WORD_S)

    def close(self) -> None:
        """Let pynetdicom's thread see the end, and close the connection if it still is open."""
        self._association._reactor_checkpoint.set()
        self._socket.close()

    def _send(self, data: bytes) -> None:
        try:
            with self._transport.alone():
                self._socket.sendall(data)
        except OSError as error:
            raise PeerUnreachable(f"{self._target} broke off: {error}") from error


class _EndOfConnection(queue.Queue[Any]):
    """Always empty: pynetdicom's reactor, which may look once more, must not take our responses.

    All that pynetdicom itself puts here means that the connection has ended.
    """

    def __init__(self, arrived: queue.Queue[_Answer | None]) -> None:
        super().__init__()
        self._arrived = arrived

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002
        self._arrived.put(None)


class _Responses(DIMSEServiceProvider):
    """Takes the place of pynetdicom's message layer, which refuses UIDs real instances have."""

    def __init__(self, association: Any) -> None:
        super().__init__(association)
        self._command = bytearray()
        self._awaits_data: Command | None = None
        self._data = bytearray()
        self._arrived: queue.Queue[_Answer | None] = queue.Queue()
        self.msg_queue = _EndOfConnection(self._arrived)

    def receive_primitive(self, primitive: Any) -> None:
        try:
            for _, value in primitive.presentation_data_value_list:
                self._add(value[0], value[1:])
        except RequestInvalid:
            self.dul.event_queue.put("Evt19")

    def _add(self, flags: int, fragment: bytes) -> None:
        if not flags & COMMAND_FRAGMENT:
            self._add_data(fragment, is_last=bool(flags & LAST_FRAGMENT))
            return
        self._command += fragment
        if len(self._command) > _MAX_COMMAND_BYTES:
            raise RequestInvalid("the peer sent an endless command")
        if flags & LAST_FRAGMENT:
            command = decode_command(self._command)
            self._command = bytearray()
            if command.field == CommandField.C_FIND_RSP and command.has_data_set:
                self._awaits_data = command
            else:
                self._arrived.put((command, b""))

    def _add_data(self, fragment: bytes, *, is_last: bool) -> None:
        """Other data sets, such as the list of what a C-MOVE failed to send, are passed over."""
        if self._awaits_data is None:
            return
        self._data += fragment
        if len(self._data) > _MAX_ANSWER_BYTES:
            raise RequestInvalid("the peer sent an endless answer")
        if is_last:
            self._arrived.put((self._awaits_data, bytes(self._data)))
            self._awaits_data, self._data = None, bytearray()

    def take(self, timeout_s: float) -> _Answer | None:
        """The next response; None when there is none in time or the connection ended."""
        try:
            return self._arrived.get(timeout=timeout_s)
        except queue.Empty:
            return None


class _Entity(AE):
    """pynetdicom's AE, with sockets that are closed whatever happens to them."""

    def _create_socket(self, *arguments: Any) -> AssociationSocket:
        association, address, tls = arguments
        connection = _ClosingSocket(association, address=address)
        connection.tls_args = tls
        return connection


class _ClosingSocket(AssociationSocket):
    """lock  held while OpenSSL reads or writes: it must not do both for one connection at once."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.lock = threading.Lock()

    @property
    def ready(self) -> bool:
        # What is decrypted already lies where select() does not see it.
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        return bool(super().ready)

    def recv(self, nr_bytes: int) -> bytearray:
        with self.alone():
            return bytearray(super().recv(nr_bytes))

    def send(self, bytestream: bytes) -> None:
        with self.alone():
            super().send(bytestream)

    def alone(self) -> AbstractContextManager[object]:
        return self.lock if self.tls_args else contextlib.nullcontext()

    def _shutdown_socket(self) -> None:
        # pynetdicom leaves the socket open when it was refused, or closed by the peer first.
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


@contextmanager
def associate(
    target: Target,
    proposals: Sequence[Proposal],
    *,
    calling_ae_title: str,
    deadlines: Deadlines,
) -> Iterator[OpenAssociation]:
    """Open an association, release it at the end, abort it when something is raised within.

    Raises PeerUnreachable, with the reason in words, when it cannot be had.
    """
    association = _negotiated(target, proposals, calling_ae_title, deadlines)
    opened = OpenAssociation(association, target, deadlines)
    try:
        yield opened
    except GeneratorExit:
        association.release()
        raise
    except BaseException:
        opened.hurry()
        association.abort()
        raise
    else:
        association.release()
    finally:
        opened.close()


def _negotiated(
    target: Target, proposals: Sequence[Proposal], calling_ae_title: str, deadlines: Deadlines
) -> Any:
    entity = _Entity(calling_ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = deadlines.connect_s
    entity.acse_timeout = deadlines.negotiate_s
    # Silence is watched where an answer is awaited; a long conversion of ours is no silence.
    entity.network_timeout = None
    association = entity.associate(
        _address(target),
        target.port,
        contexts=[
            build_context(proposal.abstract_syntax, list(proposal.transfer_syntaxes))
            for proposal in proposals
        ],
        ae_title=target.ae_title,
        ext_neg=[
            build_role(proposal.abstract_syntax, scu_role=False, scp_role=True)
            for proposal in proposals
            if proposal.as_scp
        ],
        tls_args=(target.tls, target.host) if target.tls else None,
        evt_handlers=[(evt.EVT_CONN_OPEN, _send_without_delay)],
    )
    if not association.is_established:
        raise PeerUnreachable(_why(association, target))
    return association


def _address(target: Target) -> str:
    """pynetdicom takes a name without dots for an IPv6 address, so names are resolved here."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PeerUnreachable(f"the host of {target} is not known: {error}") from error
    return str(found[0][4][0])


def _send_without_delay(event: Any) -> None:
    connection = event.assoc.dul.socket.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _why(association: Any, target: Target) -> str:
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        return f"{target} rejected the association: {answer.reason_str}"
    if answer is not None and not association.accepted_contexts:
        return f"{target} accepts nothing of what we would send"
    return f"{target} cannot be reached, or did not answer in time"
