"""What the web door tells of the place where objects are kept: room, spool, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pacs.errors import StoreUnavailable
from pacs.storage.folder_objects import FolderObjects, Room
from pacs.web.api.archive import SpoolFacts, StorageRoom
from pacs.web.health import Notice
from pacs.web.spool import SpoolService
from pacs.wiring import Archive


def storage_room(archive: Archive) -> Callable[[], StorageRoom | None]:
    """How much room the disk of the objects has; an S3 service does not tell."""

    def room() -> StorageRoom | None:
        final = archive.stores.final
        return _told(final.room()) if isinstance(final, FolderObjects) else None

    return room


def notices(archive: Archive) -> Mapping[str, Notice]:
    """What somebody should know although the archive is ready."""
    told: dict[str, Notice] = {
        "disk": lambda: _little_room(archive),
        "audit": lambda: _owed_events(archive),
    }
    uploader = archive.uploader
    if uploader is not None:
        told["spool"] = lambda: uploader.trouble
    return told


def spool_service(archive: Archive) -> SpoolService | None:
    """What other nodes may ask of this one."""
    spool = archive.stores.spool
    if spool is None:
        return None
    return SpoolService(spool=spool, nodes=archive.nodes, now=archive.now)


def spool_facts(archive: Archive) -> Callable[[], SpoolFacts | None]:
    """How much waits in the spool, for the administrator."""

    def facts() -> SpoolFacts | None:
        spool, uploader = archive.stores.spool, archive.uploader
        if spool is None or uploader is None:
            return None
        state = uploader.state()
        return SpoolFacts(
            objects=state.waiting.objects,
            size_bytes=state.waiting.size_bytes,
            oldest=state.waiting.oldest,
            trouble=state.trouble,
            damaged=state.damaged,
            room=_told(spool.room()),
        )

    return facts


def _told(room: Room) -> StorageRoom:
    return StorageRoom(free_bytes=room.free_bytes, total_bytes=room.total_bytes)


def _little_room(archive: Archive) -> str | None:
    incoming = archive.stores.incoming
    if not isinstance(incoming, FolderObjects):
        return None
    try:
        room = incoming.room()
    except StoreUnavailable as error:
        return error.message
    if not room.is_little:
        return None
    return f"{room.free_bytes >> 20} MiB are free on the disk of the objects; make room soon"


def _owed_events(archive: Archive) -> str | None:
    owed = archive.auditor.owed
    return f"{owed} events wait to be written to the audit trail" if owed else None
