"""Which objects wait in spools and where each one is, in SQL tables: the SpoolRows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select, text, union_all, update

from pacs.nodes import Backlog, SpooledObject
from pacs.storage.sql_database import Database
from pacs.storage.sql_instance_rows import stored_bytes
from pacs.storage.sql_schema import SPOOLED, conflicts, instances, objects, series, studies

_PAGE = 500
_OF_STORED_BYTES = ("offset", "head_size", "data_set_size", "head_sha256", "data_set_sha256")


class SqlSpoolRows:
    """The SpoolRows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, spool: str, *, after: int, limit: int) -> Sequence[SpooledObject]:
        chosen = (
            select(objects.c.id, objects.c.store, objects.c.key)
            .where(text(SPOOLED), objects.c.store == spool, objects.c.id > after)
            .order_by(objects.c.id)
            .limit(limit)
            .subquery()
        )
        statement = union_all(_held_by(instances, chosen), _held_by(conflicts, chosen))
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return sorted(map(_spooled_object, rows), key=lambda one: one.row)

    def backlog(self, spool: str) -> Backlog:
        waits = (text(SPOOLED), objects.c.store == spool)
        counted = select(func.count(), func.coalesce(func.sum(objects.c.size_bytes), 0))
        oldest = (
            select(instances.c.received_at)
            .join(objects, objects.c.id == instances.c.object_row)
            .where(*waits)
            .order_by(objects.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            count, size_bytes = connection.execute(counted.where(*waits)).one()
            first = connection.execute(oldest).scalar()
        return Backlog(count, int(size_bytes), first)

    def studies_waiting(self, spool: str) -> dict[str, int]:
        statement = (
            select(studies.c.study_instance_uid, func.count())
            .join(series, series.c.study_row == studies.c.id)
            .join(instances, instances.c.series_row == series.c.id)
            .join(objects, objects.c.id == instances.c.object_row)
            .where(text(SPOOLED), objects.c.store == spool)
            .group_by(studies.c.study_instance_uid)
            .order_by(studies.c.study_instance_uid)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def moved(self, keys: Sequence[str], *, spool: str, to: str) -> None:
        with self._database.writing() as connection:
            for page in _pages(sorted(keys)):
                # A row that says something else by now belongs to whoever changed it.
                named = objects.c.key.in_(page), objects.c.store == spool
                connection.execute(update(objects).where(*named).values(store=to))

    def stores_of(self, keys: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for page in _pages(list(keys)):
                statement = select(objects.c.key, objects.c.store).where(objects.c.key.in_(page))
                found.update((row.key, row.store) for row in connection.execute(statement))
        return found


def _held_by(holders: Any, chosen: Any) -> Select[Any]:
    """The chosen objects that an instance, or a conflict, holds."""
    columns = [holders.c[name] for name in _OF_STORED_BYTES]
    held = select(chosen.c.id, chosen.c.store, chosen.c.key, *columns)
    return held.join(holders, holders.c.object_row == chosen.c.id)


def _spooled_object(row: Row[Any]) -> SpooledObject:
    return SpooledObject(row.id, stored_bytes(row))


def _pages(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _PAGE):
        yield keys[start : start + _PAGE]
