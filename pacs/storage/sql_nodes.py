"""The nodes of an archive and the secret they share, in SQL tables: the NodeDirectory."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, select

from pacs.nodes import Node
from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_missing, insert_statement
from pacs.storage.sql_schema import archive_facts, nodes

_SECRET = "node secret"  # noqa: S105  the name of a fact, not a secret


class SqlNodes:
    """The NodeDirectory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, node: Node) -> None:
        values = {"name": node.name, "url": node.url, "last_seen": node.last_seen}
        with self._database.writing() as connection:
            statement = insert_statement(connection, nodes).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_=values)
            )

    def node(self, name: str) -> Node | None:
        with self._database.reading() as connection:
            row = connection.execute(select(nodes).where(nodes.c.name == name)).first()
        return Node(row.name, row.url, row.last_seen) if row else None

    def nodes(self) -> Sequence[Node]:
        with self._database.reading() as connection:
            rows = connection.execute(select(nodes).order_by(nodes.c.name)).all()
        return [Node(row.name, row.url, row.last_seen) for row in rows]

    def secret(self) -> bytes:
        with self._database.reading() as connection:
            known = _secret(connection)
        if known is not None:
            return known.encode()
        with self._database.writing() as connection:
            made = [{"name": _SECRET, "value": secrets.token_hex(32)}]
            insert_missing(connection, archive_facts, made, unique=("name",), returned=("name",))
            return str(_secret(connection)).encode()


def _secret(connection: Connection) -> str | None:
    statement = select(archive_facts.c.value).where(archive_facts.c.name == _SECRET)
    return connection.execute(statement).scalar()
