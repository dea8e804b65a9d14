"""How a batch of newly received instances becomes rows, within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete

from pacs.storage.interfaces import Added, AddResult, InstanceRecord
from pacs.storage.sql_growth import SeriesGrowth, StudyGrowth, grow_series, grow_studies
from pacs.storage.sql_inserts import insert_missing
from pacs.storage.sql_instance_rows import find_instances, instance_values, object_values
from pacs.storage.sql_new_rows import SeriesKey, ensure_series, ensure_studies
from pacs.storage.sql_overlays import overlay_new_studies
from pacs.storage.sql_schema import instances, objects

_INSERT_OBJECTS = objects.insert().returning(objects.c.id, objects.c.key)


def write_arrivals(
    connection: Connection, records: Sequence[InstanceRecord], now: datetime
) -> list[Added]:
    """Write all records that are new; tells for each whether it was."""
    first: dict[str, InstanceRecord] = {}
    for record in records:
        first.setdefault(record.identity.sop_instance_uid, record)
    known = _known(connection, first)
    new = [first[uid] for uid in sorted(first) if uid not in known]
    written = _write_new(connection, new, now) if new else set()
    late = [
        record.identity.sop_instance_uid
        for record in records
        if record is not first[record.identity.sop_instance_uid]
        or record.identity.sop_instance_uid not in written
    ]
    existing = known | _known(connection, [uid for uid in late if uid not in known])
    results = []
    for record in records:
        uid = record.identity.sop_instance_uid
        if uid in written and record is first[uid]:
            results.append(Added(AddResult.ADDED))
        else:
            results.append(Added(AddResult.EXISTS, existing[uid]))
    return results


def _known(connection: Connection, uids: Iterable[str]) -> dict[str, Any]:
    wanted = list(uids)
    if not wanted:
        return {}
    return {one.identity.sop_instance_uid: one for one in find_instances(connection, wanted)}


def _write_new(
    connection: Connection, records: Sequence[InstanceRecord], now: datetime
) -> set[str]:
    """The SOP Instance UIDs that were written; another node may have been faster with some."""
    # Of several that come at once, the one received first gives its study and series their values.
    by_arrival = sorted(records, key=lambda one: (one.received, one.stored.key))
    study_rows = ensure_studies(connection, by_arrival, now)
    growths = _growths(connection, by_arrival, study_rows, now)
    written = _insert_instances(connection, records, growths)
    for growth in growths.values():
        growth.records = [one for one in growth.records if one.identity.sop_instance_uid in written]
    grown = [growth for growth in growths.values() if growth.records]
    grow_series(connection, grown, now)
    grow_studies(connection, grown, now)
    new = [row.id for row in study_rows.values() if not row.number_of_study_related_instances]
    if new:
        overlay_new_studies(connection, new, now)
    return written


def _growths(
    connection: Connection,
    records: Sequence[InstanceRecord],
    study_rows: Mapping[str, Row[Any]],
    now: datetime,
) -> dict[SeriesKey, SeriesGrowth]:
    """The records by series, with the series and study as they were before."""
    by_series: dict[SeriesKey, list[InstanceRecord]] = {}
    for record in records:
        study_row = study_rows[record.identity.study_instance_uid].id
        by_series.setdefault((study_row, record.identity.series_instance_uid), []).append(record)
    rows = ensure_series(connection, by_series, now)
    of_study = {row.id: StudyGrowth(row) for row in study_rows.values()}
    return {
        key: SeriesGrowth(rows[key], of_study[key[0]], found) for key, found in by_series.items()
    }


def _insert_instances(
    connection: Connection,
    records: Sequence[InstanceRecord],
    growths: dict[SeriesKey, SeriesGrowth],
) -> set[str]:
    inserted = connection.execute(
        _INSERT_OBJECTS,
        [object_values(record) for record in records],
    )
    object_rows = {row.key: row.id for row in inserted}
    series_rows = {
        record.identity.sop_instance_uid: growth.row.id
        for growth in growths.values()
        for record in growth.records
    }
    values = [
        instance_values(
            record,
            series_row=series_rows[record.identity.sop_instance_uid],
            object_row=object_rows[record.stored.key],
        )
        for record in records
    ]
    made = insert_missing(
        connection, instances, values, unique=("sop_instance_uid",), returned=("sop_instance_uid",)
    )
    written = {row.sop_instance_uid for row in made}
    if len(written) < len(records):
        late = [
            object_rows[record.stored.key]
            for record in records
            if record.identity.sop_instance_uid not in written
        ]
        connection.execute(delete(objects).where(objects.c.id.in_(late)))
    return written
