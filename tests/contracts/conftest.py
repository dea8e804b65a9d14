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
from pacs.storage.sql_schema import metadata
from tests.servers import PostgreSQLServer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'pacs.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def migrated_postgresql_url(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    with postgresql_server.fresh_database() as url:
        migrate(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with all tables and no rows. On PostgreSQL one is emptied for each test."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'pacs.db'}"
        migrate(url)
        return url
    shared: str = request.getfixturevalue("migrated_postgresql_url")
    with closing(Database(shared)) as database, database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return shared


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def index(database: Database) -> Iterator[SqlInstanceIndex]:
    opened = SqlInstanceIndex(database)
    yield opened
    opened.close()


@pytest.fixture
def query_index(database: Database) -> SqlQueryIndex:
    return SqlQueryIndex(database)
