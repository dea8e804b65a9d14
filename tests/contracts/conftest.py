"""The databases that the contracts of the index are asked of: SQLite and PostgreSQL, both real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pacs.storage.sql_database import Database
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_migrations import migrate, open_database
from pacs.storage.sql_query import SqlQueryIndex
from pacs.storage.sql_schema import archive_facts, metadata
from tests.servers import PostgreSQLServer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'pacs.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """One database of each kind per run, so that statements are prepared once."""
    if request.param == "sqlite":
        with closing(
            open_database(f"sqlite:///{tmp_path_factory.mktemp('sql')}/pacs.db")
        ) as shared:
            yield shared
        return
    server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
    with server.fresh_database() as url:
        migrate(url)
        with closing(open_database(url)) as shared:
            yield shared


@pytest.fixture
def database(shared_database: Database) -> Database:
    """A database with all tables and no rows."""
    with shared_database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is archive_facts:
                continue
            connection.execute(table.delete())
    return shared_database


@pytest.fixture
def index(database: Database) -> Iterator[SqlInstanceIndex]:
    with closing(SqlInstanceIndex(database)) as opened:
        yield opened


@pytest.fixture
def query_index(database: Database) -> SqlQueryIndex:
    return SqlQueryIndex(database)
