"""The HTTP door put together: DICOMweb, our own API, health and the viewer's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, Router

from pacs.archive.accounts import Accounts
from pacs.archive.conflicts import Conflicts
from pacs.archive.corrections import Corrections
from pacs.archive.forwarding import Forwarding
from pacs.archive.frames import Frames
from pacs.archive.ingest import Ingest
from pacs.archive.integrity import Integrity
from pacs.archive.jobs import Jobs
from pacs.archive.machines import Machines
from pacs.archive.metadata import Metadata
from pacs.archive.query import QueryEngine
from pacs.archive.reception import Reception
from pacs.archive.removal import Removal
from pacs.archive.retrieve import Retrieval
from pacs.archive.scrub import Scrub
from pacs.archive.webhooks import Webhooks
from pacs.web.access import Access
from pacs.web.api.archive import ArchiveInfo, SpoolFacts, StorageRoom, no_spool
from pacs.web.api.changes import Changes
from pacs.web.api.conflicts import ConflictRoutes
from pacs.web.api.corrections import CorrectionRoutes
from pacs.web.api.integrity import IntegrityRoutes
from pacs.web.api.machines import MachineRoutes
from pacs.web.api.session import Sessions
from pacs.web.api.studies import Worklist
from pacs.web.api.trash import Trash
from pacs.web.api.webhooks import WebhookRoutes
from pacs.web.api.work import WorkRoutes
from pacs.web.body_limit import BodyLimit
from pacs.web.capabilities import CapabilitiesService
from pacs.web.change_feed import ChangeFeed
from pacs.web.config import WebConfig
from pacs.web.cors import cors_options
from pacs.web.health import Check, HealthService, Notice
from pacs.web.metrics import ArchiveGauges, MetricsService, RequestCounts, metrics_registry
from pacs.web.origins import Origins
from pacs.web.outer_edge import OuterEdge
from pacs.web.problems import add_problem_handlers
from pacs.web.qido import SearchService
from pacs.web.removal import RemovalService
from pacs.web.rendered import RenderService
from pacs.web.spool import SpoolService
from pacs.web.stow import StoreService
from pacs.web.viewer_files import ViewerFiles
from pacs.web.wado import RetrieveService
from pacs.web.wado_frames import FrameService
from pacs.web.wado_metadata import MetadataService
from pacs.web.wado_uri import UriService

_API = "/api"
_INGEST_THREADS = 8


@dataclass(frozen=True)
class WebServices:
    """What the door needs of the archive.

    readiness     what must be right before we say that we are ready, by name.
    storage_room  how much room the object store has, None when it cannot tell.
    notices       what somebody should know although we are ready, by name; None: nothing.
    spool         gives other nodes what waits in the spool of this one, None when it has none.
    spool_facts   how much waits there.
    """

    accounts: Accounts
    ingest: Ingest
    reception: Reception
    query: QueryEngine
    retrieval: Retrieval
    frames: Frames
    metadata: Metadata
    removal: Removal
    conflicts: Conflicts
    corrections: Corrections
    integrity: Integrity
    scrub: Scrub | None
    machines: Machines
    forwarding: Forwarding
    webhooks: Webhooks
    jobs: Jobs
    readiness: Mapping[str, Check]
    storage_room: Callable[[], StorageRoom | None]
    now: Callable[[], datetime]
    notices: Mapping[str, Notice] = field(default_factory=dict)
    spool: SpoolService | None = None
    spool_facts: Callable[[], SpoolFacts | None] = no_spool


@dataclass(frozen=True)
class WebApplication:
    """The ASGI application; end_streams() lets watchers go, to be called on its event loop."""

    asgi: FastAPI
    end_streams: Callable[[], None]


def create_app(services: WebServices, config: WebConfig) -> WebApplication:
    """Build the door. Nothing is opened or started before the server runs it."""
    origins = Origins(public_url=config.public_url)
    access = Access(credentials=services.accounts, origins=origins, sign_in=config.sign_in)
    feed = ChangeFeed(query=services.query)
    pool = ThreadPoolExecutor(_INGEST_THREADS, thread_name_prefix="stow")
    app = FastAPI(
        title="DICOM archive",
        version=config.version,
        openapi_url=f"{_API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(config, pool),
        # Traces would carry search terms, which name patients, out of the house.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, prefix=_API, max_bytes=config.limits.max_json_bytes)
    if config.cors_origins:
        app.add_middleware(CORSMiddleware, **cors_options(config.cors_origins))
    registry = metrics_registry(
        ArchiveGauges(
            version=config.version,
            readiness=services.readiness,
            storage_room=services.storage_room,
            spool_facts=services.spool_facts,
        )
    )
    app.add_middleware(OuterEdge, counts=RequestCounts(registry))
    add_problem_handlers(app)
    for router in _api(services, config, access=access, origins=origins, feed=feed):
        app.include_router(router, prefix=_API)
    app.mount("/dicom-web", _dicomweb(services, config, access=access, origins=origins, pool=pool))
    uri = UriService(retrieval=services.retrieval, frames=services.frames, access=access)
    app.router.routes.extend(uri.routes())
    app.router.routes.extend(HealthService(services.readiness, services.notices).routes())
    app.router.routes.extend(MetricsService(registry=registry, access=access).routes())
    if services.spool is not None:
        app.router.routes.extend(services.spool.routes())
    app.router.routes.append(Route("/{path:path}", ViewerFiles(config.viewer_folder).serve))
    return WebApplication(app, feed.close)


def _api(
    services: WebServices,
    config: WebConfig,
    *,
    access: Access,
    origins: Origins,
    feed: ChangeFeed,
) -> tuple[APIRouter, ...]:
    """The viewer's own interface."""
    sessions = Sessions(accounts=services.accounts, access=access, origins=origins)
    worklist = Worklist(query=services.query, access=access, now=services.now)
    changes = Changes(
        query=services.query, access=access, feed=feed, heartbeat_s=config.limits.heartbeat_s
    )
    info = ArchiveInfo(
        config=config,
        query=services.query,
        access=access,
        storage_room=services.storage_room,
        spool_facts=services.spool_facts,
    )
    trash = Trash(removal=services.removal, access=access)
    conflicts = ConflictRoutes(conflicts=services.conflicts, access=access)
    corrections = CorrectionRoutes(corrections=services.corrections, access=access)
    integrity = IntegrityRoutes(integrity=services.integrity, scrub=services.scrub, access=access)
    machines = MachineRoutes(machines=services.machines, access=access)
    work = WorkRoutes(
        forwarding=services.forwarding, jobs=services.jobs, access=access, now=services.now
    )
    webhooks = WebhookRoutes(webhooks=services.webhooks, access=access)
    parts = (sessions, worklist, changes, info, trash, machines, work, webhooks)
    care = (conflicts, corrections, integrity)
    return tuple(part.router() for part in (*parts, *care))


def _dicomweb(
    services: WebServices,
    config: WebConfig,
    *,
    access: Access,
    origins: Origins,
    pool: ThreadPoolExecutor,
) -> Router:
    """The DICOMweb service. Plain routes: its parameters are attributes, not fields of a form."""
    stow = StoreService(
        ingest=services.ingest,
        reception=services.reception,
        access=access,
        origins=origins,
        limits=config.limits,
        pool=pool,
    )
    qido = SearchService(query=services.query, access=access, origins=origins, limits=config.limits)
    wado = RetrieveService(retrieval=services.retrieval, access=access, origins=origins)
    metadata = MetadataService(
        retrieval=services.retrieval, metadata=services.metadata, access=access, origins=origins
    )
    frames = FrameService(
        retrieval=services.retrieval,
        frames=services.frames,
        metadata=services.metadata,
        access=access,
    )
    rendered = RenderService(retrieval=services.retrieval, frames=services.frames, access=access)
    removal = RemovalService(removal=services.removal, access=access)
    parts = (stow, qido, wado, metadata, frames, rendered, removal)
    routes = [route for part in parts for route in part.routes()]
    capabilities = CapabilitiesService(described=routes, origins=origins)
    return Router(routes=[*routes, *capabilities.routes()])


def _lifespan(
    config: WebConfig, pool: ThreadPoolExecutor
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = config.limits.threads
        yield
        pool.shutdown()

    return lifespan
