"""Answers questions from columns alone: the QueryIndex in a database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, UnaryExpression, func, select

from pacs.dicom.hierarchy import Attribute, Kind, Level, attributes_of, levels_down_to
from pacs.dicom.matching import Query
from pacs.errors import QueryInvalid
from pacs.scope import Scope
from pacs.storage.interfaces import Change, Match, Page
from pacs.storage.sql_conditions import TABLES, Conditions, home_table
from pacs.storage.sql_database import Database
from pacs.storage.sql_schema import changes, companion_columns, instances, patients, series, studies
from pacs.storage.sql_values import LIST_SEPARATOR, split_list

_IDS_AT_ONCE = 500


class SqlQueryIndex:
    """The QueryIndex. Every search is one statement; counting and patients take one more."""

    def __init__(self, database: Database, *, rare: int = 2000) -> None:
        """rare  what at most so many studies have is looked up, the rest is checked in order."""
        self._database = database
        self._rare = rare

    def search(self, query: Query, scope: Scope) -> Page:  # noqa: ARG002  for facilities, later
        shape = _shape(query.level)
        with self._database.reading() as connection:
            found = _from_level(query.level).where(*self._wheres(query, connection))
            wanted = _ordered(found, query).offset(query.offset or None)
            if query.limit is not None:
                wanted = wanted.limit(query.limit + 1)
            total = None
            if query.with_total:
                total = connection.execute(found.with_only_columns(func.count())).scalar_one()
            rows = connection.execute(wanted.with_only_columns(*shape.columns)).all()
            more = query.limit is not None and len(rows) > query.limit
            kept = rows[: query.limit] if more else rows
            counts = _patient_counts(connection, query.level, kept)
        return Page(tuple(_match(shape, row, counts) for row in kept), total, more)

    def changes(self, since: int, *, limit: int) -> Sequence[Change]:
        statement = (
            select(changes).where(changes.c.cursor > since).order_by(changes.c.cursor).limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [Change(row.cursor, row.kind, row.study_instance_uid, row.at) for row in rows]

    def change_cursor(self) -> int:
        with self._database.reading() as connection:
            newest = connection.execute(select(func.max(changes.c.cursor))).scalar()
        return newest or 0

    def _wheres(self, query: Query, connection: Connection) -> list[ColumnElement[bool]]:
        conditions = Conditions(
            is_sqlite=self._database.is_sqlite, is_rare=partial(_is_rare, connection, self._rare)
        )
        return [
            _IS_HELD[query.level],
            *(conditions.of_criterion(one, query.level) for one in query.criteria),
            *(conditions.of_search_word(word, query.level) for word in query.search_words),
        ]


def _is_rare(connection: Connection, limit: int, lookup: Select[Any]) -> bool:
    """Whether the statement finds at most so many rows; stops counting there."""
    some = lookup.limit(limit + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() <= limit


def _from_level(level: Level) -> Select[Any]:
    statement = select(TABLES[level].c.id).select_from(TABLES[level])
    if level is Level.IMAGE:
        statement = statement.join(series, series.c.id == instances.c.series_row)
    if level in {Level.SERIES, Level.IMAGE}:
        statement = statement.join(studies, studies.c.id == series.c.study_row)
    return statement


_IS_HELD: dict[Level, ColumnElement[bool]] = {
    Level.PATIENT: patients.c.id.in_(
        select(studies.c.patient_row).where(studies.c.number_of_study_related_instances > 0)
    ),
    Level.STUDY: studies.c.number_of_study_related_instances > 0,
    Level.SERIES: series.c.number_of_series_related_instances > 0,
    Level.IMAGE: instances.c.in_trash.is_(False),
}
"""What is in the trash only is not there."""


# --- order -------------------------------------------------------------------------------------

_OWN_COLUMNS: dict[Level, dict[str, ColumnElement[Any]]] = {
    Level.PATIENT: {},
    Level.STUDY: {
        "received_at": studies.c.received_at,
        "changed_at": studies.c.changed_at,
        "size_bytes": studies.c.size_bytes,
        "series_count": studies.c.number_of_study_related_series,
        "instance_count": studies.c.number_of_study_related_instances,
        "modality": studies.c.modalities_in_study,
        "body_parts": studies.c.body_parts,
        "institution_name": studies.c.institution_name,
        "department": studies.c.department,
        "station_name": studies.c.station_name,
    },
    Level.SERIES: {
        "changed_at": series.c.changed_at,
        "size_bytes": series.c.size_bytes,
        "revision": series.c.revision,
        "frame_count": series.c.frame_count,
        "instance_count": series.c.number_of_series_related_instances,
    },
    Level.IMAGE: {
        "received_at": instances.c.received_at,
        "size_bytes": instances.c.head_size + instances.c.data_set_size,
        "frame_count": instances.c.frame_count,
    },
}


def _ordered(statement: Select[Any], query: Query) -> Select[Any]:
    """Sort as asked, rows without a value last, and by the row's number where all else is equal."""
    keys = [
        _directed(_sort_column(order.column, query.level), order.descending).nulls_last()
        for order in query.order
    ]
    descending = query.order[0].descending if query.order else False
    return statement.order_by(*keys, _directed(TABLES[query.level].c.id, descending))


def _directed(column: ColumnElement[Any], descending: bool) -> UnaryExpression[Any]:
    return column.desc() if descending else column.asc()


def _sort_column(name: str, level: Level) -> ColumnElement[Any]:
    if name in _OWN_COLUMNS[level]:
        return _OWN_COLUMNS[level][name]
    for attribute in _attributes_down_to(level):
        if attribute.column == name and not _is_patient_count(attribute):
            table = home_table(attribute, level)
            if attribute.kind is Kind.COUNTED or not companion_columns(attribute):
                return table.c[name]
            return table.c[companion_columns(attribute)[0][1]]
    raise QueryInvalid(f"answers at level {level} cannot be sorted by '{name}'")


def _attributes_down_to(level: Level) -> list[Attribute]:
    return [attribute for one in levels_down_to(level) for attribute in attributes_of(one)]


def _is_patient_count(attribute: Attribute) -> bool:
    return attribute.kind is Kind.COUNTED and attribute.level is Level.PATIENT


# --- answers -----------------------------------------------------------------------------------

_Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class _Shape:
    """Which columns are read at a level, and how they become values and facts."""

    level: Level
    columns: tuple[ColumnElement[Any], ...]
    values: tuple[tuple[str, _Convert], ...]
    facts: tuple[tuple[str, _Convert], ...]


@cache
def _shape(level: Level) -> _Shape:
    columns: list[ColumnElement[Any]] = []
    values: list[tuple[str, _Convert]] = []
    for attribute in _attributes_down_to(level):
        if not _is_patient_count(attribute):
            columns.append(home_table(attribute, level).c[attribute.column])
            values.append((attribute.keyword, _converter(attribute)))
    facts = []
    for name, (column, convert) in _FACTS[level].items():
        columns.append(column)
        facts.append((name, convert))
    labelled = (column.label(f"c{position}") for position, column in enumerate(columns))
    return _Shape(level, (TABLES[level].c.id.label("id"), *labelled), tuple(values), tuple(facts))


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


def _match(shape: _Shape, row: Row[Any], counts: dict[int, dict[str, int]]) -> Match:
    fields = iter(row[1:])
    values = {keyword: convert(next(fields)) for keyword, convert in shape.values}
    facts = {name: convert(next(fields)) for name, convert in shape.facts}
    values.update(counts.get(row.id, {}))
    if shape.level is Level.SERIES:
        uid, sop_class = facts.pop("cover_sop_instance_uid"), facts.pop("cover_sop_class_uid")
        facts["cover"] = None if uid is None else (uid, sop_class)
    return Match(shape.level, values, facts)


def _patient_counts(
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
            .where(studies.c.patient_row.in_(ids), _IS_HELD[Level.STUDY])
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
