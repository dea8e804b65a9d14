"""Answers questions from columns alone: the QueryIndex in a database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from pacs.dicom.hierarchy import Level
from pacs.dicom.matching import Query
from pacs.scope import Scope
from pacs.storage.interfaces import Change, Page
from pacs.storage.sql_answers import match_of, patient_counts, shape_of
from pacs.storage.sql_conditions import (
    IS_HELD,
    TABLES,
    Conditions,
    IsRare,
    of_search_word,
)
from pacs.storage.sql_database import Database
from pacs.storage.sql_order import ordered
from pacs.storage.sql_schema import changes, instances, series, studies


class SqlQueryIndex:
    """The QueryIndex. Every search is one statement; counting and patients take one more."""

    def __init__(self, database: Database, *, rare: int = 2000) -> None:
        """rare  what at most so many studies have is looked up, the rest is checked in order."""
        self._database = database
        self._rare = rare

    def search(self, query: Query, scope: Scope) -> Page:  # noqa: ARG002  for facilities, later
        with self._database.reading() as connection:
            criteria = self._criteria(query, connection)
            total = _total(connection, criteria, query) if query.with_total else None
            # Few matches are fetched by looking up the words; many come soon when taken in order.
            is_rare = partial(_is_rare, connection, self._rare)
            finds_few = total is not None and total <= self._rare
            words = _words(query, _always if finds_few else is_rare)
            rows = _rows(connection, criteria.where(*words), query)
            more = query.limit is not None and len(rows) > query.limit
            kept = rows[: query.limit] if more else rows
            counts = patient_counts(connection, query.level, kept)
        shape = shape_of(query.level)
        return Page(tuple(match_of(shape, row, counts) for row in kept), total, more)

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

    def _criteria(self, query: Query, connection: Connection) -> Select[Any]:
        conditions = Conditions(
            is_sqlite=self._database.is_sqlite, is_rare=partial(_is_rare, connection, self._rare)
        )
        wheres = (conditions.of_criterion(one, query.level) for one in query.criteria)
        return _from_level(query.level).where(IS_HELD[query.level], *wheres)


def _total(connection: Connection, criteria: Select[Any], query: Query) -> int:
    statement = criteria.where(*_words(query, _always)).with_only_columns(func.count())
    return connection.execute(statement).scalar_one()


def _rows(connection: Connection, found: Select[Any], query: Query) -> Sequence[Row[Any]]:
    """The rows of the page, and one more to tell whether others follow."""
    wanted = ordered(found, query).offset(query.offset or None)
    if query.limit is not None:
        wanted = wanted.limit(query.limit + 1)
    return connection.execute(wanted.with_only_columns(*shape_of(query.level).columns)).all()


def _words(query: Query, is_rare: IsRare) -> list[ColumnElement[bool]]:
    return [of_search_word(word, query.level, is_rare=is_rare) for word in query.search_words]


def _always(_: Select[Any]) -> bool:
    return True


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
