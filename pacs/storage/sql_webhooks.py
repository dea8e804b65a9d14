"""Whom to tell of changes and what they were told, in an SQL table: the WebhookStore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, select, update

from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_statement
from pacs.storage.sql_work_tables import webhooks
from pacs.webhooks import Webhook


class SqlWebhooks:
    """The WebhookStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, webhook: Webhook) -> None:
        values = asdict(webhook)
        changed = {name: values[name] for name in ("url", "secret", "enabled")}
        with self._database.writing() as connection:
            statement = insert_statement(connection, webhooks).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_=changed)
            )

    def remove(self, name: str) -> bool:
        with self._database.writing() as connection:
            done = connection.execute(delete(webhooks).where(webhooks.c.name == name))
        return bool(done.rowcount)

    def webhook(self, name: str) -> Webhook | None:
        with self._database.reading() as connection:
            row = connection.execute(select(webhooks).where(webhooks.c.name == name)).first()
        return _webhook(row) if row else None

    def webhooks(self) -> Sequence[Webhook]:
        with self._database.reading() as connection:
            rows = connection.execute(select(webhooks).order_by(webhooks.c.name)).all()
        return [_webhook(row) for row in rows]

    def move(self, name: str, position: int) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(webhooks)
                .where(webhooks.c.name == name, webhooks.c.position < position)
                .values(position=position)
            )


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        name=row.name,
        url=row.url,
        secret=row.secret,
        created=row.created,
        position=row.position,
        enabled=row.enabled,
    )
