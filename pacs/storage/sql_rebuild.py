"""What making the index again asks of an empty database: the RebuildIndex."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from pacs.storage.interfaces import AddResult, InstanceRecord
from pacs.storage.sql_arrivals import write_arrivals
from pacs.storage.sql_database import Database
from pacs.storage.sql_decision_tables import decisions
from pacs.storage.sql_overlays import refresh_patients
from pacs.storage.sql_schema import objects, patients, series, studies


class SqlRebuild:
    """The RebuildIndex."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_empty(self) -> bool:
        with self._database.reading() as connection:
            tables = (studies, objects, decisions)
            return not any(connection.execute(select(table).limit(1)).first() for table in tables)

    def add_many(self, records: Sequence[InstanceRecord]) -> Sequence[InstanceRecord]:
        with self._database.writing() as connection:
            in_order = sorted(records, key=lambda one: (one.received, one.stored.key))
            now = max((one.received for one in in_order), default=None)
            added = write_arrivals(connection, in_order, now) if now else []
        return [
            record
            for record, one in zip(in_order, added, strict=True)
            if one.result is AddResult.EXISTS
        ]

    def finish(self, now: datetime) -> None:
        # An ETag names a series and its revision: the new ones must be none that was given out.
        base = int(now.timestamp())
        with self._database.writing() as connection:
            connection.execute(update(series).values(revision=series.c.revision + base))
            rows = list(connection.execute(select(patients.c.id)).scalars())
            refresh_patients(connection, rows)
