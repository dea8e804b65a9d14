"""The tables of what people decided and of what checks found."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from pacs.storage.sql_schema import BYTE_ORDERED, Moment, metadata

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", BYTE_ORDERED, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", BYTE_ORDERED, nullable=False),
    Column("study_instance_uid", BYTE_ORDERED),
    Column("written", BYTE_ORDERED, nullable=False),
    Column("undone_by", BYTE_ORDERED),
)
"""`written` is the JSON text of the ledger."""

findings = Table(
    "findings",
    metadata,
    Column("kind", BYTE_ORDERED, primary_key=True),
    Column("subject", BYTE_ORDERED, primary_key=True),
    Column("sop_instance_uid", BYTE_ORDERED),
    Column("sentence", BYTE_ORDERED, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
"""What is wrong and not mended yet; `subject` is the key of an object or a UID."""

Index("decisions_study", decisions.c.study_instance_uid)
Index("decisions_at", decisions.c.at)
