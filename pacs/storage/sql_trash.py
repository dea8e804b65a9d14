"""How instances get into the trash, out of it, and for good out of the archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from pacs.dicom.hierarchy import Kind, Level, attributes_of
from pacs.ledger import Decision, Delete, Empty, ObjectPlace, Restore, SetAside
from pacs.storage.sql_inserts import insert_missing
from pacs.storage.sql_overlays import as_received, overlay_again, refresh_patients
from pacs.storage.sql_patterns import one_of
from pacs.storage.sql_recount import recount
from pacs.storage.sql_schema import (
    conflicts,
    instances,
    name_words,
    objects,
    series,
    studies,
)
from pacs.storage.sql_values import level_row

DEAD = "dead"
"""The state of an object that no row needs any more and that is deleted after the grace time."""

SET_ASIDE = "set-aside"

_BESIDE = ("institution_name", "department", "station_name")


def apply_delete(connection: Connection, decision: Decision, body: Delete, now: datetime) -> None:
    chosen = _named(body.sop_instance_uids, decision.at) & instances.c.in_trash.is_(False)
    _mark(connection, chosen, now, in_trash=True, trashed_by=decision.decision_id)


def apply_restore(connection: Connection, decision: Decision, body: Restore, now: datetime) -> None:
    chosen = _named(body.sop_instance_uids, decision.at) & instances.c.in_trash.is_(True)
    more = instances.c.times_restored + 1
    _mark(connection, chosen, now, in_trash=False, trashed_by=None, times_restored=more)


def undo_delete(connection: Connection, decision_id: str, now: datetime) -> None:
    chosen = (instances.c.trashed_by == decision_id) & instances.c.in_trash.is_(True)
    _mark(connection, chosen, now, in_trash=False, trashed_by=None)


def apply_set_aside(
    connection: Connection,
    decision: Decision,
    body: SetAside,
    places: Mapping[str, ObjectPlace],
) -> None:
    _set_state(connection, body.keys, SET_ASIDE, decision.at, places)


def apply_empty(
    connection: Connection,
    decision: Decision,
    body: Empty,
    places: Mapping[str, ObjectPlace],
    now: datetime,
) -> None:
    """Forget rows; of the objects that remain only that they are to be deleted."""
    chosen = _named(body.sop_instance_uids, decision.at) & instances.c.in_trash.is_(True)
    gone = connection.execute(select(instances.c.id, instances.c.series_row).where(chosen)).all()
    ids = [row.id for row in gone]
    touched = sorted({row.series_row for row in gone})
    recount(connection, touched, now)
    connection.execute(delete(conflicts).where(conflicts.c.instance_row.in_(ids)))
    connection.execute(delete(instances).where(instances.c.id.in_(ids)))
    _set_state(connection, body.keys, DEAD, decision.at, places)
    _put_founders(connection, body.founders, now)
    drop_what_is_empty(connection, touched)


def _named(uids: Sequence[str], at: datetime) -> ColumnElement[bool]:
    """Those meant by a decision: what came later under the same UID is another instance."""
    return one_of(instances.c.sop_instance_uid, uids) & (instances.c.received_at <= at)


def _mark(
    connection: Connection, chosen: ColumnElement[bool], now: datetime, **values: Any
) -> None:
    rows = connection.execute(select(instances.c.id, instances.c.series_row).where(chosen)).all()
    connection.execute(
        update(instances).where(instances.c.id.in_([row.id for row in rows])).values(**values)
    )
    recount(connection, {row.series_row for row in rows}, now)


def _set_state(
    connection: Connection,
    keys: Sequence[str],
    state: str,
    since: datetime,
    places: Mapping[str, ObjectPlace],
) -> None:
    rows = [
        {"store": place.store, "key": key, "size_bytes": place.size_bytes, "state": state}
        for key, place in places.items()
        if key in set(keys)
    ]
    insert_missing(connection, objects, rows, unique=("key",), returned=("id",))
    held = objects.c.id.in_(select(instances.c.object_row)) | objects.c.id.in_(
        select(conflicts.c.object_row)
    )
    connection.execute(
        update(objects)
        .where(one_of(objects.c.key, keys), ~held)
        .values(state=state, state_since=since)
    )


# --- what a study is called when the instance that founded it is gone ----------------------------


def founders(connection: Connection, sop_instance_uids: Sequence[str]) -> dict[str, Any]:
    """What the rows say of the studies and series that lose some of these instances only.

    Their values came from the first instance; once that is gone nothing else remembers them.
    """
    named = one_of(instances.c.sop_instance_uid, sop_instance_uids)
    losing = select(series.c.study_row).join(instances, instances.c.series_row == series.c.id)
    # The bytes of a conflict may have founded a study before they were replaced.
    former = select(conflicts.c.study_instance_uid).where(
        one_of(conflicts.c.sop_instance_uid, sop_instance_uids)
    )
    concerned = studies.c.id.in_(losing.where(named)) | studies.c.study_instance_uid.in_(former)
    rows = connection.execute(select(studies).where(concerned)).all()
    return {
        row.study_instance_uid: _founder(connection, row)
        for row in rows
        if _remaining(connection, row.id, sop_instance_uids)
    }


def _remaining(connection: Connection, study_row: int, but: Sequence[str]) -> int:
    statement = (
        select(func.count())
        .select_from(instances)
        .join(series, series.c.id == instances.c.series_row)
        .where(series.c.study_row == study_row, ~one_of(instances.c.sop_instance_uid, but))
    )
    return int(connection.execute(statement).scalar_one())


def _founder(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    values = {**_values(row, Level.PATIENT), **_values(row, Level.STUDY), **as_received(row)}
    of_study = connection.execute(select(series).where(series.c.study_row == row.id)).all()
    return {
        "values": values,
        "beside": {name: row._mapping[name] for name in _BESIDE},
        "demographics_conflict": row.demographics_conflict,
        "received_at": row.received_at.isoformat(),
        "series": {one.series_instance_uid: _values(one, Level.SERIES) for one in of_study},
    }


def _values(row: Row[Any], level: Level) -> dict[str, Any]:
    return {
        one.keyword: row._mapping[one.column]
        for one in attributes_of(level)
        if one.kind is Kind.STORED
    }


def _put_founders(connection: Connection, founded: Mapping[str, Any], now: datetime) -> None:
    for study_instance_uid, founder in founded.items():
        found = select(studies).where(studies.c.study_instance_uid == study_instance_uid)
        row = connection.execute(found).first()
        if row is None:
            continue
        values = founder["values"]
        columns = {**level_row(Level.PATIENT, values), **level_row(Level.STUDY, values)}
        connection.execute(
            update(studies)
            .where(studies.c.id == row.id)
            .values(
                **columns,
                **founder["beside"],
                demographics_conflict=founder["demographics_conflict"],
                received_at=datetime.fromisoformat(founder["received_at"]),
                as_received=None,
                # Any text: `overlay_again` then writes the row anew, patient and names too.
                overlay="{}",
            )
        )
        for uid, of_series in founder["series"].items():
            connection.execute(
                update(series)
                .where(series.c.study_row == row.id, series.c.series_instance_uid == uid)
                .values(**level_row(Level.SERIES, of_series))
            )
        overlay_again(connection, [row.id], now)


def drop_what_is_empty(connection: Connection, series_rows: Sequence[int]) -> None:
    """Those of the series that hold nothing, and the studies that held only them."""
    of_series = select(series.c.study_row).where(series.c.id.in_(series_rows))
    study_rows = list(connection.execute(of_series).scalars())
    connection.execute(
        delete(series).where(
            series.c.id.in_(series_rows), ~series.c.id.in_(select(instances.c.series_row))
        )
    )
    empty = select(studies.c.id, studies.c.patient_row).where(
        studies.c.id.in_(study_rows), ~studies.c.id.in_(select(series.c.study_row))
    )
    rows = connection.execute(empty).all()
    ids = [row.id for row in rows]
    connection.execute(delete(name_words).where(name_words.c.study_row.in_(ids)))
    connection.execute(delete(studies).where(studies.c.id.in_(ids)))
    refresh_patients(connection, {row.patient_row for row in rows})


def forget_dead(connection: Connection, keys: Iterable[str]) -> None:
    """The objects are deleted: forget that they were to be."""
    named = one_of(objects.c.key, list(keys))
    connection.execute(delete(objects).where(named, objects.c.state == DEAD))
