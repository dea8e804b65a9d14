"""The connection to the database: how it is opened, read, written, and how its errors are said.

One `Database` is shared by all parts of a process that keep rows.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy import exc as sql_errors
from sqlalchemy.engine import URL

from pacs.errors import ArchiveError, IndexUnavailable, SchemaOutdated, SettingsInvalid
from pacs.storage.sql_watchdog import Watchdog

DEFAULT_DEADLINE_S = 10.0

WRITES: dict[str, Any] = {"pacs_writes": True}
"""Execution options of a connection whose transaction will write."""

_GRACE = 1.5
_NETWORK_LIMIT_S = 30
_POOL_SIZE = 8
_POOL_OVERFLOW = 32
_RETRY_STATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_MISSING_TABLE_STATES = frozenset({"42P01", "42703"})


class Database:
    """An open database. `deadline_s` bounds every statement, every wait for a lock or a connection,
    and, with some grace, every transaction."""

    def __init__(self, url: str, *, deadline_s: float = DEFAULT_DEADLINE_S) -> None:
        self.url = _checked_url(url)
        self.deadline_s = deadline_s
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _engine(self.url, deadline_s)
        self._watchdog = (
            None if self.is_sqlite else Watchdog(self._engine, limit_s=_GRACE * deadline_s)
        )
        # SQLite has one writer at a time: waiting here is fair, its own way is to poll.
        self._writer = threading.Lock() if self.is_sqlite else None

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def url_text(self) -> str:
        """The URL with its password: not for logs."""
        return self.url.render_as_string(hide_password=False)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look at the database. Raises IndexUnavailable, SchemaOutdated."""
        with translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: durable after the block, or nothing of it happened.

        Raises IndexUnavailable, SchemaOutdated.
        """
        with translated(), self._turn(), self._engine.connect() as connection:
            writer = connection.execution_options(**WRITES)
            with writer.begin():
                yield writer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other thread writes, where only one can."""
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=self.deadline_s):
            raise IndexUnavailable(f"another writer held the database for {self.deadline_s:g} s")
        try:
            yield
        finally:
            self._writer.release()

    def close(self) -> None:
        self._engine.dispose()
        if self._watchdog is not None:
            self._watchdog.close()


def is_worth_repeating(error: BaseException) -> bool:
    """Whether two writers got in each other's way and one had to step back."""
    return _sql_state(error) in _RETRY_STATES


@contextmanager
def translated() -> Iterator[None]:
    """Say errors of the database in the archive's words."""
    try:
        yield
    except sql_errors.TimeoutError as error:
        raise IndexUnavailable(
            "the database has no free connection; try again in a moment"
        ) from error
    except sql_errors.DBAPIError as error:
        found = _archive_error(error)
        if found is None:
            raise
        raise found from error


def _archive_error(error: sql_errors.DBAPIError) -> ArchiveError | None:
    """The archive's error, or None when the statement or its values are at fault."""
    text = str(error.orig).strip().partition("\n")[0]
    if _sql_state(error) in _MISSING_TABLE_STATES or text.startswith(
        ("no such table", "no such col")
    ):
        return SchemaOutdated(f"the database is not up to date ({text}); run 'pacs migrate'")
    if isinstance(error, sql_errors.IntegrityError | sql_errors.DataError):
        return None
    if isinstance(error, sql_errors.ProgrammingError) and not error.connection_invalidated:
        return None
    return IndexUnavailable(f"the database did not do its work: {text}")


def _sql_state(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        state = getattr(getattr(cause, "orig", None), "sqlstate", None)
        if state is not None:
            return str(state)
        cause = cause.__cause__
    return None


def _checked_url(text: str) -> URL:
    try:
        url = make_url(text)
    except sql_errors.ArgumentError as error:
        raise SettingsInvalid("PACS_DATABASE_URL is no database URL") from error
    backend = url.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise SettingsInvalid(
            f"PACS_DATABASE_URL names the database '{backend}'; "
            "use sqlite:///path or postgresql+psycopg://user@host/name"
        )
    if backend == "sqlite" and url.database in {None, "", ":memory:"}:
        raise SettingsInvalid("PACS_DATABASE_URL must name a file: sqlite:///path/to/pacs.db")
    if backend == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url


def _engine(url: URL, deadline_s: float) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        engine = create_engine(
            url,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            pool_timeout=deadline_s,
            connect_args=_sqlite_arguments() if is_sqlite else _postgresql_arguments(deadline_s),
        )
    except ModuleNotFoundError as error:
        raise SettingsInvalid(
            f"the driver of the database is missing ({error.name}); pip install 'pacs[postgres]'"
        ) from error
    if is_sqlite:
        _prepare_sqlite(engine, deadline_s)
    return engine


def _sqlite_arguments() -> dict[str, Any]:
    # isolation_level None: transactions are begun by us, not guessed by the driver.
    return {"isolation_level": None, "check_same_thread": False}


def _postgresql_arguments(deadline_s: float) -> dict[str, Any]:
    milliseconds = int(deadline_s * 1000)
    network_s = min(deadline_s, _NETWORK_LIMIT_S)
    return {
        "connect_timeout": max(2, int(network_s)),
        "keepalives_idle": max(1, int(network_s)),
        "keepalives_interval": max(1, int(network_s / 3)),
        "keepalives_count": 3,
        "tcp_user_timeout": milliseconds,
        "application_name": "pacs",
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
        f" -c idle_in_transaction_session_timeout={2 * milliseconds} -c timezone=UTC",
    }


def _prepare_sqlite(engine: Engine, deadline_s: float) -> None:
    pragmas = (
        # First of all: to change the journal mode, too, others may have to be waited for.
        f"PRAGMA busy_timeout={int(deadline_s * 1000)}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",  # a commit is on the disk when it returns
        "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY",
        "PRAGMA cache_size=-8000",
        "PRAGMA wal_autocheckpoint=4000",  # pages; seldom enough not to be felt while receiving
        "PRAGMA journal_size_limit=67108864",
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins by reading could find, later, that it may not write any more.
        writes = connection.get_execution_options().get("pacs_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
