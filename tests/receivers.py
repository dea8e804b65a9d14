"""A Storage SCP that is not ours: it remembers what it is sent and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt

from pacs.peers import Peer

VERIFICATION = "1.2.840.10008.1.1"


class Receiver:
    """answer  gets the SOP Instance UID and gives the status; what it refuses is not remembered.

    stop() closes it, start() opens it again on the same port.
    """

    def __init__(self, ae_title: str = "ARCHIVE2") -> None:
        self.ae_title = ae_title
        self.received: list[str] = []
        self.answer: Callable[[str], int] = lambda _uid: 0x0000
        self.port = 0
        self._server: Any = None
        self._awaited: list[tuple[int, threading.Event]] = []
        self._lock = threading.Lock()

    @property
    def peer(self) -> Peer:
        return Peer(self.ae_title, "127.0.0.1", self.port)

    def expect(self, count: int) -> threading.Event:
        """Set once so many instances have come since the beginning."""
        self._awaited.append((count, event := threading.Event()))
        return event

    def start(self) -> None:
        entity = AE(self.ae_title)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(
                str(context.abstract_syntax), [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
            )
        entity.add_supported_context(VERIFICATION)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._take)]
        self._server = entity.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=handlers
        )
        self.port = self._server.server_address[1]

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()

    def _take(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        status = self.answer(uid)
        if status == 0:
            with self._lock:
                self.received.append(uid)
                for count, event in self._awaited:
                    if len(self.received) >= count:
                        event.set()
        return status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Running, under the title ARCHIVE2."""
    started = Receiver()
    started.start()
    yield started
    started.stop()
