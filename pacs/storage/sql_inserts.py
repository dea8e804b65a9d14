"""Inserting what may be there already, which each database spells in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert = postgresql.Insert | sqlite.Insert


def insert_statement(connection: Connection, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT."""
    return _insert_statement(connection.dialect.name, table)


def _insert_statement(dialect: str, table: Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_missing(
    connection: Connection,
    table: Table,
    values: Sequence[dict[str, Any]],
    *,
    unique: tuple[str, ...],
    returned: tuple[str, ...],
) -> Sequence[Row[Any]]:
    """Insert the rows whose unique columns are not there yet; returns columns of those inserted.

    Waits for a transaction that inserts the same at this moment.
    """
    if not values:
        return []
    statement = _insert_missing_statement(connection.dialect.name, table, unique, returned)
    return connection.execute(statement, list(values)).all()


@cache
def _insert_missing_statement(
    dialect: str, table: Table, unique: tuple[str, ...], returned: tuple[str, ...]
) -> Executable:
    """Made once for each use: making a statement costs more than running it."""
    statement = _insert_statement(dialect, table).on_conflict_do_nothing(index_elements=unique)
    return statement.returning(*(table.c[name] for name in returned))
