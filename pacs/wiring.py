"""Where choices meet: settings become stores, engines and doors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from pacs.archive.accounts import Accounts
from pacs.archive.conflicts import Conflicts
from pacs.archive.corrections import Corrections
from pacs.archive.decisions import Decisions
from pacs.archive.frames import Frames
from pacs.archive.ingest import Ingest
from pacs.archive.integrity import Integrity
from pacs.archive.metadata import Metadata
from pacs.archive.query import QueryEngine
from pacs.archive.reception import Reception
from pacs.archive.records import ObjectsBack
from pacs.archive.reindexing import Reindexing
from pacs.archive.removal import Removal
from pacs.archive.repair import Repair
from pacs.archive.retrieve import Retrieval
from pacs.archive.scrub import Scrub
from pacs.archive.split_off import SplitOffs
from pacs.archive.uploading import Uploader
from pacs.audit import Auditor
from pacs.dicom.element_walk import HeaderLimits
from pacs.errors import ArchiveError, ObjectMissing, TryAgain
from pacs.findings import Finding, FindingKind
from pacs.nodes import NodeDirectory, SpoolRows
from pacs.settings import Settings, Spool
from pacs.storage.folder_objects import FolderObjects, make_durable_folder
from pacs.storage.instance_reader import InstanceReader, NoteDamage
from pacs.storage.interfaces import ObjectReader, ObjectStore, PeerDirectory, StoredBytes
from pacs.storage.node_spools import NodeSpool
from pacs.storage.s3_objects import S3Objects
from pacs.storage.spool_objects import SpoolObjects, node_name
from pacs.storage.sql_accounts import SqlAccounts
from pacs.storage.sql_audit import SqlAudit
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_database import Database
from pacs.storage.sql_decisions import SqlDecisions
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_integrity import SqlIntegrity
from pacs.storage.sql_migrations import open_database
from pacs.storage.sql_nodes import SqlNodes
from pacs.storage.sql_peers import SqlPeers
from pacs.storage.sql_query import SqlQueryIndex
from pacs.storage.sql_rebuild import SqlRebuild
from pacs.storage.sql_spool import SqlSpoolRows
from pacs.storage.stores import Stores
from pacs.wiring_work import Work, WorkParts, build_work
from pacs.workers.decoding import DecodingPool, PoolLimits
from pacs.workers.process import ProcessLimits

_DEFAULT_REGION = "us-east-1"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Care:
    """What keeps an archive right: decisions of people, checks, and what follows from both."""

    decisions: Decisions
    removal: Removal
    conflicts: Conflicts
    corrections: Corrections
    integrity: Integrity
    repair: Repair
    reindexing: Reindexing
    scrub: Scrub | None


@dataclass(frozen=True)
class Archive:
    """An opened installation without doors: everything a command or a door needs.

    close() ends the decoding processes and writes what waits; nothing acknowledged depends on it.
    """

    settings: Settings
    now: Callable[[], datetime]
    stores: Stores
    store: ObjectStore
    index: SqlInstanceIndex
    nodes: NodeDirectory
    spool_rows: SpoolRows
    uploader: Uploader | None
    ingest: Ingest
    queries: QueryEngine
    retrieval: Retrieval
    frames: Frames
    metadata: Metadata
    accounts: Accounts
    peers: PeerDirectory
    auditor: Auditor
    reception: Reception
    care: Care
    work: Work
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
    make_durable_folder(settings.data_dir)
    database = open_database(settings.index_url, deadline_s=settings.database_deadline_s)
    committer = Committer(database)
    index = SqlInstanceIndex(database, committer=committer, now=now)
    auditor = Auditor(SqlAudit(database, committer), now=now)
    nodes = SqlNodes(database)
    stores = _stores(settings, nodes, now)
    rows = SqlSpoolRows(database)
    reader = InstanceReader(
        stores.find,
        lambda key: rows.stores_of((key,)).get(key),
        _noting(SqlIntegrity(database, committer, now), now),
    )
    uploader = _uploader(settings, stores, rows, reader)
    decoder = _decoder(settings)
    reception = _reception(settings)
    care = _care(
        settings,
        _Parts(database, committer, index, stores, reader, decoder, auditor, reception),
        now=now,
        new_uuid=new_uuid,
    )

    peers = SqlPeers(database)
    retrieval = Retrieval(
        index=index, reader=reader, decoder=decoder, auditor=auditor, spool=reception
    )
    query_index = SqlQueryIndex(database)
    parts = WorkParts(database, index, reader, peers, query_index, retrieval, auditor)
    work = build_work(settings, parts, now=now)

    def close() -> None:
        if uploader is not None:
            uploader.close()
        stores.close()
        decoder.close()
        index.close()
        database.close()

    return Archive(
        settings=settings,
        now=now,
        stores=stores,
        store=stores.final,
        index=index,
        nodes=nodes,
        spool_rows=rows,
        uploader=uploader,
        ingest=Ingest(
            store=stores.incoming,
            reader=reader,
            index=index,
            restore=care.removal.restore_sent_again,
            replace_object=SqlIntegrity(database, committer, now).replace_object,
            set_aside=care.removal.set_aside,
            decoder=decoder,
            auditor=auditor,
            limits=_header_limits(settings),
            now=now,
            new_uuid=new_uuid,
        ),
        queries=QueryEngine(index=query_index, auditor=auditor),
        retrieval=retrieval,
        frames=Frames(reader=reader, decoder=decoder),
        metadata=Metadata(index=index, reader=reader),
        accounts=Accounts(store=SqlAccounts(database), auditor=auditor, now=now),
        peers=peers,
        auditor=auditor,
        reception=reception,
        care=care,
        work=work,
        close=close,
    )


@dataclass(frozen=True)
class _Parts:
    """What is opened once and shared."""

    database: Database
    committer: Committer
    index: SqlInstanceIndex
    stores: Stores
    reader: InstanceReader
    decoder: DecodingPool
    auditor: Auditor
    reception: Reception


def _care(
    settings: Settings,
    parts: _Parts,
    *,
    now: Callable[[], datetime],
    new_uuid: Callable[[], UUID],
) -> Care:
    own = parts.stores.own
    objects = ObjectsBack(parts.stores.find, spool=parts.reception, limits=_header_limits(settings))
    rows = SqlDecisions(parts.database, parts.committer, now)
    found = SqlIntegrity(parts.database, parts.committer, now)
    splits = SplitOffs(
        store=parts.stores.final,
        index=rows,
        reader=parts.reader,
        objects=objects,
        now=now,
        new_uuid=new_uuid,
    )
    decisions = Decisions(
        store=parts.stores.final,
        index=rows,
        objects=objects,
        split_off=splits.write,
        auditor=parts.auditor,
        now=now,
        new_uuid=new_uuid,
    )
    integrity = Integrity(
        index=found, stores=own, reader=parts.reader, decisions=decisions, now=now
    )
    removal = Removal(
        decisions=decisions, index=parts.index, decision_index=rows, stores=own, now=now
    )
    return Care(
        decisions=decisions,
        removal=removal,
        conflicts=Conflicts(
            index=parts.index,
            decisions=decisions,
            splits=splits,
            reader=parts.reader,
            objects=objects,
            decoder=parts.decoder,
            auditor=parts.auditor,
        ),
        corrections=Corrections(decisions=decisions, query=SqlQueryIndex(parts.database)),
        integrity=integrity,
        repair=Repair(
            index=parts.index,
            integrity_index=found,
            stores=own,
            reader=parts.reader,
            objects=objects,
            decisions=decisions,
            set_aside=removal.set_aside,
            now=now,
            new_uuid=new_uuid,
        ),
        reindexing=Reindexing(
            index=parts.index,
            rebuild=SqlRebuild(parts.database),
            stores=own,
            objects=objects,
            decisions=decisions,
            now=now,
        ),
        scrub=Scrub(
            integrity=integrity,
            index=found,
            stores=own,
            bytes_per_s=settings.scrub_mb_per_s * 1_000_000,
            now=now,
        )
        if settings.scrub_mb_per_s
        else None,
    )


def _noting(found: SqlIntegrity, now: Callable[[], datetime]) -> NoteDamage:
    """What a reader met becomes a finding, as long as a row still names the object."""

    def note(stored: StoredBytes, error: ArchiveError) -> None:
        missing = isinstance(error, ObjectMissing)
        kind = FindingKind.MISSING if missing else FindingKind.DAMAGED
        with suppress(TryAgain):
            held = found.still_held(stored.key)
            if held is not None:
                finding = Finding(kind, stored.key, str(error), held.sop_instance_uid)
                found.note([finding], now())

    return note


def _stores(settings: Settings, nodes: NodeDirectory, now: Callable[[], datetime]) -> Stores:
    def find_spool(node: str) -> ObjectReader:
        return NodeSpool(node, nodes, now=now, timeout_s=settings.store_deadline_s)

    folder = settings.data_dir / "objects"
    if not settings.s3_endpoint:
        objects = FolderObjects(folder, reserve_bytes=settings.reserve_bytes)
        return Stores(objects, find_spool=find_spool)
    # What an installation kept before it had S3 stays readable.
    former = (FolderObjects(folder),) if folder.exists() else ()
    return Stores(_s3(settings), spool=_spool(settings), former=former, find_spool=find_spool)


def _spool(settings: Settings) -> SpoolObjects | None:
    """This node's spool; one that was switched off is still emptied."""
    folder = settings.data_dir / "spool"
    if settings.spool is Spool.OFF and not folder.exists():
        return None
    return SpoolObjects(
        folder,
        node=node_name(settings.data_dir),
        reserve_bytes=settings.reserve_bytes,
        takes=settings.spool is Spool.ON,
    )


def _uploader(
    settings: Settings, stores: Stores, rows: SpoolRows, reader: InstanceReader
) -> Uploader | None:
    if stores.spool is None:
        return None
    return Uploader(
        spool=stores.spool,
        target=stores.final,
        rows=rows,
        reader=reader,
        workers=settings.upload_workers,
    )


def _s3(settings: Settings) -> S3Objects:
    parts = urlsplit(settings.s3_endpoint or "")
    is_url = parts.scheme in ("http", "https")
    return S3Objects(
        parts.netloc if is_url else settings.s3_endpoint or "",
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
