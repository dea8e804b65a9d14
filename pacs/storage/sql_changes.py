"""The change feed: one entry for each study and transaction, in the order of the commits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from pacs.storage.sql_schema import changes

STUDY_ADDED = "study_added"
STUDY_CHANGED = "study_changed"
STUDY_REMOVED = "study_removed"

_INSERT = changes.insert()
_ADVISORY_LOCK = 0x63686E67  # "chng"


def write_changes(
    connection: Connection, entries: Iterable[tuple[str, str]], now: datetime
) -> None:
    """Write (kind, Study Instance UID) entries; the last thing a transaction does.

    PostgreSQL hands out numbers when a row is written but shows rows when they are committed: a
    reader that saw number 8 would miss 7 if it came later. So the writers take turns from here on.
    """
    rows = [
        {"kind": kind, "study_instance_uid": study_instance_uid, "at": now}
        for kind, study_instance_uid in entries
    ]
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(_INSERT, rows)
