"""By which columns the answers of a query can be sorted, and how the order becomes total."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression

from pacs.dicom.hierarchy import Kind, Level
from pacs.dicom.matching import Query
from pacs.errors import QueryInvalid
from pacs.storage.sql_answers import attributes_down_to, is_patient_count
from pacs.storage.sql_conditions import TABLES, home_table
from pacs.storage.sql_schema import companion_columns, instances, series, studies

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


def ordered(statement: Select[Any], query: Query) -> Select[Any]:
    """Sort as asked, rows without a value last, and by the row's number where all else is equal."""
    keys = [
        _with_nulls_last(_sort_column(order.column, query.level), order.descending)
        for order in query.order
    ]
    descending = query.order[0].descending if query.order else False
    return statement.order_by(*keys, _directed(TABLES[query.level].c.id, descending))


def _with_nulls_last(column: ColumnElement[Any], descending: bool) -> UnaryExpression[Any]:
    directed = _directed(column, descending)
    # An index on a column that is never NULL would not be used if NULLs were mentioned.
    return directed.nulls_last() if getattr(column, "nullable", True) else directed


def _directed(column: ColumnElement[Any], descending: bool) -> UnaryExpression[Any]:
    return column.desc() if descending else column.asc()


def _sort_column(name: str, level: Level) -> ColumnElement[Any]:
    if name in _OWN_COLUMNS[level]:
        return _OWN_COLUMNS[level][name]
    for attribute in attributes_down_to(level):
        if attribute.column == name and not is_patient_count(attribute):
            table = home_table(attribute, level)
            if attribute.kind is Kind.COUNTED or not companion_columns(attribute):
                return table.c[name]
            return table.c[companion_columns(attribute)[0][1]]
    raise QueryInvalid(f"answers at level {level} cannot be sorted by '{name}'")
