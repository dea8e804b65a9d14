"""The web door alone, with what a test wants to be different."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pacs.web.access import SignInRule
from pacs.web.app import WebServices, create_app
from pacs.web.config import WebConfig, WebLimits
from pacs.web.server import HttpAddress, HttpServer
from pacs.wiring import Archive


@contextmanager
def open_door(
    archive: Archive,
    *,
    limits: WebLimits | None = None,
    sign_in: SignInRule = SignInRule.REQUIRED,
    public_url: str | None = None,
    viewer_folder: Path = Path("nowhere"),
    readiness: Mapping[str, Callable[[], None]] | None = None,
    header_deadline_s: float = 30.0,
    trusted_proxies: tuple[str, ...] = (),
    cors_origins: tuple[str, ...] = (),
) -> Iterator[str]:
    """Gives the base URL while the door is open."""
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
        readiness=readiness or {},
        storage_room=lambda: None,
        now=archive.now,
    )
    config = WebConfig(
        version="0",
        ae_title="PACS",
        dicom_host="127.0.0.1",
        dicom_port=104,
        language="vi",
        timezone="Asia/Ho_Chi_Minh",
        sign_in=sign_in,
        viewer_folder=viewer_folder,
        public_url=public_url,
        cors_origins=cors_origins,
        limits=limits or WebLimits(),
    )
    address = HttpAddress(
        "127.0.0.1", 0, header_deadline_s=header_deadline_s, trusted_proxies=trusted_proxies
    )
    server = HttpServer(create_app(services, config), address)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
