"""The part of the wiring that copies an archive and brings it back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pacs.archive.backup import Backup, BackupPlan
from pacs.archive.restoring import Restoring
from pacs.errors import RequestInvalid, StoreUnavailable
from pacs.settings import Settings
from pacs.storage.folder_objects import FolderObjects, make_durable_folder
from pacs.storage.sql_database import Database
from pacs.storage.sql_dump import SqlDump
from pacs.storage.sql_migrations import SchemaState, migrate, schema_state
from pacs.storage.stores import Stores
from pacs.wiring import Archive

_SECRETS = ("s3_access_key", "s3_secret_key")
_HIDDEN = "left out"


def build_backup(archive: Archive) -> Backup:
    return Backup(
        index=SqlDump(archive.settings.index_url),
        final=archive.stores.final,
        find=archive.stores.find,
        locate=lambda key: archive.spool_rows.stores_of((key,)).get(key),
        auditor=archive.auditor,
        now=archive.now,
    )


def build_restoring(archive: Archive, *, referred: Stores | None = None) -> Restoring:
    """referred  where objects are that were backed up by reference; left out: the archive's own."""
    return Restoring(
        index=SqlDump(archive.settings.index_url),
        final=archive.stores.final,
        find=(referred or archive.stores).find,
    )


def plan_backup(settings: Settings, to: Path, *, copies: bool, keep: int) -> BackupPlan:
    """What is to be copied where; makes the folder. Raises RequestInvalid, StoreUnavailable."""
    if to.resolve().is_relative_to(settings.data_dir.resolve()):
        raise RequestInvalid(f"{to} is in the data folder; give one on another disk")
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{to} cannot be made: {error.strerror}") from error
    return BackupPlan(
        to=to,
        objects=objects_of_backup(to),
        copies=copies,
        keep=keep,
        settings=_effective(settings),
        kept_elsewhere=_kept_elsewhere(settings),
    )


def prepare_empty(settings: Settings) -> None:
    """Give a new database its tables, and leave any other as it is."""
    make_durable_folder(settings.data_dir)
    with closing(Database(settings.index_url)) as database:
        state = schema_state(database)
    if state is SchemaState.EMPTY:
        migrate(settings.index_url)


def objects_of_backup(folder: Path) -> FolderObjects:
    return FolderObjects(folder / "objects", name="backup")


def _effective(settings: Settings) -> dict[str, Any]:
    """All settings as they are in effect, without what nobody else may know."""
    told: dict[str, Any] = settings.model_dump(mode="json")
    for name in _SECRETS:
        told[name] = _HIDDEN if told[name] else None
    told["database_url"] = _without_password(settings.database_url)
    return told


def _without_password(url: str | None) -> str | None:
    """Also what follows the question mark can hold one."""
    if url is None:
        return None
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    hidden = f"{user.partition(':')[0]}{at}{host}"
    return urlunsplit(parts._replace(netloc=hidden, query="")) if parts.netloc else url


def _kept_elsewhere(settings: Settings) -> list[str]:
    """What this backup does not hold and a new machine needs."""
    needed = ["pacs.toml or the PACS_ variables of the service; settings.json says what they were"]
    if settings.database_url:
        needed.append("PACS_DATABASE_URL, with the password of the database")
    if settings.s3_endpoint:
        needed.append("PACS_S3_ACCESS_KEY and PACS_S3_SECRET_KEY of the S3 service")
    if settings.tls_key:
        needed.append(f"PACS_TLS_KEY, the private key in {settings.tls_key}, and its certificate")
    for name in ("tls_client_ca", "tls_peer_ca"):
        path = getattr(settings, name)
        if path:
            needed.append(f"PACS_{name.upper()}, the certificates in {path}")
    return needed
