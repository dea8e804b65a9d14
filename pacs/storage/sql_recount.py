"""Counts and lists made again from the instances themselves, where a delta cannot say them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from pacs.storage.sql_changes import STUDY_ADDED, STUDY_CHANGED, STUDY_REMOVED, write_changes
from pacs.storage.sql_schema import instances, series, studies
from pacs.storage.sql_values import joined_list, split_list


def recount(connection: Connection, series_rows: Iterable[int], now: datetime) -> None:
    """Count these series and their studies anew, raise the revisions and write change rows."""
    rows = sorted(set(series_rows))
    if not rows:
        return
    of_series = select(series.c.study_row).where(series.c.id.in_(rows))
    statement = (
        select(studies)
        .where(studies.c.id.in_(of_series))
        .order_by(studies.c.study_instance_uid)
        .with_for_update()
    )
    before = connection.execute(statement).all()
    for series_row in rows:
        values = of_series_now(connection, series_row)
        connection.execute(
            update(series)
            .where(series.c.id == series_row)
            .values(**values, revision=series.c.revision + 1, changed_at=now)
        )
    entries = []
    for study in before:
        values = of_study_now(connection, study.id)
        connection.execute(
            update(studies).where(studies.c.id == study.id).values(**values, changed_at=now)
        )
        entries.append((_change_kind(study, values), study.study_instance_uid))
    write_changes(connection, entries, now)


def of_series_now(connection: Connection, series_row: int) -> dict[str, Any]:
    """The columns of a series that follow from its instances."""
    held = (instances.c.series_row == series_row) & instances.c.in_trash.is_(False)
    size = instances.c.head_size + instances.c.data_set_size
    sums = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(instances.c.frame_count), 0),
            func.coalesce(func.sum(size), 0),
        ).where(held)
    ).one()
    kinds = connection.execute(
        select(instances.c.sop_class_uid, instances.c.transfer_syntax_uid).where(held).distinct()
    ).all()
    cover = connection.execute(
        select(instances.c.sop_instance_uid, instances.c.sop_class_uid)
        .where(held & instances.c.pixel_tag.is_not(None))
        .order_by(instances.c.received_at, instances.c.id)
        .limit(1)
    ).first()
    return {
        "number_of_series_related_instances": sums[0],
        "frame_count": int(sums[1]),
        "size_bytes": int(sums[2]),
        "sop_class_uids": joined_list(kind.sop_class_uid for kind in kinds),
        "transfer_syntax_uids": joined_list(kind.transfer_syntax_uid for kind in kinds),
        "cover_sop_instance_uid": cover.sop_instance_uid if cover else None,
        "cover_sop_class_uid": cover.sop_class_uid if cover else None,
    }


def of_study_now(connection: Connection, study_row: int) -> dict[str, Any]:
    """The columns of a study that follow from its series."""
    held = select(series).where(
        series.c.study_row == study_row, series.c.number_of_series_related_instances > 0
    )
    rows = connection.execute(held).all()
    return {
        "number_of_study_related_series": len(rows),
        "number_of_study_related_instances": sum(
            row.number_of_series_related_instances for row in rows
        ),
        "size_bytes": sum(row.size_bytes for row in rows),
        "modalities_in_study": joined_list(row.modality or "" for row in rows),
        "body_parts": joined_list(row.body_part_examined or "" for row in rows),
        "sop_classes_in_study": joined_list(
            uid for row in rows for uid in split_list(row.sop_class_uids)
        ),
    }


def _change_kind(before: Row[Any], after: Mapping[str, Any]) -> str:
    if not after["number_of_study_related_instances"]:
        return STUDY_REMOVED
    return STUDY_CHANGED if before.number_of_study_related_instances else STUDY_ADDED
