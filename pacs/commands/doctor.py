"""`pacs doctor`: what is set up and what is missing, in plain words."""

from __future__ import annotations

import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pacs.commands.doors import viewer_folder
from pacs.commands.session import archive_of
from pacs.errors import ArchiveError
from pacs.settings import Settings, is_loopback
from pacs.wiring import Archive

_LITTLE_ROOM_BYTES = 10 << 30


@dataclass(frozen=True)
class Finding:
    """good  False when somebody should do something about it."""

    good: bool
    sentence: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything a start depends on; nothing is changed but an index that is missing."""
    yield Finding(
        True, f"Python {platform.python_version()}, data in {settings.data_dir.resolve()}"
    )
    yield from _viewer()
    yield from _room(settings)
    yield from _archive(settings)
    yield from _reach(settings)
    yield _port("DICOM", settings.dicom_host, settings.dicom_port, "PACS_DICOM_PORT")
    yield _port("web", settings.http_host, settings.http_port, "PACS_HTTP_PORT")


def _viewer() -> Iterator[Finding]:
    built = (viewer_folder() / "index.html").exists()
    yield Finding(built, "the viewer is built" if built else "no viewer: type 'make viewer'")


def _room(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir if settings.data_dir.exists() else settings.data_dir.parent
    free = shutil.disk_usage(folder.resolve()).free
    enough = free >= _LITTLE_ROOM_BYTES
    advice = "" if enough else "; free some or add a disk before machines are told to wait"
    yield Finding(enough, f"{free / (1 << 30):.1f} GiB free in the data folder{advice}")


def _archive(settings: Settings) -> Iterator[Finding]:
    try:
        with archive_of(settings) as archive:
            yield _asked("database", archive.index.check_ready)
            yield _asked("object store", archive.store.check_ready)
            yield _users(archive)
            yield Finding(True, f"{len(archive.peers.peers())} machines are registered")
    except ArchiveError as error:
        yield Finding(False, f"the archive does not open: {error}")


def _asked(name: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except ArchiveError as error:
        return Finding(False, f"{name}: {error}")
    return Finding(True, f"the {name} answers")


def _users(archive: Archive) -> Finding:
    active = [user for user in archive.accounts.users() if not user.disabled]
    if active:
        return Finding(True, f"{len(active)} users can sign in")
    return Finding(True, "no users yet: the first start makes 'admin' with a random password")


def _reach(settings: Settings) -> Iterator[Finding]:
    if not is_loopback(settings.http_host) and settings.tls_cert is None:
        yield Finding(
            settings.public_url is not None and settings.public_url.startswith("https"),
            "the web port is open to the network without TLS; set PACS_TLS_CERT and PACS_TLS_KEY, "
            "or put a proxy with TLS before it and set PACS_PUBLIC_URL=https://...",
        )


def _port(name: str, host: str, port: int, setting: str) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(2)
        taken = port != 0 and probe.connect_ex((host, port)) == 0
    if taken:
        return Finding(True, f"something listens on {name} port {port} (the archive, if it runs)")
    return Finding(True, f"{name} port {port} is free; {setting} changes it")
