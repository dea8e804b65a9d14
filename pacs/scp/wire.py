"""The bytes of one connection: read with deadlines through a buffer, written a whole PDU at a time.

It knows sockets and PDU headers, not what the bytes mean. One thread reads; several may write.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator

from pacs.dicom.messages import PDU_HEADER
from pacs.errors import PeerUnreachable

_BUFFER_BYTES = 256 * 1024
_SEND_AT_ONCE_BYTES = 256 * 1024
_LONGEST_WAIT_S = 0.5


class PeerStalled(PeerUnreachable):
    """The peer began something and did not finish it in time."""


class Wire:
    """Reads and writes the socket of an association.

    pdu_deadline_s  how long one PDU may take to come, or the peer to take one piece of ours.
    """

    def __init__(self, connection: socket.socket, *, pdu_deadline_s: float) -> None:
        self._socket = connection
        self._is_tls = isinstance(connection, ssl.SSLSocket)
        self._pdu_deadline_s = pdu_deadline_s
        self._wait_s = min(_LONGEST_WAIT_S, pdu_deadline_s / 4)
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._start = self._end = 0
        self._write_lock = threading.Lock()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self._wait_s)

    @property
    def has_buffered(self) -> bool:
        return self._end > self._start

    def wait(self, timeout_s: float) -> bool:
        """Whether bytes can be read now, or come within the time."""
        if self.has_buffered or self._has_decrypted():
            return True
        descriptor = self._socket.fileno()
        if descriptor < 0:
            raise PeerUnreachable("the connection is closed")
        # Not select.select, which knows no descriptors above 1023.
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(1000 * timeout_s))

    def deadline(self) -> float:
        """When a PDU that begins now must be complete."""
        return time.monotonic() + self._pdu_deadline_s

    def peek_pdu(self, deadline: float) -> tuple[int, int]:
        """Type and length of the next PDU, which stays unread."""
        while self._end - self._start < PDU_HEADER.size:
            self._fill(deadline)
        kind, length = PDU_HEADER.unpack_from(self._buffer, self._start)
        return kind, length

    def read(self, count: int, deadline: float) -> bytes:
        """Exactly `count` bytes. Raises PeerUnreachable, PeerStalled."""
        pieces = [bytes(piece) for piece in self.pieces(count, deadline)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self, count: int, deadline: float) -> Iterator[memoryview]:
        """Exactly `count` bytes as they come; each view is valid until the next is asked for."""
        while count:
            if self._start == self._end:
                self._fill(deadline)
            taken = min(count, self._end - self._start)
            piece = self._buffer[self._start : self._start + taken]
            self._start += taken
            count -= taken
            yield piece

    def write(self, pdus: Iterable[bytes]) -> None:
        """Send PDUs, small ones together, none interleaved with those of another thread."""
        held: list[bytes] = []
        size = 0
        for pdu in pdus:
            held.append(pdu)
            size += len(pdu)
            if size >= _SEND_AT_ONCE_BYTES:
                self._send(held)
                held, size = [], 0
        if held:
            self._send(held)

    def drain(self, at_most_s: float) -> None:
        """Say that nothing more will come, and let the peer finish its sentence.

        Closing while bytes of the peer lie unread would reset the connection, and take from the
        peer what was sent last.
        """
        deadline = time.monotonic() + at_most_s
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while time.monotonic() < deadline:
                self._start = self._end = 0
                if self._receive() == 0:
                    return
        except (OSError, PeerUnreachable):
            return

    def _send(self, pdus: list[bytes]) -> None:
        data = memoryview(pdus[0] if len(pdus) == 1 else b"".join(pdus))
        with self._write_lock:
            deadline = self.deadline()
            while data:
                sent = self._send_some(data, deadline)
                data = data[sent:]

    def _send_some(self, data: memoryview, deadline: float) -> int:
        try:
            return self._socket.send(data)
        except (TimeoutError, ssl.SSLWantWriteError, ssl.SSLWantReadError) as error:
            if time.monotonic() > deadline:
                raise PeerStalled("the peer does not take what it is sent") from error
            return 0
        except OSError as error:
            raise PeerUnreachable(f"the connection broke while sending: {error}") from error

    def _fill(self, deadline: float) -> None:
        """Get at least one more byte into the buffer."""
        self._make_room()
        count: int | None = None
        while count is None:
            # Looked at even when bytes come: a peer may send one now and then.
            if time.monotonic() > deadline:
                raise PeerStalled("the peer stalled within a PDU")
            count = self._receive()
        if count == 0:
            raise PeerUnreachable("the peer closed the connection")
        self._end += count

    def _make_room(self) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            # At most a few bytes of a header are left when more are wanted.
            kept = bytes(self._buffer[self._start : self._end])
            self._buffer[: len(kept)] = kept
            self._start, self._end = 0, len(kept)

    def _receive(self) -> int | None:
        """Bytes received, 0 at the end, None when nothing came yet."""
        try:
            if self._is_tls:
                return self._receive_encrypted()
            received = self._socket.recv_into(self._buffer[self._end :])
            self._acknowledge_at_once()
        except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (OSError, ValueError) as error:
            raise PeerUnreachable(f"the connection broke: {error}") from error
        return received

    def _receive_encrypted(self) -> int | None:
        # OpenSSL must not read and write one connection from two threads at once, so the lock is
        # held while reading, and waiting is done outside it.
        if not self._has_decrypted() and not self.wait(self._wait_s):
            return None
        with self._write_lock:
            return self._socket.recv_into(self._buffer[self._end :])

    def _acknowledge_at_once(self) -> None:
        # A sender that writes a message in two pieces with Nagle's algorithm waits for our
        # acknowledgement in between, 40 ms of it if that is delayed. The option wears off, so it
        # is set again after each read.
        if hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _has_decrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
