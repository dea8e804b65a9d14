"""Inserting what may be there already, which each database spells in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_statement(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_missing(
    connection: Connection,
    table: Table,
    values: Sequence[dict[str, Any]],
    *,
    unique: Sequence[str],
    returned: Sequence[str],
) -> Sequence[Row[Any]]:
    """Insert the rows whose unique columns are not there yet; returns columns of those inserted.

    Waits for a transaction that inserts the same at this moment.
    """
    if not values:
        return []
    statement = insert_statement(connection, table).on_conflict_do_nothing(index_elements=unique)
    columns = [table.c[name] for name in returned]
    return connection.execute(statement.returning(*columns), list(values)).all()
