"""Counts and lists of studies and series, compared with what their instances say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from pacs.findings import Finding, FindingKind
from pacs.storage.sql_recount import of_series_now, of_study_now
from pacs.storage.sql_schema import instances, series, studies

_ONE = 1


def next_studies(connection: Connection, after: int, limit: int) -> list[int]:
    """A page of studies, by their rows."""
    page = select(studies.c.id).where(studies.c.id > after).order_by(studies.c.id).limit(limit)
    return list(connection.execute(page).scalars())


def wrong_counts(connection: Connection, page: Sequence[int]) -> Iterator[Finding]:
    """The studies of the page whose numbers are wrong, their own or those of a series.

    The connection must give one consistent look, or what arrives meanwhile is taken for wrong.
    """
    for row in connection.execute(_suspects(page)).all():
        wrong = sorted(set(_wrong(connection, row.id)))
        if wrong:
            yield Finding(
                FindingKind.WRONG_COUNTS,
                row.study_instance_uid,
                f"study {row.study_instance_uid} or one of its series says wrong: "
                f"{', '.join(wrong)}",
            )


def _suspects(page: Sequence[int]) -> Any:
    """Studies where a sum over instances or series differs, or a revision cannot be."""
    held = case((instances.c.in_trash.is_(False), 1), else_=0)
    size = (instances.c.head_size + instances.c.data_set_size) * held
    of_series = (
        select(
            series.c.id,
            series.c.study_row,
            func.coalesce(func.sum(held), 0).label("instances"),
            func.coalesce(func.sum(size), 0).label("size_bytes"),
            func.coalesce(func.sum(instances.c.frame_count * held), 0).label("frames"),
        )
        .select_from(series.outerjoin(instances, instances.c.series_row == series.c.id))
        .where(series.c.study_row.in_(page))
        .group_by(series.c.id, series.c.study_row)
        .subquery()
    )
    wrong_series = (
        select(series.c.study_row)
        .join(of_series, of_series.c.id == series.c.id)
        .where(
            or_(
                series.c.number_of_series_related_instances != of_series.c.instances,
                series.c.size_bytes != of_series.c.size_bytes,
                series.c.frame_count != of_series.c.frames,
                (of_series.c.instances > 0) & (series.c.revision < _ONE),
            )
        )
    )
    of_study = (
        select(
            of_series.c.study_row,
            func.sum(of_series.c.instances).label("instances"),
            func.sum(of_series.c.size_bytes).label("size_bytes"),
            func.sum(case((of_series.c.instances > 0, 1), else_=0)).label("series"),
        )
        .group_by(of_series.c.study_row)
        .subquery()
    )
    wrong_study: ColumnElement[bool] = or_(
        studies.c.number_of_study_related_instances != func.coalesce(of_study.c.instances, 0),
        studies.c.number_of_study_related_series != func.coalesce(of_study.c.series, 0),
        studies.c.size_bytes != func.coalesce(of_study.c.size_bytes, 0),
        studies.c.id.in_(wrong_series),
    )
    joined = studies.outerjoin(of_study, of_study.c.study_row == studies.c.id)
    chosen = select(studies.c.id, studies.c.study_instance_uid).select_from(joined)
    return chosen.where(studies.c.id.in_(page), wrong_study)


def _wrong(connection: Connection, study_row: int) -> Iterator[str]:
    """The columns that differ from a recount."""
    rows = connection.execute(select(series).where(series.c.study_row == study_row)).all()
    for row in rows:
        now = of_series_now(connection, row.id)
        yield from (name for name in now if "cover" not in name and row._mapping[name] != now[name])
        if now["number_of_series_related_instances"] and row.revision < _ONE:
            yield "revision"
    found = connection.execute(select(studies).where(studies.c.id == study_row)).first()
    if found is not None:
        now = of_study_now(connection, study_row)
        yield from (name for name in now if found._mapping[name] != now[name])
