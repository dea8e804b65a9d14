"""Where decisions take effect in a database: the DecisionIndex."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from pacs.ledger import (
    Correct,
    Decided,
    Decision,
    Delete,
    Empty,
    Hold,
    Keep,
    Material,
    Merge,
    Replace,
    Restore,
    SetAside,
    Split,
    Undo,
    decode_decision,
    encode_decision,
)
from pacs.storage.interfaces import Conflict, StoredInstance
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_conflict_rows import (
    apply_keep,
    apply_replace,
    apply_split,
    list_conflicts,
    reopen,
    undo_replace,
    undo_split,
)
from pacs.storage.sql_database import Database
from pacs.storage.sql_decision_tables import decisions
from pacs.storage.sql_instance_rows import select_instances, stored_instance
from pacs.storage.sql_overlays import corrected_studies, overlay_again, studies_of_patient
from pacs.storage.sql_patterns import one_of
from pacs.storage.sql_schema import conflicts, instances, objects, studies
from pacs.storage.sql_trash import (
    DEAD,
    apply_delete,
    apply_empty,
    apply_restore,
    apply_set_aside,
    forget_dead,
    founders,
    undo_delete,
)


class SqlDecisions:
    """The DecisionIndex. Give it the committer of the index, so that all writers take turns."""

    def __init__(
        self, database: Database, committer: Committer, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._committer = committer
        self._now = now

    def decide(self, decision: Decision, material: Material) -> bool:
        took_effect: bool = self._committer.write(self._write, (decision, material))
        return took_effect

    def _write(
        self, connection: Connection, items: Sequence[tuple[Decision, Material]]
    ) -> Sequence[bool]:
        return [_decide(connection, *item, self._now()) for item in items]

    def decision(self, decision_id: str) -> Decided | None:
        with self._database.reading() as connection:
            return _decision(connection, decision_id)

    def decisions(
        self, *, kinds: Sequence[str] = (), study_instance_uid: str | None = None
    ) -> Sequence[Decided]:
        statement = select(decisions).order_by(decisions.c.at, decisions.c.decision_id)
        if kinds:
            statement = statement.where(decisions.c.kind.in_(kinds))
        if study_instance_uid is not None:
            statement = statement.where(decisions.c.study_instance_uid == study_instance_uid)
        with self._database.reading() as connection:
            return [_decided(row) for row in connection.execute(statement)]

    def newest_decision_at(self) -> datetime | None:
        with self._database.reading() as connection:
            newest: datetime | None = connection.execute(
                select(decisions.c.at).order_by(decisions.c.at.desc()).limit(1)
            ).scalar()
        return newest

    def conflict(self, conflict_key: str) -> Conflict | None:
        with self._database.reading() as connection:
            return next(iter(list_conflicts(connection, objects.c.key == conflict_key)), None)

    def conflict_resolved_by(self, decision_id: str) -> Conflict | None:
        with self._database.reading() as connection:
            found = list_conflicts(connection, conflicts.c.resolved_by == decision_id)
        return next(iter(found), None)

    def history_of(self, sop_instance_uids: Sequence[str]) -> Sequence[Conflict]:
        with self._database.reading() as connection:
            named = one_of(conflicts.c.sop_instance_uid, sop_instance_uids)
            return list_conflicts(connection, named)

    def in_trash(self, decision_id: str) -> Sequence[StoredInstance]:
        statement = select_instances().where(
            instances.c.trashed_by == decision_id, instances.c.in_trash.is_(True)
        )
        with self._database.reading() as connection:
            return [stored_instance(row) for row in connection.execute(statement)]

    def founders(self, sop_instance_uids: Sequence[str]) -> Mapping[str, Any]:
        with self._database.reading() as connection:
            return founders(connection, sop_instance_uids)

    def held_studies(self, study_instance_uids: Sequence[str]) -> Sequence[str]:
        statement = select(studies.c.study_instance_uid).where(
            one_of(studies.c.study_instance_uid, study_instance_uids),
            studies.c.held_by.is_not(None),
        )
        with self._database.reading() as connection:
            return list(connection.execute(statement).scalars())

    def dead_objects(self) -> Sequence[tuple[str, str, datetime]]:
        statement = select(objects.c.key, objects.c.store, objects.c.state_since).where(
            objects.c.state == DEAD
        )
        with self._database.reading() as connection:
            return [(row.key, row.store, row.state_since) for row in connection.execute(statement)]

    def forget_dead(self, keys: Sequence[str]) -> None:
        with self._database.writing() as connection:
            forget_dead(connection, keys)


def _decide(connection: Connection, decision: Decision, material: Material, now: datetime) -> bool:
    if _decision(connection, decision.decision_id) is not None:
        return False
    connection.execute(
        decisions.insert(),
        {
            "decision_id": decision.decision_id,
            "at": decision.at,
            "kind": decision.kind,
            "study_instance_uid": decision.study_instance_uid,
            "written": encode_decision(decision).decode(),
        },
    )
    _apply(connection, decision, material, now)
    return True


def _apply(connection: Connection, decision: Decision, material: Material, now: datetime) -> None:
    match decision.body:
        case Delete() as body:
            apply_delete(connection, decision, body, now)
        case Restore() as body:
            apply_restore(connection, decision, body, now)
        case Empty() as body:
            apply_empty(connection, decision, body, material.places, now)
        case SetAside() as body:
            apply_set_aside(connection, decision, body, material.places)
        case Keep() as body:
            apply_keep(connection, decision, body)
        case Replace() as body:
            apply_replace(connection, decision, body, material.records, now)
        case Split() as body:
            apply_split(connection, decision, body, material.records, now)
        case _:
            _apply_to_studies(connection, decision, material, now)


def _apply_to_studies(
    connection: Connection, decision: Decision, material: Material, now: datetime
) -> None:
    match decision.body:
        case Correct():
            overlay_again(connection, _study_rows(connection, decision), now)
        case Merge() as body:
            merged = studies_of_patient(connection, body.patient_id, body.issuer_of_patient_id)
            overlay_again(connection, merged, now)
        case Hold():
            _hold(connection, _study_rows(connection, decision), decision.decision_id)
        case Undo() as body:
            _undo(connection, decision, body, material, now)


def _undo(
    connection: Connection, undo: Decision, body: Undo, material: Material, now: datetime
) -> None:
    undone = _decision(connection, body.decision_id)
    if undone is None or undone.undone_by is not None:
        return
    connection.execute(
        update(decisions)
        .where(decisions.c.decision_id == body.decision_id)
        .values(undone_by=undo.decision_id)
    )
    decision = undone.decision
    match decision.body:
        case Delete():
            undo_delete(connection, decision.decision_id, now)
        case Keep():
            reopen(connection, decision.decision_id)
        case Replace():
            undo_replace(connection, decision.decision_id, material.records, now)
        case Split():
            undo_split(connection, undo, decision, now)
        case Correct():
            overlay_again(connection, _study_rows(connection, decision), now)
        case Merge():
            overlay_again(connection, corrected_studies(connection), now)
        case Hold():
            _hold(connection, _study_rows(connection, decision), None)
        case _:
            return


def _study_rows(connection: Connection, decision: Decision) -> list[int]:
    found = select(studies.c.id).where(studies.c.study_instance_uid == decision.study_instance_uid)
    return list(connection.execute(found).scalars())


def _hold(connection: Connection, study_rows: Sequence[int], decision_id: str | None) -> None:
    connection.execute(
        update(studies).where(studies.c.id.in_(study_rows)).values(held_by=decision_id)
    )


def _decision(connection: Connection, decision_id: str) -> Decided | None:
    found = select(decisions).where(decisions.c.decision_id == decision_id)
    row = connection.execute(found).first()
    return _decided(row) if row is not None else None


def _decided(row: Any) -> Decided:
    return Decided(decode_decision(row.written.encode(), row.decision_id), row.undone_by)
