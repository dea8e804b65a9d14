"""Makes folded columns again when the folding of names has changed since they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, select, update

from pacs.dicom.hierarchy import Attribute, Kind, Level, attributes_of
from pacs.dicom.person_names import FOLD_VERSION
from pacs.storage.sql_schema import (
    archive_facts,
    companion_columns,
    name_words,
    patients,
    series,
    studies,
)
from pacs.storage.sql_values import level_row, searchable_words

_FACT = "fold_version"
_PAGE = 1000

_LEVELS_OF: tuple[tuple[Table, tuple[Level, ...]], ...] = (
    (patients, (Level.PATIENT,)),
    (studies, (Level.PATIENT, Level.STUDY)),
    (series, (Level.SERIES,)),
)


def folded_by(connection: Connection) -> int:
    """The version that folded the names of this database; 0 when none has."""
    statement = select(archive_facts.c.value).where(archive_facts.c.name == _FACT)
    return int(connection.execute(statement).scalar() or 0)


def fold_again(connection: Connection) -> None:
    """Bring all folded columns and the words of names to FOLD_VERSION."""
    connection.execute(delete(name_words))
    for table, levels in _LEVELS_OF:
        for rows in _pages(connection, table):
            for level in levels:
                _fold_rows(connection, table, level, rows)
            if table is studies:
                _write_words(connection, rows)
    connection.execute(delete(archive_facts).where(archive_facts.c.name == _FACT))
    connection.execute(archive_facts.insert(), {"name": _FACT, "value": str(FOLD_VERSION)})


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    last = 0
    while rows := connection.execute(
        select(table).where(table.c.id > last).order_by(table.c.id).limit(_PAGE)
    ).all():
        yield rows
        last = rows[-1].id


def _fold_rows(
    connection: Connection, table: Table, level: Level, rows: Sequence[Row[Any]]
) -> None:
    folded = [one for one in attributes_of(level) if _is_folded(one)]
    columns = [companion_columns(attribute)[0][1] for attribute in folded]
    if not columns:
        return
    renewed = []
    for row in rows:
        values = {one.keyword: getattr(row, one.column) for one in folded}
        made = level_row(level, values)
        renewed.append({"row_id": row.id, **{f"new_{name}": made[name] for name in columns}})
    statement = update(table).where(table.c.id == bindparam("row_id"))
    connection.execute(
        statement.values({name: bindparam(f"new_{name}") for name in columns}), renewed
    )


def _is_folded(attribute: Attribute) -> bool:
    return attribute.kind is Kind.STORED and any(
        kind == "folded" for kind, _ in companion_columns(attribute)
    )


def _write_words(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    words = [
        {"word": word, "study_row": row.id}
        for row in rows
        for word in searchable_words(row.patient_name)
    ]
    if words:
        connection.execute(name_words.insert(), words)
