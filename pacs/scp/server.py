"""The DIMSE door: listens, makes an association of each connection, and stops politely."""

from __future__ import annotations

import logging
import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pynetdicom import AE, _config
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from pacs.archive.commitment import Commitment
from pacs.archive.ingest import Ingest
from pacs.archive.metadata import Metadata
from pacs.archive.query import QueryEngine
from pacs.archive.reception import Reception
from pacs.archive.retrieve import Retrieval
from pacs.associations import FailedAssociations
from pacs.destinations import Destinations
from pacs.dicom.messages import CommandField
from pacs.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pacs.errors import SettingsInvalid
from pacs.scp.admission import Admission, Admit
from pacs.scp.assembly import Body
from pacs.scp.association import ArchiveAssociation, Household
from pacs.scp.echo import answer_echo
from pacs.scp.exchange import Service
from pacs.scp.find import FindService
from pacs.scp.get import GetService
from pacs.scp.move import MoveService
from pacs.scp.presentation_contexts import VERIFICATION
from pacs.scp.storage_commitment import CommitmentService
from pacs.scp.store import StoreService
from pacs.storage.interfaces import PeerDirectory

log = structlog.get_logger(__name__)

_WAITING_CONNECTIONS = 128
_AFTER_CUT_OFF_S = 2.0


@dataclass(frozen=True)
class DicomServerConfig:
    """How the door behaves.

    port                   0 lets the system choose; see `DicomServer.port`.
    maximum_pdu_bytes      the longest PDU we accept, announced to every requestor.
    maximum_associations   admitted at once; the next is rejected for the moment.
    maximum_connections    open at once, silent ones included; the next is closed.
    association_timeout_s  for the A-ASSOCIATE-RQ after connecting, and for closing (ARTIM).
    network_timeout_s      of silence between messages, before the association is aborted.
    pdu_deadline_s         for one PDU to come, or for the peer to take one of ours.
    message_deadline_s     for one whole message to come.
    response_timeout_s     for the answer to a sub-operation of C-GET.
    query_page_size        matches asked of the index at once.
    fast_lane              read C-STORE straight from the socket; off, all goes through pynetdicom.
    tls                    when given, every connection must speak TLS.
    """

    ae_title: str
    host: str = "127.0.0.1"
    port: int = 11112
    admit: Admit = Admit.REGISTERED
    maximum_pdu_bytes: int = 128 * 1024
    maximum_associations: int = 64
    maximum_connections: int = 256
    association_timeout_s: float = 30
    network_timeout_s: float = 300
    pdu_deadline_s: float = 30
    message_deadline_s: float = 3600
    response_timeout_s: float = 60
    query_page_size: int = 500
    fast_lane: bool = True
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class DicomEngines:
    """What the door calls."""

    reception: Reception
    ingest: Ingest
    query: QueryEngine
    metadata: Metadata
    retrieval: Retrieval
    peers: PeerDirectory
    destinations: Destinations
    commitment: Commitment
    failures: FailedAssociations


class DicomServer:
    """Serves associations between `start` and `stop`; not to be started twice."""

    def __init__(
        self, config: DicomServerConfig, engines: DicomEngines, *, now: Callable[[], datetime]
    ) -> None:
        self._config = config
        self._associations = _Associations()
        self._household = _household(config, engines, self._associations, now)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where we listen; the port chosen by the system when 0 was asked for."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        return int(self._server.server_address[1])

    @property
    def open_associations(self) -> int:
        """Connections that are open, those without an association yet included."""
        return len(self._associations)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether no connection is open, or none is left within the time."""
        return self._associations.wait_until_none(timeout_s)

    def start(self) -> None:
        """Listen. Raises SettingsInvalid when the address cannot be had."""
        _quieten_pynetdicom()
        config = self._config
        try:
            server = _Server(config, self._household, self._associations)
        except OSError as error:
            raise SettingsInvalid(
                f"cannot listen for DICOM on {config.host}:{config.port}: {error.strerror}; "
                "choose another PACS_DICOM_PORT or stop what uses it"
            ) from error
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name="dicom-listener", daemon=True
        )
        self._thread.start()
        log.info("listening for DICOM", host=config.host, port=self.port, ae_title=config.ae_title)

    def stop(self, *, deadline_s: float = 10) -> None:
        """Take no more connections and let running requests end.

        What is left after the deadline is cut off.
        """
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        socketserver.BaseServer.shutdown(server)
        server.server_close()
        self._thread.join()
        self._associations.drain(deadline_s)
        log.info("no longer listening for DICOM", port=self._config.port)


def _quieten_pynetdicom() -> None:
    """Our own log says what happened; pynetdicom would describe every PDU and every lost peer.

    Its state machine and upper layer may speak: what they report are defects.
    """
    _config.LOG_HANDLER_LEVEL = "none"
    for name in ("acse", "ae", "association", "transport"):
        logging.getLogger(f"pynetdicom.{name}").setLevel(logging.CRITICAL)


class _Associations:
    """The associations and connections that are open."""

    def __init__(self) -> None:
        self._open: set[ArchiveAssociation] = set()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        with self._changed:
            return len(self._open)

    def add(self, association: ArchiveAssociation) -> None:
        with self._changed:
            self._open.add(association)

    def remove(self, association: ArchiveAssociation) -> None:
        with self._changed:
            self._open.discard(association)
            self._changed.notify_all()

    def drain(self, deadline_s: float) -> None:
        """Ask all to end between two messages; after the deadline cut them off."""
        for association in self._snapshot():
            association.end_soon()
        if not self.wait_until_none(deadline_s):
            for association in self._snapshot():
                association.cut_off()
            self.wait_until_none(_AFTER_CUT_OFF_S)

    def wait_until_none(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout=timeout_s)

    def _snapshot(self) -> list[ArchiveAssociation]:
        with self._changed:
            return list(self._open)


class _Server(ThreadedAssociationServer):
    """pynetdicom's listener, making our associations."""

    request_queue_size = _WAITING_CONNECTIONS
    daemon_threads = True

    def __init__(
        self, config: DicomServerConfig, household: Household, associations: _Associations
    ) -> None:
        self.household = household
        self.associations = associations
        self._maximum_connections = config.maximum_connections
        entity = _entity(config)
        super().__init__(
            entity,
            (config.host, config.port),
            config.ae_title,
            entity.supported_contexts,
            config.tls,
            request_handler=_Handler,
        )

    def get_request(self) -> tuple[Any, Any]:
        listening: Any = self.socket
        connection, address = listening.accept()
        if self.ssl_context:
            # The handshake waits for the peer, so it is done on the connection's own thread.
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def service_actions(self) -> None:
        """Nothing: pynetdicom would collect all garbage of the process here, every few seconds."""

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        has_room = len(self.associations) < self._maximum_connections
        if not has_room:
            log.info("connection refused", why="too many are open", address=client_address[0])
        return has_room

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        log.info("connection lost before an association", address=client_address[0], exc_info=True)


class _Handler(RequestHandler):
    """Turns a connection into an association."""

    server: _Server

    def _create_association(self) -> ArchiveAssociation:
        association = ArchiveAssociation(self.ae, self.server.household)
        association.prepare(self.server, self.request, local=self.local, remote=self.remote)
        return association


def _entity(config: DicomServerConfig) -> AE:
    entity = AE(config.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = config.maximum_pdu_bytes
    entity.acse_timeout = config.association_timeout_s
    entity.dimse_timeout = config.response_timeout_s
    entity.network_timeout = config.network_timeout_s
    # Counted by our admission, which does not count connections that ask for nothing.
    entity.maximum_associations = 1_000_000
    # Replaced in each association by what it was proposed; pynetdicom wants one to begin with.
    entity.add_supported_context(VERIFICATION)
    return entity


def _household(
    config: DicomServerConfig,
    engines: DicomEngines,
    associations: _Associations,
    now: Callable[[], datetime],
) -> Household:
    def open_instance() -> AbstractContextManager[Body]:
        return engines.reception.open()

    return Household(
        admission=Admission(
            ae_title=config.ae_title.strip(),
            admit=config.admit,
            maximum_associations=config.maximum_associations,
            peers=engines.peers,
            now=now,
        ),
        services=_services(config, engines),
        open_instance=open_instance,
        maximum_pdu_bytes=config.maximum_pdu_bytes,
        pdu_deadline_s=config.pdu_deadline_s,
        message_deadline_s=config.message_deadline_s,
        response_timeout_s=config.response_timeout_s,
        fast_lane=config.fast_lane,
        failed=engines.failures.record,
        now=now,
        opened=associations.add,
        closed=associations.remove,
    )


def _services(config: DicomServerConfig, engines: DicomEngines) -> Mapping[int, Service]:
    return {
        CommandField.C_ECHO_RQ: answer_echo,
        CommandField.C_STORE_RQ: StoreService(engines.ingest),
        CommandField.C_FIND_RQ: FindService(
            engines.query,
            engines.metadata,
            ae_title=config.ae_title,
            page_size=config.query_page_size,
        ),
        CommandField.C_MOVE_RQ: MoveService(
            engines.retrieval, peers=engines.peers, destinations=engines.destinations
        ),
        CommandField.C_GET_RQ: GetService(engines.retrieval),
        CommandField.N_ACTION_RQ: CommitmentService(engines.commitment),
    }
