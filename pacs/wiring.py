"""Where choices meet: settings become stores, engines and doors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

from pacs.archive.accounts import Accounts
from pacs.archive.frames import Frames
from pacs.archive.ingest import Ingest
from pacs.archive.metadata import Metadata
from pacs.archive.query import QueryEngine
from pacs.archive.reception import Reception
from pacs.archive.retrieve import Retrieval
from pacs.archive.uploading import Uploader
from pacs.audit import Auditor
from pacs.dicom.element_walk import HeaderLimits
from pacs.nodes import NodeDirectory, SpoolRows
from pacs.settings import Settings
from pacs.storage.folder_objects import make_durable_folder
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectStore, PeerDirectory
from pacs.storage.sql_accounts import SqlAccounts
from pacs.storage.sql_audit import SqlAudit
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_integrity import SqlIntegrity
from pacs.storage.sql_migrations import open_database
from pacs.storage.sql_nodes import SqlNodes
from pacs.storage.sql_peers import SqlPeers
from pacs.storage.sql_query import SqlQueryIndex
from pacs.storage.sql_spool import SqlSpoolRows
from pacs.storage.stores import Stores
from pacs.wiring_care import Care, CareParts, build_care, noting_damage
from pacs.wiring_stores import build_uploader, open_stores
from pacs.wiring_work import Work, WorkParts, build_work
from pacs.workers.decoding import DecodingPool, PoolLimits
from pacs.workers.process import ProcessLimits


def utc_now() -> datetime:
    return datetime.now(UTC)


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
    query_index = SqlQueryIndex(database)
    auditor = Auditor(SqlAudit(database, committer), now=now)
    found = SqlIntegrity(database, committer, now)
    nodes, rows, peers = SqlNodes(database), SqlSpoolRows(database), SqlPeers(database)
    stores = open_stores(settings, nodes, now)
    reader = InstanceReader(
        stores.find, lambda key: rows.stores_of((key,)).get(key), noting_damage(found, now)
    )
    uploader = build_uploader(settings, stores, rows, reader)
    decoder, reception = _decoder(settings), _reception(settings)
    parts = CareParts(
        database=database,
        committer=committer,
        index=index,
        found=found,
        query=query_index,
        stores=stores,
        reader=reader,
        decoder=decoder,
        auditor=auditor,
        reception=reception,
        limits=_header_limits(settings),
        now=now,
        new_uuid=new_uuid,
    )
    care, retrieval = build_care(settings, parts), _retrieval(parts)
    work_parts = WorkParts(database, index, reader, peers, query_index, retrieval, auditor)
    return Archive(
        settings=settings,
        now=now,
        stores=stores,
        store=stores.final,
        index=index,
        nodes=nodes,
        spool_rows=rows,
        uploader=uploader,
        ingest=_ingest(parts, care),
        queries=QueryEngine(index=query_index, auditor=auditor),
        retrieval=retrieval,
        frames=Frames(reader=reader, decoder=decoder),
        metadata=Metadata(index=index, reader=reader),
        accounts=Accounts(store=SqlAccounts(database), auditor=auditor, now=now),
        peers=peers,
        auditor=auditor,
        reception=reception,
        care=care,
        work=build_work(settings, work_parts, now=now),
        close=_closing(*((uploader,) if uploader else ()), stores, decoder, index, database),
    )


class _Closes(Protocol):
    def close(self) -> None: ...


def _closing(*parts: _Closes) -> Callable[[], None]:
    def close() -> None:
        for part in parts:
            part.close()

    return close


def _retrieval(parts: CareParts) -> Retrieval:
    return Retrieval(
        index=parts.index,
        reader=parts.reader,
        decoder=parts.decoder,
        auditor=parts.auditor,
        spool=parts.reception,
    )


def _ingest(parts: CareParts, care: Care) -> Ingest:
    return Ingest(
        store=parts.stores.incoming,
        reader=parts.reader,
        index=parts.index,
        restore=care.removal.restore_sent_again,
        replace_object=parts.found.replace_object,
        set_aside=care.removal.set_aside,
        decoder=parts.decoder,
        auditor=parts.auditor,
        limits=parts.limits,
        now=parts.now,
        new_uuid=parts.new_uuid,
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
