"""Associations that were refused or broke, in an SQL table: the FailedAssociations."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from pacs.associations import Cause, FailedAssociation
from pacs.storage.sql_database import Database
from pacs.storage.sql_values import clean_text
from pacs.storage.sql_work_tables import failed_associations

_TABLE = failed_associations
_SAME = ("cause", "calling_ae_title", "called_ae_title", "address", "wanted", "detail")


class SqlFailedAssociations:
    """The FailedAssociations. The newest `kept` are remembered, so that nobody fills the disk."""

    def __init__(self, database: Database, *, kept: int = 1000) -> None:
        self._database = database
        self._kept = kept

    def record(self, failed: FailedAssociation) -> None:
        values = {name: clean_text(getattr(failed, name)) or "" for name in _SAME}
        same = [_TABLE.c[name] == value for name, value in values.items()]
        oldest_kept = (
            select(_TABLE.c.at).order_by(_TABLE.c.at.desc()).offset(self._kept - 1).limit(1)
        )
        with self._database.writing() as connection:
            again = update(_TABLE).where(*same).values(at=failed.at, times=_TABLE.c.times + 1)
            if connection.execute(again).rowcount:
                return
            connection.execute(_TABLE.insert().values(**values, at=failed.at, times=failed.times))
            connection.execute(delete(_TABLE).where(_TABLE.c.at < oldest_kept.scalar_subquery()))

    def newest(self, limit: int) -> Sequence[FailedAssociation]:
        statement = select(_TABLE).order_by(_TABLE.c.at.desc(), _TABLE.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            FailedAssociation(
                at=row.at,
                cause=Cause(row.cause),
                calling_ae_title=row.calling_ae_title,
                called_ae_title=row.called_ae_title,
                address=row.address,
                wanted=row.wanted,
                detail=row.detail,
                times=row.times,
            )
            for row in rows
        ]
