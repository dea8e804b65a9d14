"""What `pacs serve` does beside answering: empties the spool, tells that the node is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from socket import getfqdn

import structlog

from pacs.archive.uploading import Uploader
from pacs.commands.steps import Background, Step
from pacs.commands.working import start_working
from pacs.errors import ArchiveError
from pacs.nodes import Node, NodeDirectory
from pacs.settings import Settings
from pacs.storage.spool_objects import SpoolObjects
from pacs.wiring import Archive

log = structlog.get_logger(__name__)

_ANNOUNCE_EVERY_S = 15.0
_LOOK_EVERY_S = 0.5
_REMOVE_EVERY_S = 3600.0
_ANOTHER_UPLOADS_S = 10.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  recognised, not listened on


@contextmanager
def background_of(
    archive: Archive, http_port: int | None, *, does_jobs: bool = True
) -> Iterator[None]:
    """Work in the background as long as the context lasts.

    http_port  where other nodes may ask us, None when this process has no web door.
    does_jobs  whether this process takes jobs, too.
    """
    running = []
    if does_jobs:
        running += start_working(archive.work, threads=archive.settings.job_workers)
    spool = archive.stores.spool
    if spool is not None and archive.uploader is not None:
        running.append(Background("uploading", Uploading(archive.uploader, spool)))
        if http_port is not None:
            url = node_url(archive.settings, http_port)
            step = announcing(archive.nodes, spool.node, url, archive.now)
            running.append(Background("announcing", step))
    running.append(Background("removing", _removing(archive)))
    scrub = archive.care.scrub
    if scrub is not None:
        scrub.start()
    try:
        yield
    finally:
        if scrub is not None:
            scrub.stop()
        archive.work.jobs.stop()
        for one in running:
            one.stop()


def _removing(archive: Archive) -> Step:
    """A step that deletes the objects of emptied trash once their grace time is over."""

    def remove() -> float:
        count = archive.care.removal.collect()
        if count:
            log.info("objects of emptied trash deleted", count=count)
        return _REMOVE_EVERY_S

    return remove


class Uploading:
    """A step that empties the spool, and waits longer and longer while the other side is away."""

    def __init__(self, uploader: Uploader, spool: SpoolObjects) -> None:
        self._uploader = uploader
        self._spool = spool
        self._swept = False
        self._pause_s = _FIRST_PAUSE_S
        self._damaged: frozenset[str] = frozenset()
        self._room_is_little = False

    def __call__(self) -> float:
        try:
            if not self._spool.claim_upload():
                return _ANOTHER_UPLOADS_S
            self._tell_room()
            if not self._swept:
                self._uploader.sweep()
                self._swept = True
            self._uploader.upload_waiting()
        except ArchiveError as error:
            return self._after_failure(error)
        self._after_success()
        return _LOOK_EVERY_S

    def _after_failure(self, error: ArchiveError) -> float:
        pause_s = self._pause_s
        if pause_s == _FIRST_PAUSE_S:
            log.warning("objects wait in the spool", why=error.message)
        self._pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return pause_s

    def _after_success(self) -> None:
        if self._pause_s != _FIRST_PAUSE_S:
            self._pause_s = _FIRST_PAUSE_S
            log.info("objects leave the spool again")
        damaged = self._uploader.damaged
        for key in damaged - self._damaged:
            log.error("an object in the spool is damaged; run 'pacs check'", key=key)
        self._damaged = damaged

    def _tell_room(self) -> None:
        room = self._spool.room()
        if room.is_little and not self._room_is_little:
            log.warning("little room is left for the spool", free_bytes=room.free_bytes)
        self._room_is_little = room.is_little


def announcing(nodes: NodeDirectory, name: str, url: str, now: Callable[[], datetime]) -> Step:
    """A step that says that this node is there and how it is reached."""

    def announce() -> float:
        try:
            nodes.announce(Node(name, url, now()))
        except ArchiveError as error:
            log.warning("the node could not be announced", why=error.message)
        return _ANNOUNCE_EVERY_S

    return announce


def node_url(settings: Settings, http_port: int) -> str:
    """How other nodes reach the web door of this one."""
    if settings.node_url is not None:
        return settings.node_url
    host = settings.http_host
    if host in _EVERY_ADDRESS:
        host = getfqdn()
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{http_port}"
