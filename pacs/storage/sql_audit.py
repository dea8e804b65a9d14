"""The audit trail in a SQL table that is only ever added to: the AuditTrail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from pacs.audit import Action, AuditEvent, Outcome
from pacs.scope import ActorKind, Scope
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_database import Database
from pacs.storage.sql_schema import audit_events
from pacs.storage.sql_values import clean_text

_INSERT = audit_events.insert()


class SqlAudit:
    """The AuditTrail. Give it the committer of the index, and both share their commits."""

    def __init__(self, database: Database, committer: Committer) -> None:
        self._database = database
        self._committer = committer

    def record(self, event: AuditEvent) -> None:
        self._committer.write(_write_events, event)

    def events(
        self,
        *,
        study_instance_uid: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
    ) -> Sequence[AuditEvent]:
        """The newest events first. Of the scope's rights nothing is kept."""
        statement = select(audit_events).order_by(audit_events.c.id.desc()).limit(limit)
        if study_instance_uid is not None:
            wanted = audit_events.c.study_instance_uid == study_instance_uid
            statement = statement.where(wanted)
        if since is not None:
            statement = statement.where(audit_events.c.at >= since)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [_event(row) for row in rows]


def _write_events(connection: Connection, events: Sequence[AuditEvent]) -> Sequence[None]:
    connection.execute(_INSERT, [_event_values(event) for event in events])
    return [None] * len(events)


def _event_values(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "action": event.action.value,
        "outcome": event.outcome.value,
        "actor": clean_text(event.scope.actor) or "",
        "actor_kind": event.scope.kind.value,
        "address": clean_text(event.scope.address),
        "session": clean_text(event.scope.session),
        "study_instance_uid": clean_text(event.study_instance_uid),
        "patient_id": clean_text(event.patient_id),
        "details": json.dumps(dict(event.details), ensure_ascii=True, sort_keys=True),
    }


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        at=row.at,
        action=Action(row.action),
        outcome=Outcome(row.outcome),
        scope=Scope(row.actor, ActorKind(row.actor_kind), address=row.address, session=row.session),
        study_instance_uid=row.study_instance_uid,
        patient_id=row.patient_id,
        details=json.loads(row.details),
    )
