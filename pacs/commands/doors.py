"""Opens the doors of an archive: DIMSE, DIMSE over TLS, and HTTP."""

from __future__ import annotations

import enum
import ssl
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import pacs
from pacs.commands.storage_facts import notices, spool_facts, spool_service, storage_room
from pacs.scp.admission import Admit
from pacs.scp.server import DicomEngines, DicomServer, DicomServerConfig
from pacs.settings import Settings
from pacs.tls import server_context
from pacs.web.access import SignInRule
from pacs.web.app import WebServices, create_app
from pacs.web.config import WebConfig, WebLimits
from pacs.web.server import HttpAddress, HttpServer, TlsFiles
from pacs.wiring import Archive


class Part(enum.StrEnum):
    """One role of a larger installation."""

    SCP = "scp"
    WEB = "web"
    JOBS = "jobs"


@dataclass(frozen=True)
class Doors:
    """The open doors; None for one that this process does not have."""

    dicom: DicomServer | None
    dicom_tls: DicomServer | None
    http: HttpServer | None

    def close(self) -> None:
        """Take nothing new, let what is under way end, within deadlines of their own."""
        for door in (self.dicom, self.dicom_tls, self.http):
            if door is not None:
                door.stop()


def open_doors(archive: Archive, *, only: Part | None = None) -> Doors:
    """Listen on what the settings name. Raises SettingsInvalid when a port cannot be had."""
    opened: list[DicomServer | HttpServer] = []
    dicom = dicom_tls = http = None
    try:
        if only in (None, Part.SCP):
            opened.append(dicom := _started(dicom_server(archive)))
            if archive.settings.dicom_tls_port is not None:
                opened.append(dicom_tls := _started(dicom_server(archive, over_tls=True)))
        if only in (None, Part.WEB):
            opened.append(http := http_server(archive))
            http.start()
    except BaseException:
        for door in opened:
            door.stop()
        raise
    return Doors(dicom, dicom_tls, http)


def _started(server: DicomServer) -> DicomServer:
    server.start()
    return server


def dicom_server(archive: Archive, *, over_tls: bool = False) -> DicomServer:
    """The DIMSE door, not yet started."""
    settings = archive.settings
    config = DicomServerConfig(
        ae_title=settings.ae_title,
        host=settings.dicom_host,
        port=settings.dicom_port,
        admit=Admit(settings.admitted.value),
        maximum_pdu_bytes=settings.max_pdu_bytes,
        maximum_associations=settings.max_associations,
        association_timeout_s=settings.pdu_deadline_s,
        network_timeout_s=settings.association_idle_s,
        pdu_deadline_s=settings.pdu_deadline_s,
        response_timeout_s=settings.peer_deadline_s,
    )
    if over_tls:
        config = replace(config, port=settings.dicom_tls_port or 0, tls=_tls_context(settings))
    engines = DicomEngines(
        reception=archive.reception,
        ingest=archive.ingest,
        query=archive.queries,
        metadata=archive.metadata,
        retrieval=archive.retrieval,
        peers=archive.peers,
        destinations=archive.work.sender,
        commitment=archive.work.commitment,
        failures=archive.work.failures,
    )
    return DicomServer(config, engines, now=archive.now)


def http_server(archive: Archive) -> HttpServer:
    """The HTTP door, its port bound but not yet answering."""
    settings = archive.settings
    services = WebServices(
        accounts=archive.accounts,
        ingest=archive.ingest,
        reception=archive.reception,
        query=archive.queries,
        retrieval=archive.retrieval,
        frames=archive.frames,
        metadata=archive.metadata,
        removal=archive.care.removal,
        conflicts=archive.care.conflicts,
        corrections=archive.care.corrections,
        integrity=archive.care.integrity,
        scrub=archive.care.scrub,
        machines=archive.work.machines,
        forwarding=archive.work.forwarding,
        webhooks=archive.work.webhooks,
        jobs=archive.work.jobs,
        readiness={
            "database": archive.index.check_ready,
            "object_store": archive.stores.incoming.check_ready,
        },
        storage_room=storage_room(archive),
        now=archive.now,
        notices=notices(archive),
        spool=spool_service(archive),
        spool_facts=spool_facts(archive),
    )
    config = WebConfig(
        version=pacs.__version__,
        ae_title=settings.ae_title,
        dicom_host=settings.dicom_host,
        dicom_port=settings.dicom_port,
        language=settings.language.value,
        timezone=settings.timezone,
        sign_in=SignInRule(settings.auth.value),
        viewer_folder=viewer_folder(),
        name=settings.institution_name,
        public_url=settings.public_url,
        cors_origins=tuple((settings.cors_origins or "").replace(",", " ").split()),
        limits=WebLimits(
            max_body_bytes=settings.max_body_bytes, body_idle_s=settings.request_deadline_s
        ),
    )
    address = HttpAddress(
        host=settings.http_host,
        port=settings.http_port,
        tls=_tls_files(settings),
        trusted_proxies=tuple((settings.trusted_proxies or "").replace(",", " ").split()),
        header_deadline_s=settings.request_deadline_s,
    )
    return HttpServer(create_app(services, config), address)


def viewer_folder() -> Path:
    """Where the built viewer lies within the installed package."""
    return Path(str(resources.files("pacs.web"))) / "static"


def _tls_files(settings: Settings) -> TlsFiles | None:
    # Without PACS_TLS_CLIENT_CA: it is for machines, and would lock every browser out.
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return TlsFiles(settings.tls_cert, settings.tls_key)


def _tls_context(settings: Settings) -> ssl.SSLContext:
    return server_context(settings.tls_cert, settings.tls_key, client_ca=settings.tls_client_ca)
