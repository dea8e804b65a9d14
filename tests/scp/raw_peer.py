"""A peer made of bytes: speaks the upper layer protocol as well or as badly as a test wants.

It shares no code with the archive, so that both cannot be wrong in the same way. PS3.8 9.3.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from types import TracebackType

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RP, ABORT = 2, 3, 4, 6, 7

RELEASE_RQ = struct.pack(">BBII", 5, 0, 4, 0)
ABORT_RQ = struct.pack(">BBII", 7, 0, 4, 0)

Context = tuple[int, str, Sequence[str]]
PLAIN: tuple[Context, ...] = ((1, VERIFICATION, (IMPLICIT,)), (3, CT, (EXPLICIT,)))


def item(kind: int, data: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(data)) + data


def associate_rq(
    *,
    called: str = "PACS",
    calling: str = "RAWPEER",
    contexts: Sequence[Context] = PLAIN,
    application_context: str = APPLICATION_CONTEXT,
    version: int = 1,
    maximum_pdu: int = 16384,
    more: bytes = b"",
) -> bytes:
    body = item(0x10, application_context.encode())
    for context_id, abstract_syntax, transfer_syntaxes in contexts:
        syntaxes = b"".join(item(0x40, uid.encode()) for uid in transfer_syntaxes)
        body += item(
            0x20, bytes([context_id, 0, 0, 0]) + item(0x30, abstract_syntax.encode()) + syntaxes
        )
    user = item(0x51, struct.pack(">I", maximum_pdu)) + item(0x52, b"1.2.826.0.1.3680043.10.1999.1")
    body += item(0x50, user + more)
    titles = called.encode().ljust(16) + calling.encode().ljust(16)
    return pdu(1, struct.pack(">HH", version, 0) + titles + bytes(32) + body)


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def pdv(context_id: int, flags: int, data: bytes) -> bytes:
    return struct.pack(">IBB", len(data) + 2, context_id, flags) + data


def p_data(*values: bytes) -> bytes:
    return pdu(P_DATA, b"".join(values))


def command(**values: int | str | bytes) -> bytes:
    """A command set; elements by the names in _ELEMENTS."""
    body = b"".join(
        _element(_ELEMENTS[name], value)
        for name, value in sorted(values.items(), key=lambda pair: _ELEMENTS[pair[0]])
    )
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


_ELEMENTS = {
    "sop_class": 0x0002,
    "field": 0x0100,
    "message_id": 0x0110,
    "answers": 0x0120,
    "destination": 0x0600,
    "priority": 0x0700,
    "data_set": 0x0800,
    "status": 0x0900,
    "comment": 0x0902,
    "sop_instance": 0x1000,
}


def _element(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        raw = struct.pack("<H", value)
    else:
        raw = value.encode() if isinstance(value, str) else value
        raw += b"\0" * (len(raw) % 2)
    return struct.pack("<HHI", 0, number, len(raw)) + raw


def echo_rq(message_id: int = 1) -> bytes:
    return command(sop_class=VERIFICATION, field=0x0030, message_id=message_id, data_set=0x0101)


def store_rq(sop_instance: str, *, sop_class: str = CT, message_id: int = 1) -> bytes:
    return command(
        sop_class=sop_class,
        field=0x0001,
        message_id=message_id,
        priority=0,
        data_set=1,
        sop_instance=sop_instance,
    )


def parse_command(raw: bytes) -> dict[int, bytes]:
    values, position = {}, 0
    while position < len(raw):
        group, element, length = struct.unpack_from("<HHI", raw, position)
        assert group == 0
        values[element] = raw[position + 8 : position + 8 + length]
        position += 8 + length
    return values


class RawPeer:
    """One TCP connection to a door on loopback."""

    def __init__(self, port: int, *, timeout_s: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """The next PDU; type 0 when the door closed the connection."""
        try:
            header = self._exactly(6)
            kind, _, length = struct.unpack(">BBI", header)
            return kind, self._exactly(length)
        except (EOFError, ConnectionResetError):
            return 0, b""

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def associate(self, **request: object) -> bytes:
        """Ask for an association and return the body of the A-ASSOCIATE-AC."""
        self.send(associate_rq(**request))  # type: ignore[arg-type] # passed on as given
        kind, body = self.receive()
        assert kind == ASSOCIATE_AC, f"PDU type {kind}: {body!r}"
        return body

    def response(self) -> dict[int, bytes]:
        """The command of the next message, which fits one PDU."""
        kind, body = self.receive()
        assert kind == P_DATA, f"PDU type {kind}: {body!r}"
        return parse_command(body[6:])

    def status(self) -> int:
        return int.from_bytes(self.response()[0x0900], "little")

    def echo_status(self) -> int:
        self.send(p_data(pdv(1, 3, echo_rq())))
        return self.status()

    def store(self, sop_instance: str, data_set: bytes, *, fragment: int = 16000) -> None:
        """Send a CT on context 3, cut into PDUs."""
        self.send(p_data(pdv(3, 3, store_rq(sop_instance))))
        pieces = [data_set[at : at + fragment] for at in range(0, len(data_set), fragment)]
        for number, piece in enumerate(pieces, 1):
            self.send(p_data(pdv(3, 2 if number == len(pieces) else 0, piece)))


def answered_contexts(accept: bytes) -> dict[int, tuple[int, str]]:
    """Result and transfer syntax by context ID, from the body of an A-ASSOCIATE-AC."""
    answers, position = {}, 68
    while position < len(accept):
        kind, _, length = struct.unpack_from(">BBH", accept, position)
        value = accept[position + 4 : position + 4 + length]
        if kind == 0x21:
            answers[value[0]] = (value[2], value[8:].decode().rstrip("\0"))
        position += 4 + length
    return answers
