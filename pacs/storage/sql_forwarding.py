"""Forwarding rules, what was sent, and how far the feed was followed: the ForwardingStore."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select

from pacs.forwarding import Conditions, Rule, Sent, parse_time_of_day
from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_statement
from pacs.storage.sql_schema import archive_facts
from pacs.storage.sql_work_tables import forwarding_rules, sent_instances

_POSITION = "forwarding position"
_AT_ONCE = 500


class SqlForwarding:
    """The ForwardingStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_rule(self, rule: Rule) -> None:
        values = {
            "name": rule.name,
            "ae_title": rule.ae_title,
            "conditions": _written(rule.conditions),
            "enabled": rule.enabled,
            "created": rule.created,
        }
        with self._database.writing() as connection:
            statement = insert_statement(connection, forwarding_rules).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_=values)
            )

    def remove_rule(self, name: str) -> bool:
        with self._database.writing() as connection:
            statement = delete(forwarding_rules).where(forwarding_rules.c.name == name)
            return bool(connection.execute(statement).rowcount)

    def rules(self) -> Sequence[Rule]:
        statement = select(forwarding_rules).order_by(forwarding_rules.c.name)
        with self._database.reading() as connection:
            return [_rule(row) for row in connection.execute(statement)]

    def position(self) -> int | None:
        statement = select(archive_facts.c.value).where(archive_facts.c.name == _POSITION)
        with self._database.reading() as connection:
            value = connection.execute(statement).scalar()
        return None if value is None else int(value)

    def move_position(self, cursor: int) -> None:
        values = {"name": _POSITION, "value": str(cursor)}
        with self._database.writing() as connection:
            statement = insert_statement(connection, archive_facts).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_=values)
            )

    def sent(self, ae_title: str, sop_instance_uids: Iterable[str]) -> Mapping[str, Sent]:
        wanted = list(sop_instance_uids)
        found: dict[str, Sent] = {}
        with self._database.reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                statement = select(sent_instances).where(
                    sent_instances.c.ae_title == ae_title,
                    sent_instances.c.sop_instance_uid.in_(wanted[start : start + _AT_ONCE]),
                )
                for row in connection.execute(statement):
                    found[row.sop_instance_uid] = Sent(row.data_set_sha256, row.at)
        return found

    def note_sent(self, ae_title: str, digests: Mapping[str, str], at: datetime) -> None:
        if not digests:
            return
        values = [
            {"ae_title": ae_title, "sop_instance_uid": uid, "data_set_sha256": digest, "at": at}
            for uid, digest in sorted(digests.items())
        ]
        with self._database.writing() as connection:
            statement = insert_statement(connection, sent_instances)
            newer = {name: statement.excluded[name] for name in ("data_set_sha256", "at")}
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["ae_title", "sop_instance_uid"], set_=newer
                ),
                values,
            )


def _written(conditions: Conditions) -> str:
    return json.dumps(
        {
            "calling_ae_titles": conditions.calling_ae_titles,
            "modalities": conditions.modalities,
            "station_names": conditions.station_names,
            "institution_names": conditions.institution_names,
            "received": str(conditions.received) if conditions.received else None,
        },
        ensure_ascii=False,
    )


def _rule(row: Row[Any]) -> Rule:
    found = json.loads(row.conditions)
    received = found.pop("received")
    lists = {name: tuple(values) for name, values in found.items()}
    conditions = Conditions(received=parse_time_of_day(received) if received else None, **lists)
    return Rule(row.name, row.ae_title, row.created, conditions, row.enabled)
