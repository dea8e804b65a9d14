"""Which instances are held, in SQL tables: the InstanceIndex."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select, update

from pacs.errors import NotFound
from pacs.storage.interfaces import (
    Added,
    Conflict,
    InstanceRecord,
    Selection,
    SeriesState,
    StoredInstance,
)
from pacs.storage.sql_arrivals import write_arrivals
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_conflict_rows import list_conflicts
from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_missing
from pacs.storage.sql_instance_rows import (
    bytes_values,
    find_instances,
    object_values,
    select_instances,
    selected,
    selected_series,
    stored_instance,
)
from pacs.storage.sql_migrations import check_schema
from pacs.storage.sql_recount import recount
from pacs.storage.sql_schema import conflicts, instances, objects, series, studies


def utc_now() -> datetime:
    return datetime.now(UTC)


class SqlInstanceIndex:
    """The InstanceIndex in a database. close() writes what waits."""

    def __init__(
        self,
        database: Database,
        *,
        committer: Committer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._committer = committer or Committer(database)
        self._now = now

    def close(self) -> None:
        self._committer.close()

    def check_ready(self) -> None:
        check_schema(self._database)

    def find(self, sop_instance_uid: str) -> StoredInstance | None:
        with self._database.reading() as connection:
            return next(find_instances(connection, [sop_instance_uid]), None)

    def add(self, record: InstanceRecord) -> Added:
        added: Added = self._committer.write(self._write_arrivals, record)
        return added

    def add_conflict(self, record: InstanceRecord, existing: StoredInstance) -> bool:
        added: bool = self._committer.write(_write_conflicts, (record, existing))
        return added

    def has_conflict(
        self, sop_instance_uid: str, transfer_syntax_uid: str, data_set_sha256: str
    ) -> bool:
        with self._database.reading() as connection:
            return _has_conflict(connection, sop_instance_uid, transfer_syntax_uid, data_set_sha256)

    def conflicts(self) -> Sequence[Conflict]:
        with self._database.reading() as connection:
            return list_conflicts(connection, conflicts.c.resolved_at.is_(None))

    def restore(self, sop_instance_uid: str) -> None:
        self._committer.write(self._write_restored, sop_instance_uid)

    def instances(self, selection: Selection) -> Iterator[StoredInstance]:
        statement = (
            selected(select_instances(), selection)
            .where(instances.c.in_trash.is_(False))
            .order_by(
                studies.c.study_instance_uid,
                series.c.series_number_number.asc().nulls_last(),
                series.c.id,
                instances.c.instance_number_number.asc().nulls_last(),
                instances.c.id,
            )
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return map(stored_instance, rows)

    def series_states(self, selection: Selection) -> Sequence[SeriesState]:
        statement = (
            select(
                series.c.id,
                studies.c.study_instance_uid,
                series.c.series_instance_uid,
                series.c.revision,
                series.c.changed_at,
            )
            .join(studies, studies.c.id == series.c.study_row)
            .where(series.c.number_of_series_related_instances > 0)
            .order_by(
                studies.c.study_instance_uid,
                series.c.series_number_number.asc().nulls_last(),
                series.c.id,
            )
        )
        with self._database.reading() as connection:
            rows = connection.execute(selected_series(statement, selection)).all()
        return [
            SeriesState(
                row.id,
                row.study_instance_uid,
                row.series_instance_uid,
                row.revision,
                row.changed_at,
            )
            for row in rows
        ]

    def _write_arrivals(
        self, connection: Connection, records: Sequence[InstanceRecord]
    ) -> Sequence[Added]:
        return write_arrivals(connection, records, self._now())

    def _write_restored(self, connection: Connection, uids: Sequence[str]) -> Sequence[None]:
        found = list(find_instances(connection, uids))
        known = {one.identity.sop_instance_uid for one in found}
        missing = [uid for uid in uids if uid not in known]
        if missing:
            raise NotFound(f"instance {missing[0]} is not in the index")
        trashed = [one for one in found if one.in_trash]
        connection.execute(
            update(instances)
            .where(instances.c.id.in_([one.instance_id for one in trashed]))
            .values(in_trash=False, times_restored=instances.c.times_restored + 1)
        )
        self._recount(connection, trashed)
        return [None] * len(uids)

    def _recount(self, connection: Connection, touched: Sequence[StoredInstance]) -> None:
        recount(connection, {one.series_id for one in touched}, self._now())


def _write_conflicts(
    connection: Connection, items: Sequence[tuple[InstanceRecord, StoredInstance]]
) -> Sequence[bool]:
    return [_write_conflict(connection, record, existing) for record, existing in items]


def _write_conflict(
    connection: Connection, record: InstanceRecord, existing: StoredInstance
) -> bool:
    identity = record.identity
    digest = record.stored.data_set_sha256
    if _has_conflict(connection, identity.sop_instance_uid, record.transfer_syntax_uid, digest):
        return False
    made = connection.execute(objects.insert().returning(objects.c.id), object_values(record))
    object_row = made.scalar_one()
    values = {
        **bytes_values(record),
        "instance_row": existing.instance_id,
        "object_row": object_row,
        "study_instance_uid": identity.study_instance_uid,
        "series_instance_uid": identity.series_instance_uid,
    }
    unique = ("sop_instance_uid", "transfer_syntax_uid", "data_set_sha256")
    if insert_missing(connection, conflicts, [values], unique=unique, returned=("id",)):
        return True
    # Another node was faster by a moment.
    connection.execute(delete(objects).where(objects.c.id == object_row))
    return False


def _has_conflict(
    connection: Connection, sop_instance_uid: str, transfer_syntax_uid: str, data_set_sha256: str
) -> bool:
    statement = select(conflicts.c.id).where(
        conflicts.c.sop_instance_uid == sop_instance_uid,
        conflicts.c.transfer_syntax_uid == transfer_syntax_uid,
        conflicts.c.data_set_sha256 == data_set_sha256,
    )
    return connection.execute(statement).first() is not None
