"""Which schema a database has, and how it gets the one this program needs."""

from __future__ import annotations

import enum
import sqlite3
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from pacs.dicom.person_names import FOLD_VERSION
from pacs.errors import SchemaOutdated
from pacs.storage.sql_database import DEFAULT_DEADLINE_S, Database
from pacs.storage.sql_folding import fold_again, folded_by

_ADVISORY_LOCK = 0x70616373  # "pacs"; two programs that migrate at once take turns
_UNHURRIED_S = 24 * 3600.0
_STEPS = Path(__file__).parent / "migrations"


class SchemaState(enum.StrEnum):
    EMPTY = "empty"
    """no tables yet"""
    OLDER = "older"
    """an earlier version of this program made it"""
    CURRENT = "current"
    NEWER = "newer"
    """a later version of this program made it"""


def open_database(url: str, *, deadline_s: float = DEFAULT_DEADLINE_S) -> Database:
    """Open a database that has the schema this program needs.

    A SQLite file is made or brought up to date first, after copying it; PostgreSQL must have been
    brought up to date by `migrate`, because several nodes may use it.
    Raises SchemaOutdated, IndexUnavailable, SettingsInvalid.
    """
    database = Database(url, deadline_s=deadline_s)
    try:
        if database.is_sqlite:
            _migrate(database)
        check_schema(database)
    except BaseException:
        database.close()
        raise
    return database


def migrate(url: str, *, deadline_s: float = DEFAULT_DEADLINE_S) -> SchemaState:
    """Bring the schema up to date; tells what it was before. May run on several nodes at once.

    `deadline_s` is for finding the database; the work itself takes the time it takes.
    """
    with closing(Database(url, deadline_s=deadline_s)) as database:
        return _migrate(database)


def schema_state(database: Database) -> SchemaState:
    """Raises IndexUnavailable."""
    with database.reading() as connection:
        return _state(connection)


def check_schema(database: Database) -> None:
    """Raise SchemaOutdated with the sentence to type unless the schema is the one we need."""
    state = schema_state(database)
    if state is SchemaState.NEWER:
        raise SchemaOutdated(
            "the database was made by a newer version of this program; install that version"
        )
    if state is not SchemaState.CURRENT:
        raise SchemaOutdated(f"the schema of the database is {state}; run 'pacs migrate'")


def _migrate(database: Database) -> SchemaState:
    before = schema_state(database)
    if before not in {SchemaState.EMPTY, SchemaState.OLDER}:
        return before
    if database.file is not None and before is SchemaState.OLDER:
        _copy_aside(database.file, f"before-{_newest_revision()}-{FOLD_VERSION}")
    with closing(Database(database.url_text, deadline_s=_UNHURRIED_S)) as unhurried:
        _upgrade(unhurried)
    return before


def _upgrade(database: Database) -> None:
    with database.writing() as connection:
        if not database.is_sqlite:
            lock = text("SELECT pg_advisory_xact_lock(:key)")
            connection.execute(lock, {"key": _ADVISORY_LOCK})
        command.upgrade(_configuration(connection), "head")
        if folded_by(connection) != FOLD_VERSION:
            fold_again(connection)


def _state(connection: Connection) -> SchemaState:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return SchemaState.EMPTY if not inspect(connection).get_table_names() else SchemaState.OLDER
    if revision != _newest_revision():
        return SchemaState.OLDER if revision in _known_revisions() else SchemaState.NEWER
    folded = folded_by(connection)
    if folded == FOLD_VERSION:
        return SchemaState.CURRENT
    return SchemaState.OLDER if folded < FOLD_VERSION else SchemaState.NEWER


def _configuration(connection: Connection | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_configuration())


@cache
def _known_revisions() -> frozenset[str]:
    return frozenset(step.revision for step in _scripts().walk_revisions())


@cache
def _newest_revision() -> str:
    return str(_scripts().get_current_head())


def _copy_aside(file: Path, label: str) -> Path:
    """Copy a SQLite database, with all that is committed, beside itself."""
    copy = file.with_name(f"{file.name}.{label}")
    partial = file.with_name(f"{copy.name}.partial")
    with suppress(FileNotFoundError):
        partial.unlink()
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    partial.replace(copy)
    return copy
