"""Which columns are read to answer a query, and how they become values and facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from pacs.dicom.hierarchy import Attribute, Kind, Level, attributes_of, levels_down_to
from pacs.storage.interfaces import Match
from pacs.storage.sql_conditions import IS_HELD, TABLES, home_table
from pacs.storage.sql_schema import instances, series, studies
from pacs.storage.sql_values import LIST_SEPARATOR, split_list

_IDS_AT_ONCE = 500
_Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """Which columns are read at a level, and how they become values and facts."""

    level: Level
    columns: tuple[ColumnElement[Any], ...]
    values: tuple[tuple[str, _Convert], ...]
    facts: tuple[tuple[str, _Convert], ...]


@cache
def shape_of(level: Level) -> Shape:
    columns: list[ColumnElement[Any]] = []
    values: list[tuple[str, _Convert]] = []
    for attribute in attributes_down_to(level):
        if not is_patient_count(attribute):
            columns.append(home_table(attribute, level).c[attribute.column])
            values.append((attribute.keyword, _converter(attribute)))
    facts = []
    for name, (column, convert) in _FACTS[level].items():
        columns.append(column)
        facts.append((name, convert))
    labelled = (column.label(f"c{position}") for position, column in enumerate(columns))
    return Shape(level, (TABLES[level].c.id.label("id"), *labelled), tuple(values), tuple(facts))


def _converter(attribute: Attribute) -> _Convert:
    if attribute.many:
        return _listed if attribute.kind is Kind.COUNTED else _split
    return _as_is


def _as_is(value: Any) -> Any:
    return value


def _split(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(text.split(LIST_SEPARATOR))


def _listed(text: str | None) -> tuple[str, ...]:
    return split_list(text or "")


def match_of(shape: Shape, row: Row[Any], counts: dict[int, dict[str, int]]) -> Match:
    fields = iter(row[1:])
    values = {keyword: convert(next(fields)) for keyword, convert in shape.values}
    facts = {name: convert(next(fields)) for name, convert in shape.facts}
    values.update(counts.get(row.id, {}))
    if shape.level is Level.SERIES:
        uid, sop_class = facts.pop("cover_sop_instance_uid"), facts.pop("cover_sop_class_uid")
        facts["cover"] = None if uid is None else (uid, sop_class)
    return Match(shape.level, values, facts)


def patient_counts(
    connection: Connection, level: Level, rows: Sequence[Row[Any]]
) -> dict[int, dict[str, int]]:
    """How many studies, series and instances each patient of the page has."""
    if level is not Level.PATIENT:
        return {}
    counts: dict[int, dict[str, int]] = {}
    for start in range(0, len(rows), _IDS_AT_ONCE):
        ids = [row.id for row in rows[start : start + _IDS_AT_ONCE]]
        statement = (
            select(
                studies.c.patient_row,
                func.count().label("studies"),
                func.sum(studies.c.number_of_study_related_series).label("series"),
                func.sum(studies.c.number_of_study_related_instances).label("instances"),
            )
            .where(studies.c.patient_row.in_(ids), IS_HELD[Level.STUDY])
            .group_by(studies.c.patient_row)
        )
        for row in connection.execute(statement):
            counts[row.patient_row] = {
                "NumberOfPatientRelatedStudies": int(row.studies),
                "NumberOfPatientRelatedSeries": int(row.series),
                "NumberOfPatientRelatedInstances": int(row.instances),
            }
    return counts


_FACTS: dict[Level, dict[str, tuple[ColumnElement[Any], _Convert]]] = {
    Level.PATIENT: {},
    Level.STUDY: {
        "received_at": (studies.c.received_at, _as_is),
        "changed_at": (studies.c.changed_at, _as_is),
        "size_bytes": (studies.c.size_bytes, _as_is),
        "demographics_conflict": (studies.c.demographics_conflict, _as_is),
        "body_parts": (studies.c.body_parts, _listed),
        "institution_name": (studies.c.institution_name, _as_is),
        "department": (studies.c.department, _as_is),
        "station_name": (studies.c.station_name, _as_is),
    },
    Level.SERIES: {
        "revision": (series.c.revision, _as_is),
        "changed_at": (series.c.changed_at, _as_is),
        "frame_count": (series.c.frame_count, _as_is),
        "size_bytes": (series.c.size_bytes, _as_is),
        "sop_class_uids": (series.c.sop_class_uids, _listed),
        "transfer_syntax_uids": (series.c.transfer_syntax_uids, _listed),
        "cover_sop_instance_uid": (series.c.cover_sop_instance_uid, _as_is),
        "cover_sop_class_uid": (series.c.cover_sop_class_uid, _as_is),
    },
    Level.IMAGE: {
        "transfer_syntax_uid": (instances.c.transfer_syntax_uid, _as_is),
        "received_at": (instances.c.received_at, _as_is),
        "size_bytes": (instances.c.head_size + instances.c.data_set_size, _as_is),
    },
}


def attributes_down_to(level: Level) -> list[Attribute]:
    return [attribute for one in levels_down_to(level) for attribute in attributes_of(one)]


def is_patient_count(attribute: Attribute) -> bool:
    return attribute.kind is Kind.COUNTED and attribute.level is Level.PATIENT
