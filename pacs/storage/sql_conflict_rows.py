"""How conflicts are listed, and what a person's word makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from pacs.dicom.identity import InstanceIdentity
from pacs.ledger import Decision, Delete, Keep, Replace, Split
from pacs.storage.interfaces import Conflict, InstanceRecord, Sender, StoredInstance
from pacs.storage.sql_arrivals import write_arrivals
from pacs.storage.sql_instance_rows import (
    instance_values,
    select_instances,
    stored_bytes,
    stored_instance,
)
from pacs.storage.sql_new_rows import ensure_series, ensure_studies
from pacs.storage.sql_overlays import overlay_new_studies, refresh_patients_of
from pacs.storage.sql_recount import recount
from pacs.storage.sql_schema import conflicts, instances, objects, series, studies
from pacs.storage.sql_trash import apply_delete, drop_what_is_empty

# What an instance and a conflict both say of their bytes and of how these came.
_SHARED = (
    "sop_class_uid",
    "transfer_syntax_uid",
    "offset",
    "head_size",
    "data_set_size",
    "head_sha256",
    "data_set_sha256",
    "received_at",
    "sender_how",
    "sender_actor",
    "sender_address",
)


def list_conflicts(connection: Connection, *wheres: ColumnElement[bool]) -> Sequence[Conflict]:
    """Oldest first."""
    statement = (
        select(conflicts, objects.c.store, objects.c.key)
        .join(objects, objects.c.id == conflicts.c.object_row)
        .where(*wheres)
        .order_by(conflicts.c.received_at, conflicts.c.id)
    )
    rows = connection.execute(statement).all()
    existing: dict[int, StoredInstance] = {}
    for start in range(0, len(rows), 500):
        ids = [row.instance_row for row in rows[start : start + 500]]
        found = connection.execute(select_instances().where(instances.c.id.in_(ids)))
        existing |= {one.instance_id: one for one in map(stored_instance, found)}
    return [
        Conflict(
            conflict_id=row.id,
            existing=existing[row.instance_row],
            newcomer=stored_bytes(row),
            newcomer_identity=InstanceIdentity(
                row.study_instance_uid,
                row.series_instance_uid,
                row.sop_instance_uid,
                row.sop_class_uid,
            ),
            transfer_syntax_uid=row.transfer_syntax_uid,
            received=row.received_at,
            sender=Sender(row.sender_how, row.sender_actor, row.sender_address),
        )
        for row in rows
    ]


def conflict_row(connection: Connection, *wheres: ColumnElement[bool]) -> Row[Any] | None:
    statement = (
        select(conflicts, objects.c.key)
        .join(objects, objects.c.id == conflicts.c.object_row)
        .where(*wheres)
    )
    return connection.execute(statement).first()


def apply_keep(connection: Connection, decision: Decision, body: Keep) -> None:
    row = conflict_row(connection, objects.c.key == body.conflict_key)
    if row is not None:
        _resolve(connection, row.id, decision, "kept")


def apply_replace(
    connection: Connection,
    decision: Decision,
    body: Replace,
    records: Mapping[str, InstanceRecord],
    now: datetime,
) -> None:
    row = conflict_row(connection, objects.c.key == body.conflict_key)
    if row is not None:
        _swap(connection, row, records[body.conflict_key], now)
        _resolve(connection, row.id, decision, "replaced")


def undo_replace(
    connection: Connection,
    decision_id: str,
    records: Mapping[str, InstanceRecord],
    now: datetime,
) -> None:
    row = conflict_row(connection, conflicts.c.resolved_by == decision_id)
    if row is not None:
        _swap(connection, row, records[row.key], now)
        reopen(connection, decision_id)


def apply_split(
    connection: Connection,
    decision: Decision,
    body: Split,
    records: Mapping[str, InstanceRecord],
    now: datetime,
) -> None:
    row = conflict_row(connection, objects.c.key == body.conflict_key)
    if row is not None:
        _resolve(connection, row.id, decision, "split")
    if body.key in records:
        write_arrivals(connection, [records[body.key]], now)
        # It was received long ago: it does not say what the patient is called now.
        refresh_patients_of(connection, [body.study_instance_uid])


def undo_split(connection: Connection, undo: Decision, split: Decision, now: datetime) -> None:
    """The conflict is open again, and what was split off lies in the trash."""
    if isinstance(split.body, Split):
        body = Delete((split.body.sop_instance_uid,))
        apply_delete(connection, undo, body, now)
    reopen(connection, split.decision_id)


def reopen(connection: Connection, decision_id: str) -> None:
    connection.execute(
        update(conflicts)
        .where(conflicts.c.resolved_by == decision_id)
        .values(resolved_at=None, resolution=None, resolved_by=None)
    )


def _resolve(connection: Connection, row_id: int, decision: Decision, how: str) -> None:
    connection.execute(
        update(conflicts)
        .where(conflicts.c.id == row_id)
        .values(resolved_at=decision.at, resolution=how, resolved_by=decision.decision_id)
    )


def _swap(connection: Connection, row: Row[Any], record: InstanceRecord, now: datetime) -> None:
    """The instance gets the bytes of the conflict, and the conflict those of the instance."""
    statement = (
        select(instances, series.c.series_instance_uid, studies.c.study_instance_uid)
        .join(series, series.c.id == instances.c.series_row)
        .join(studies, studies.c.id == series.c.study_row)
        .where(instances.c.id == row.instance_row)
    )
    former = connection.execute(statement).one()
    # The newcomer may name another study or series.
    study_rows = ensure_studies(connection, [record], now)
    key = (study_rows[record.identity.study_instance_uid].id, record.identity.series_instance_uid)
    series_row = ensure_series(connection, {key: [record]}, now)[key].id
    values = instance_values(record, series_row=series_row, object_row=row.object_row)
    values |= {"trashed_by": None, "times_restored": former.times_restored}
    connection.execute(update(instances).where(instances.c.id == former.id).values(**values))
    connection.execute(
        update(conflicts)
        .where(conflicts.c.id == row.id)
        .values(
            {name: former._mapping[name] for name in _SHARED}
            | {
                "object_row": former.object_row,
                "study_instance_uid": former.study_instance_uid,
                "series_instance_uid": former.series_instance_uid,
            }
        )
    )
    recount(connection, {former.series_row, series_row}, now)
    overlay_new_studies(connection, [key[0]], now)
    refresh_patients_of(connection, [former.study_instance_uid, record.identity.study_instance_uid])
    drop_what_is_empty(connection, [former.series_row])
