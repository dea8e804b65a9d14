"""The tables of background work, of forwarding and webhooks, and of associations that failed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table

from pacs.storage.sql_schema import BYTE_ORDERED, KEY, Moment, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", BYTE_ORDERED, nullable=False),
    Column("subject", BYTE_ORDERED, nullable=False),
    Column("payload", BYTE_ORDERED, nullable=False),
    Column("state", BYTE_ORDERED, nullable=False),
    Column("created", Moment, nullable=False),
    Column("due", Moment, nullable=False),
    Column("finished", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger, nullable=False, server_default="0"),
    Column("claimed_by", BYTE_ORDERED),
    Column("claimed_until", Moment),
    Column("last_error", BYTE_ORDERED),
)
"""`payload` is JSON, written and read by the engine whose kind of job it is."""

forwarding_rules = Table(
    "forwarding_rules",
    metadata,
    Column("name", BYTE_ORDERED, primary_key=True),
    Column("ae_title", BYTE_ORDERED, nullable=False),
    Column("conditions", BYTE_ORDERED, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
)
"""`conditions` is JSON; a rule is read as a whole and judged by the engine, never by SQL."""

sent_instances = Table(
    "sent_instances",
    metadata,
    Column("ae_title", BYTE_ORDERED, primary_key=True),
    Column("sop_instance_uid", BYTE_ORDERED, primary_key=True),
    Column("data_set_sha256", BYTE_ORDERED, nullable=False),
    Column("at", Moment, nullable=False),
)
"""What a peer acknowledged, and with which content, so that no rule sends it there twice."""

failed_associations = Table(
    "failed_associations",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("cause", BYTE_ORDERED, nullable=False),
    Column("calling_ae_title", BYTE_ORDERED, nullable=False),
    Column("called_ae_title", BYTE_ORDERED, nullable=False),
    Column("address", BYTE_ORDERED, nullable=False),
    Column("wanted", BYTE_ORDERED, nullable=False),
    Column("detail", BYTE_ORDERED, nullable=False),
    Column("times", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Associations that were refused or broke, the same trouble of the same caller in one row."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("name", BYTE_ORDERED, primary_key=True),
    Column("url", BYTE_ORDERED, nullable=False),
    Column("secret", BYTE_ORDERED, nullable=False),
    Column("created", Moment, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("enabled", Boolean, nullable=False),
)
"""`position`: cursor of the change that was told last. `secret` signs, so it is kept as it is."""

Index(
    "jobs_one_waiting",
    jobs.c.kind,
    jobs.c.subject,
    unique=True,
    sqlite_where=jobs.c.state == "waiting",
    postgresql_where=jobs.c.state == "waiting",
)
Index("jobs_due", jobs.c.state, jobs.c.due)
Index("failed_associations_at", failed_associations.c.at)
