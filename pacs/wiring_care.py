"""The part of the wiring that keeps an archive right: decisions, checks, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pacs.archive.conflicts import Conflicts
from pacs.archive.corrections import Corrections
from pacs.archive.decisions import Decisions
from pacs.archive.integrity import Integrity
from pacs.archive.reception import Reception
from pacs.archive.records import ObjectsBack
from pacs.archive.reindexing import Reindexing
from pacs.archive.removal import Removal
from pacs.archive.repair import Repair
from pacs.archive.scrub import Scrub
from pacs.archive.split_off import SplitOffs
from pacs.audit import Auditor
from pacs.dicom.element_walk import HeaderLimits
from pacs.errors import ArchiveError, ObjectMissing, TryAgain
from pacs.findings import Finding, FindingKind
from pacs.pixels.interfaces import PixelDecoder
from pacs.settings import Settings
from pacs.storage.instance_reader import InstanceReader, NoteDamage
from pacs.storage.interfaces import QueryIndex, StoredBytes
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_database import Database
from pacs.storage.sql_decisions import SqlDecisions
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_integrity import SqlIntegrity
from pacs.storage.sql_rebuild import SqlRebuild
from pacs.storage.stores import Stores


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
class CareParts:
    """What of the archive this needs."""

    database: Database
    committer: Committer
    index: SqlInstanceIndex
    found: SqlIntegrity
    query: QueryIndex
    stores: Stores
    reader: InstanceReader
    decoder: PixelDecoder
    auditor: Auditor
    reception: Reception
    limits: HeaderLimits
    now: Callable[[], datetime]
    new_uuid: Callable[[], UUID]


@dataclass(frozen=True)
class _Deciding:
    """What decisions are made of."""

    rows: SqlDecisions
    objects: ObjectsBack
    splits: SplitOffs
    decisions: Decisions
    removal: Removal


def build_care(settings: Settings, parts: CareParts) -> Care:
    """Nothing is looked at before somebody asks, or starts the scrub."""
    deciding = _deciding(parts)
    decisions = deciding.decisions
    own = parts.stores.own
    integrity = Integrity(
        index=parts.found, stores=own, reader=parts.reader, decisions=decisions, now=parts.now
    )
    return Care(
        decisions=decisions,
        removal=deciding.removal,
        conflicts=Conflicts(
            index=parts.index,
            decisions=decisions,
            splits=deciding.splits,
            reader=parts.reader,
            objects=deciding.objects,
            decoder=parts.decoder,
            auditor=parts.auditor,
        ),
        corrections=Corrections(decisions=decisions, query=parts.query),
        integrity=integrity,
        repair=_repair(parts, deciding),
        reindexing=Reindexing(
            index=parts.index,
            rebuild=SqlRebuild(parts.database),
            stores=own,
            objects=deciding.objects,
            decisions=decisions,
            now=parts.now,
        ),
        scrub=_scrub(settings, parts, integrity),
    )


def _deciding(parts: CareParts) -> _Deciding:
    objects = ObjectsBack(parts.stores.find, spool=parts.reception, limits=parts.limits)
    rows = SqlDecisions(parts.database, parts.committer, parts.now)
    splits = SplitOffs(
        store=parts.stores.final,
        index=rows,
        reader=parts.reader,
        objects=objects,
        now=parts.now,
        new_uuid=parts.new_uuid,
    )
    decisions = Decisions(
        store=parts.stores.final,
        index=rows,
        objects=objects,
        split_off=splits.write,
        auditor=parts.auditor,
        now=parts.now,
        new_uuid=parts.new_uuid,
    )
    removal = Removal(
        decisions=decisions,
        index=parts.index,
        decision_index=rows,
        stores=parts.stores.own,
        now=parts.now,
    )
    return _Deciding(rows, objects, splits, decisions, removal)


def _repair(parts: CareParts, deciding: _Deciding) -> Repair:
    return Repair(
        index=parts.index,
        integrity_index=parts.found,
        stores=parts.stores.own,
        reader=parts.reader,
        objects=deciding.objects,
        decisions=deciding.decisions,
        set_aside=deciding.removal.set_aside,
        now=parts.now,
        new_uuid=parts.new_uuid,
    )


def _scrub(settings: Settings, parts: CareParts, integrity: Integrity) -> Scrub | None:
    if not settings.scrub_mb_per_s:
        return None
    return Scrub(
        integrity=integrity,
        index=parts.found,
        stores=parts.stores.own,
        bytes_per_s=settings.scrub_mb_per_s * 1_000_000,
        now=parts.now,
    )


def noting_damage(found: SqlIntegrity, now: Callable[[], datetime]) -> NoteDamage:
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
