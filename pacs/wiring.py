"""Where choices meet: settings become stores, engines and doors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from pacs.archive.accounts import Accounts
from pacs.archive.frames import Frames
from pacs.archive.ingest import Ingest
from pacs.archive.metadata import Metadata
from pacs.archive.query import QueryEngine
from pacs.archive.reception import Reception
from pacs.archive.retrieve import Retrieval
from pacs.audit import Auditor
from pacs.dicom.element_walk import HeaderLimits
from pacs.settings import Settings
from pacs.storage.folder_objects import FolderObjects
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectStore, PeerDirectory
from pacs.storage.s3_objects import S3Objects
from pacs.storage.sql_accounts import SqlAccounts
from pacs.storage.sql_audit import SqlAudit
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_migrations import open_database
from pacs.storage.sql_peers import SqlPeers
from pacs.storage.sql_query import SqlQueryIndex
from pacs.workers.decoding import DecodingPool, PoolLimits
from pacs.workers.process import ProcessLimits

_DEFAULT_REGION = "us-east-1"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Archive:
    """An opened installation without doors: everything a command or a door needs.

    close() ends the decoding processes and writes what waits; nothing acknowledged depends on it.
    """

    settings: Settings
    now: Callable[[], datetime]
    store: ObjectStore
    index: SqlInstanceIndex
    ingest: Ingest
    queries: QueryEngine
    retrieval: Retrieval
    frames: Frames
    metadata: Metadata
    accounts: Accounts
    peers: PeerDirectory
    auditor: Auditor
    reception: Reception
    close: Callable[[], None]


def open_archive(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    new_uuid: Callable[[], UUID] = uuid4,
) -> Archive:
    """Open database and store and build the engines on them.

    Raises SchemaOutdated, IndexUnavailable, StoreUnavailable, SettingsInvalid.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.index_url, deadline_s=settings.database_deadline_s)
    committer = Committer(database)
    index = SqlInstanceIndex(database, committer=committer, now=now)
    auditor = Auditor(SqlAudit(database, committer), now=now)
    store = _object_store(settings)
    reader = InstanceReader({store.name: store})
    decoder = _decoder(settings)
    reception = _reception(settings)

    def close() -> None:
        decoder.close()
        index.close()
        database.close()

    return Archive(
        settings=settings,
        now=now,
        store=store,
        index=index,
        ingest=Ingest(
            store=store,
            reader=reader,
            index=index,
            decoder=decoder,
            auditor=auditor,
            limits=_header_limits(settings),
            now=now,
            new_uuid=new_uuid,
        ),
        queries=QueryEngine(index=SqlQueryIndex(database), auditor=auditor),
        retrieval=Retrieval(
            index=index, reader=reader, decoder=decoder, auditor=auditor, spool=reception
        ),
        frames=Frames(reader=reader, decoder=decoder),
        metadata=Metadata(index=index, reader=reader),
        accounts=Accounts(store=SqlAccounts(database), auditor=auditor, now=now),
        peers=SqlPeers(database),
        auditor=auditor,
        reception=reception,
        close=close,
    )


def _object_store(settings: Settings) -> ObjectStore:
    if not settings.s3_endpoint:
        return FolderObjects(settings.data_dir / "objects")
    parts = urlsplit(settings.s3_endpoint)
    is_url = parts.scheme in ("http", "https")
    return S3Objects(
        parts.netloc if is_url else settings.s3_endpoint,
        settings.s3_bucket,
        access_key=settings.s3_access_key or "",
        secret_key=settings.s3_secret_key or "",
        region=settings.s3_region or _DEFAULT_REGION,
        secure=parts.scheme == "https" if is_url else settings.s3_secure,
        timeout_s=settings.store_deadline_s,
    )


def _decoder(settings: Settings) -> DecodingPool:
    return DecodingPool(
        limits=PoolLimits(workers=settings.decoder_workers),
        process_limits=ProcessLimits(
            memory_bytes=settings.decoder_memory_bytes, time_s=settings.decoder_deadline_s
        ),
    )


def _reception(settings: Settings) -> Reception:
    return Reception(
        folder=settings.data_dir / "incoming",
        memory_limit_bytes=settings.memory_per_instance_bytes,
        size_limit_bytes=settings.max_instance_bytes,
    )


def _header_limits(settings: Settings) -> HeaderLimits:
    return HeaderLimits(
        max_depth=settings.max_sequence_depth,
        max_elements=settings.max_elements,
        max_inflated_bytes=settings.max_inflated_bytes,
    )
