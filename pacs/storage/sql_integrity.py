"""What checks and repairs ask of a database: the IntegrityIndex."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    func,
    select,
    text,
    union_all,
    update,
)

from pacs.findings import Finding, FindingKind, HeldObject, Noted
from pacs.storage.interfaces import StoredBytes, StoredInstance
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_counts import next_studies, wrong_counts
from pacs.storage.sql_database import Database
from pacs.storage.sql_decision_tables import findings
from pacs.storage.sql_inserts import insert_statement
from pacs.storage.sql_instance_rows import stored_bytes
from pacs.storage.sql_patterns import begins_with, one_of
from pacs.storage.sql_recount import recount
from pacs.storage.sql_schema import archive_facts, conflicts, instances, objects, series, studies

STORED = "stored"
_STUDIES_AT_ONCE = 200
_DAY_CHARACTERS = len("o/2026/01/31/")
_SHARED = ("sop_instance_uid", "offset", "head_size", "data_set_size")
_DIGESTS = ("head_sha256", "data_set_sha256")


class SqlIntegrity:
    """The IntegrityIndex."""

    def __init__(
        self, database: Database, committer: Committer, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._committer = committer
        self._now = now

    def days(self, store: str) -> Sequence[str]:
        day = func.substr(objects.c.key, 1, _DAY_CHARACTERS)
        statement = select(day).where(objects.c.store == store).distinct().order_by(day)
        with self._database.reading() as connection:
            return list(connection.execute(statement).scalars())

    def held(self, store: str, *, after: str, prefix: str, limit: int) -> Sequence[HeldObject]:
        page = (
            select(objects.c.id, objects.c.store, objects.c.key)
            .where(objects.c.store == store, objects.c.key > after)
            .where(begins_with(objects.c.key, prefix), objects.c.state == STORED)
            .order_by(objects.c.key)
            .limit(limit)
            .subquery()
        )
        with self._database.reading() as connection:
            rows = connection.execute(_holders(page)).all()
        return sorted(map(_held_object, rows), key=lambda one: one.stored.key)

    def still_held(self, key: str) -> HeldObject | None:
        one = select(objects.c.id, objects.c.store, objects.c.key).where(objects.c.key == key)
        with self._database.reading() as connection:
            row = connection.execute(_holders(one.subquery())).first()
        return _held_object(row) if row is not None else None

    def known(self, keys: Sequence[str]) -> set[str]:
        with self._database.reading() as connection:
            statement = select(objects.c.key).where(one_of(objects.c.key, keys))
            return set(connection.execute(statement).scalars())

    def loose_rows(self, older_than: datetime) -> Iterator[Finding]:
        day = f"o/{older_than:%Y/%m/%d}/"
        statement = select(objects.c.key).where(
            objects.c.state == STORED, ~_is_held(), objects.c.key < day
        )
        with self._database.reading() as connection:
            keys = list(connection.execute(statement).scalars())
        for key in keys:
            yield Finding(FindingKind.LOOSE_ROW, key, f"no instance holds the row of object {key}")

    def wrong_counts(self) -> Iterator[Finding]:
        after, page = 0, [0]
        while page:
            with self._one_look() as connection:
                page = next_studies(connection, after, _STUDIES_AT_ONCE)
                found = list(wrong_counts(connection, page))
            yield from found
            after = page[-1] if page else after

    @contextmanager
    def _one_look(self) -> Iterator[Connection]:
        """Several statements that see the same; SQLite gives that unasked."""
        with self._database.reading() as connection:
            if not self._database.is_sqlite:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            yield connection

    def count_again(self, study_instance_uids: Sequence[str]) -> None:
        with self._database.writing() as connection:
            of_study = (
                select(series.c.id)
                .join(studies, studies.c.id == series.c.study_row)
                .where(one_of(studies.c.study_instance_uid, study_instance_uids))
            )
            rows = list(connection.execute(of_study).scalars())
            recount(connection, rows, self._now())

    def drop_loose_row(self, key: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                delete(objects).where(objects.c.key == key, objects.c.state == STORED, ~_is_held())
            )

    def note(self, found: Sequence[Finding], at: datetime) -> None:
        with self._database.writing() as connection:
            for one in found:
                values = {"sentence": one.sentence, "seen_at": at}
                statement = insert_statement(connection, findings).values(
                    kind=one.kind.value,
                    subject=one.subject,
                    sop_instance_uid=one.sop_instance_uid,
                    found_at=at,
                    **values,
                )
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["kind", "subject"], set_=values)
                )

    def settle(self, found: Sequence[Finding]) -> None:
        if not found:
            return
        with self._database.writing() as connection:
            for one in found:
                connection.execute(
                    delete(findings).where(
                        findings.c.kind == one.kind.value, findings.c.subject == one.subject
                    )
                )

    def noted(self) -> Sequence[Noted]:
        statement = select(findings).order_by(findings.c.found_at, findings.c.subject)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Noted(
                Finding(FindingKind(row.kind), row.subject, row.sentence, row.sop_instance_uid),
                row.found_at,
                row.seen_at,
            )
            for row in rows
        ]

    def replace_object(self, instance: StoredInstance, stored: StoredBytes) -> bool:
        replaced: bool = self._committer.write(self._write_replaced, (instance, stored))
        return replaced

    def _write_replaced(
        self, connection: Connection, items: Sequence[tuple[StoredInstance, StoredBytes]]
    ) -> Sequence[bool]:
        return [_replace(connection, *item, self._now()) for item in items]

    def fact(self, name: str) -> str | None:
        statement = select(archive_facts.c.value).where(archive_facts.c.name == name)
        with self._database.reading() as connection:
            value: str | None = connection.execute(statement).scalar()
        return value

    def remember(self, facts: Mapping[str, str]) -> None:
        with self._database.writing() as connection:
            for name, value in facts.items():
                statement = insert_statement(connection, archive_facts).values(
                    name=name, value=value
                )
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
                )


def _replace(
    connection: Connection, instance: StoredInstance, stored: StoredBytes, now: datetime
) -> bool:
    former = select(instances.c.object_row).where(
        instances.c.id == instance.instance_id,
        instances.c.data_set_sha256 == stored.data_set_sha256,
        instances.c.object_row
        == select(objects.c.id).where(objects.c.key == instance.stored.key).scalar_subquery(),
    )
    former_row = connection.execute(former).scalar()
    if former_row is None:
        return False
    values = {"store": stored.store, "key": stored.key, "size_bytes": stored.size_bytes}
    made = objects.insert().values(**values, state=STORED).returning(objects.c.id)
    connection.execute(
        update(instances)
        .where(instances.c.id == instance.instance_id)
        .values(
            object_row=connection.execute(made).scalar_one(),
            offset=stored.offset,
            head_size=stored.head_size,
            head_sha256=stored.head_sha256,
        )
    )
    connection.execute(delete(objects).where(objects.c.id == former_row))
    connection.execute(delete(findings).where(findings.c.subject == instance.stored.key))
    of_series = select(instances.c.series_row).where(instances.c.id == instance.instance_id)
    # The size of the head differs by a few bytes, and so do the sums.
    recount(connection, list(connection.execute(of_series).scalars()), now)
    return True


def _is_held() -> ColumnElement[bool]:
    by_instance = select(instances.c.object_row)
    by_conflict = select(conflicts.c.object_row)
    return objects.c.id.in_(by_instance) | objects.c.id.in_(by_conflict)


def _holders(page: Any) -> Select[Any] | Any:
    of_page = (page.c.store, page.c.key)
    selects = [
        select(*(holder.c[name] for name in (*_SHARED, *_DIGESTS)), *of_page).join(
            page, page.c.id == holder.c.object_row
        )
        for holder in (instances, conflicts)
    ]
    return union_all(*selects)


def _held_object(row: Any) -> HeldObject:
    return HeldObject(stored_bytes(row), row.sop_instance_uid)
