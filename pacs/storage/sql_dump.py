"""The whole index as rows of plain values and back, the same way on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Select, Table, delete, func, insert, select, text

from pacs.backups import KeptObject, Part, Row, Rows
from pacs.errors import RequestInvalid
from pacs.storage.object_keys import ledger_key
from pacs.storage.sql_database import Database, translated
from pacs.storage.sql_decision_tables import decisions
from pacs.storage.sql_schema import Moment, archive_facts, conflicts, instances, objects
from pacs.storage.sql_trash import DEAD
from pacs.storage.sql_work_tables import jobs

_UNHURRIED_S = 24 * 3600.0
_AT_ONCE = 500


class SqlDump:
    """The IndexDump. It has connections of its own: reading everything takes its time."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def look(self) -> Iterator[SqlLook]:
        with closing(Database(self._url, deadline_s=_UNHURRIED_S)) as database, translated():
            # SQLite shows a reader the same from its first look on; PostgreSQL must be asked to.
            level = {} if database.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            with database.engine.connect() as plain:
                connection = plain.execution_options(**level)
                with connection.begin():
                    yield SqlLook(connection)

    def first_in_use(self) -> str | None:
        with self.look() as look:
            return look.first_in_use()

    def load(self, rows: Rows, counters: Mapping[str, int]) -> None:
        with (
            closing(Database(self._url, deadline_s=_UNHURRIED_S)) as database,
            database.writing() as connection,
        ):
            used = SqlLook(connection).first_in_use()
            if used is not None:
                raise RequestInvalid(f"the database holds {used} already; give an empty one")
            connection.execute(delete(archive_facts))
            for table in _tables():
                _fill(connection, table, rows(table.name))
            for table in _tables():
                _go_on_counting(connection, table, counters.get(table.name, 0))


class SqlLook:
    """The IndexLook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # This is also the first look, from which on nothing changes.
        self.revision = str(MigrationContext.configure(connection).get_current_revision())

    @property
    def tables(self) -> Sequence[str]:
        return [str(table.name) for table in _tables()]

    def first_in_use(self) -> str | None:
        for table in _tables():
            if table is archive_facts:
                continue  # a new database knows some things about itself
            if self._connection.execute(select(table).limit(1)).first() is not None:
                return str(table.name)
        return None

    def rows(self, table: str) -> Iterator[Row]:
        [found] = [one for one in _tables() if one.name == table]
        for row in self._stream(select(found).order_by(*found.primary_key.columns)):
            yield {str(name): _plain(value) for name, value in row.items()}

    def counters(self) -> Mapping[str, int]:
        told = {str(table.name): _counted(self._connection, table) for table in _tables()}
        return {name: number for name, number in told.items() if number}

    def objects(self) -> Iterator[KeptObject]:
        last = None
        for row in self._stream(_objects_and_digests()):
            if row["key"] != last:
                last = row["key"]
                yield KeptObject(row["key"], row["store"], row["size_bytes"], _parts(row))

    def ledger_keys(self) -> Iterator[str]:
        for row in self._stream(select(decisions.c.at, decisions.c.decision_id)):
            yield ledger_key(row["at"], UUID(row["decision_id"]))

    def _stream(self, statement: Select[Any]) -> Iterator[Mapping[str, Any]]:
        options = {"yield_per": _AT_ONCE}
        for row in self._connection.execute(statement, execution_options=options):
            yield dict(row._mapping)


def _tables() -> list[Table]:
    """All, the decisions and jobs among them: each is known once its module is."""
    return list(jobs.metadata.sorted_tables)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _objects_and_digests() -> Select[Any]:
    """An object is held by an instance or a conflict; some only wait for somebody to look."""

    def either(name: str) -> Any:
        return func.coalesce(instances.c[name], conflicts.c[name]).label(name)

    names = ("offset", "head_size", "data_set_size", "head_sha256", "data_set_sha256")
    return (
        select(objects.c.key, objects.c.store, objects.c.size_bytes, *map(either, names))
        .outerjoin(instances, instances.c.object_row == objects.c.id)
        .outerjoin(conflicts, conflicts.c.object_row == objects.c.id)
        .where(objects.c.state != DEAD)
        .order_by(objects.c.key)
    )


def _parts(row: Mapping[str, Any]) -> tuple[Part, ...]:
    """Digests of all its bytes, or none."""
    if row["offset"] != 0 or row["head_size"] + row["data_set_size"] != row["size_bytes"]:
        return ()
    return (
        Part(row["head_size"], row["head_sha256"]),
        Part(row["data_set_size"], row["data_set_sha256"]),
    )


def _fill(connection: Connection, table: Table, rows: Iterator[Row]) -> None:
    moments = {column.name for column in table.columns if isinstance(column.type, Moment)}
    while page := list(itertools.islice(rows, _AT_ONCE)):
        connection.execute(insert(table), [_typed(row, moments) for row in page])


def _typed(row: Row, moments: set[str]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(str(value)) if name in moments and value else value
        for name, value in row.items()
    }


# --- numbers that must not be given twice --------------------------------------------------------


def _number_column(table: Table) -> str | None:
    [*keys] = table.primary_key.columns
    numbered = len(keys) == 1 and keys[0] is table.autoincrement_column
    return str(keys[0].name) if numbered else None


def _counted(connection: Connection, table: Table) -> int:
    column = _number_column(table)
    if column is None:
        return 0
    highest = connection.execute(select(func.max(table.c[column]))).scalar() or 0
    return max(int(highest), _last_given(connection, table, column))


def _last_given(connection: Connection, table: Table, column: str) -> int:
    if connection.dialect.name == "sqlite":
        asked = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(connection.execute(asked, {"name": table.name}).scalar() or 0)
    sequence = _sequence(connection, table, column)
    if sequence is None:
        return 0
    asked = text("SELECT pg_sequence_last_value(CAST(:sequence AS regclass))")
    return int(connection.execute(asked, {"sequence": sequence}).scalar() or 0)


def _go_on_counting(connection: Connection, table: Table, counter: int) -> None:
    column = _number_column(table)
    if column is None:
        return
    last = max(counter, _counted(connection, table))
    if last and connection.dialect.name == "postgresql":
        sequence = _sequence(connection, table, column)
        asked = text("SELECT setval(CAST(:sequence AS regclass), :last)")
        connection.execute(asked, {"sequence": sequence, "last": last})
    elif last and table.dialect_options["sqlite"]["autoincrement"]:
        given = {"name": table.name, "last": last}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), given)
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), given)


def _sequence(connection: Connection, table: Table, column: str) -> str | None:
    asked = text("SELECT pg_get_serial_sequence(:name, :column)")
    return connection.execute(asked, {"name": table.name, "column": column}).scalar()
