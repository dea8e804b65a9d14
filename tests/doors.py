"""DIMSE doors before real archives, for tests that come as a peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pacs.scp.admission import Admit
from pacs.scp.server import DicomEngines, DicomServer, DicomServerConfig
from pacs.scu.association import Deadlines
from pacs.scu.send import Sender
from pacs.wiring import Archive

OpenDoor = Callable[..., DicomServer]

SHORT = Deadlines(connect_s=2, negotiate_s=2, send_s=2, respond_s=5)


@pytest.fixture
def open_door(archive: Archive) -> Iterator[OpenDoor]:
    """Opens a door to the archive on a free port; settings may be replaced by keyword."""
    servers: list[DicomServer] = []

    def open_one(**settings: Any) -> DicomServer:
        given = {"ae_title": "PACS", "port": 0, "admit": Admit.ANYONE, **settings}
        server = DicomServer(DicomServerConfig(**given), engines_of(archive), now=archive.now)
        server.start()
        servers.append(server)
        return server

    yield open_one
    for server in servers:
        server.stop(deadline_s=2)


@pytest.fixture
def door(open_door: OpenDoor) -> DicomServer:
    """A door with ordinary settings that admits anyone."""
    return open_door()


def engines_of(archive: Archive) -> DicomEngines:
    return DicomEngines(
        reception=archive.reception,
        ingest=archive.ingest,
        query=archive.queries,
        metadata=archive.metadata,
        retrieval=archive.retrieval,
        peers=archive.peers,
        destinations=Sender(calling_ae_title="PACS", deadlines=SHORT),
        commitment=archive.work.commitment,
        failures=archive.work.failures,
    )
