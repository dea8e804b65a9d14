"""The tables come from the migrations and are those the code expects; others are refused."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text, update

from pacs.dicom.hierarchy import Level
from pacs.dicom.matching import Query
from pacs.dicom.person_names import FOLD_VERSION
from pacs.errors import IndexUnavailable, SchemaOutdated, SettingsInvalid
from pacs.scope import system_scope
from pacs.storage.sql_database import Database
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_migrations import SchemaState, migrate, open_database, schema_state
from pacs.storage.sql_query import SqlQueryIndex
from pacs.storage.sql_schema import metadata, studies
from pacs.storage.sql_work_tables import jobs
from tests.contracts.records import record


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'pacs.db'}"


def test_the_tables_of_all_modules_are_compared() -> None:
    assert jobs.metadata is metadata


def described(connection: Connection) -> dict[str, Any]:
    """All that matters of the tables, in a form that can be compared."""
    found = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(table)
            },
            "primary key": found.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(
                tuple(unique["column_names"]) for unique in found.get_unique_constraints(table)
            ),
            "foreign keys": sorted(
                (tuple(key["constrained_columns"]), key["referred_table"])
                for key in found.get_foreign_keys(table)
            ),
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def index_statements(connection: Connection) -> set[str]:
    """How the database itself spells its indexes."""
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = (
            "SELECT indexdef FROM pg_indexes"
            " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
    return set(connection.execute(text(query)).scalars())


def test_the_migrations_make_the_tables_that_the_code_expects(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with closing(Database(empty_database_url)) as database:
        with database.reading() as connection:
            migrated, migrated_indexes = described(connection), index_statements(connection)
        with database.writing() as connection:
            metadata.drop_all(connection)
            metadata.create_all(connection)
        with database.reading() as connection:
            expected, expected_indexes = described(connection), index_statements(connection)

    assert migrated == expected
    assert migrated_indexes == expected_indexes


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    assert migrate(empty_database_url) is SchemaState.EMPTY
    assert migrate(empty_database_url) is SchemaState.CURRENT


def test_two_programs_may_migrate_at_once(empty_database_url: str) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(empty_database_url)
        except BaseException as error:  # noqa: BLE001  told to the test
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with closing(open_database(empty_database_url)) as database:
        assert schema_state(database) is SchemaState.CURRENT


def test_sqlite_is_made_ready_when_it_is_opened(sqlite_url: str) -> None:
    with closing(open_database(sqlite_url)) as database:
        assert schema_state(database) is SchemaState.CURRENT


def test_postgresql_without_tables_is_refused_with_the_sentence_to_type(
    postgresql_url: str,
) -> None:
    with pytest.raises(SchemaOutdated, match="run 'pacs migrate'"):
        open_database(postgresql_url)


def test_a_schema_from_the_future_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with closing(Database(empty_database_url)) as database, database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaOutdated, match="newer version"):
        open_database(empty_database_url)


def test_a_table_that_vanished_is_said_to_be_outdated(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with closing(open_database(empty_database_url)) as database:
        index = SqlInstanceIndex(database)
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE instances RENAME TO other"))

        with closing(index), pytest.raises(SchemaOutdated):
            index.find("1.2.3")


@pytest.fixture
def folded_by_an_older_version(empty_database_url: str) -> str:
    """A database whose names were folded by an earlier version of this program."""
    migrate(empty_database_url)
    with closing(open_database(empty_database_url)) as database:
        with closing(SqlInstanceIndex(database)) as index:
            index.add(record(PatientName="Đỗ^Văn An", OperatorsName=("Lê^Bình",)))
        with database.writing() as connection:
            connection.execute(update(studies).values(patient_name_folded="old"))
            connection.execute(text("DELETE FROM name_words"))
            older = {"version": str(FOLD_VERSION - 1)}
            statement = "UPDATE archive_facts SET value = :version WHERE name = 'fold_version'"
            connection.execute(text(statement), older)
    return empty_database_url


def test_names_are_folded_again_when_folding_has_changed(folded_by_an_older_version: str) -> None:
    assert migrate(folded_by_an_older_version) is SchemaState.OLDER

    with closing(open_database(folded_by_an_older_version)) as database:
        found = SqlQueryIndex(database).search(
            Query(Level.STUDY, search_words=("do", "an")), system_scope()
        )
        with database.reading() as connection:
            folded = connection.execute(text("SELECT patient_name_folded FROM studies")).scalar()
    assert len(found.matches) == 1
    assert folded == "=do^van an=do van an="


def test_sqlite_is_copied_before_it_is_changed(sqlite_url: str, tmp_path: Path) -> None:
    added = record(PatientName="Đỗ^An")
    with closing(open_database(sqlite_url)) as database:
        with closing(SqlInstanceIndex(database)) as index:
            index.add(added)
        with database.writing() as connection:
            connection.execute(text("UPDATE archive_facts SET value = '0'"))

    open_database(sqlite_url).close()

    [copy] = tmp_path.glob("pacs.db.before-*")
    with closing(sqlite3.connect(copy)) as connection_to_copy:
        [(uid,)] = connection_to_copy.execute("SELECT sop_instance_uid FROM instances").fetchall()
        [(version,)] = connection_to_copy.execute("SELECT value FROM archive_facts").fetchall()
    assert (uid, version) == (added.identity.sop_instance_uid, "0")


def test_a_new_sqlite_file_is_not_copied(sqlite_url: str, tmp_path: Path) -> None:
    open_database(sqlite_url).close()

    assert list(tmp_path.glob("*before*")) == []


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"]
)
def test_what_cannot_be_a_database_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="PACS_DATABASE_URL"):
        open_database(url)


def test_a_database_that_is_away_is_unavailable() -> None:
    with pytest.raises(IndexUnavailable):
        open_database("postgresql+psycopg://nobody@127.0.0.1:1/none", deadline_s=1)


def test_a_file_that_is_no_database_is_unavailable(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "pacs.db").write_bytes(b"this is no database" * 1000)

    with pytest.raises(IndexUnavailable):
        open_database(sqlite_url)
