"""Jobs that carry what they need and show how far they are; forwarding; calls that failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.drop_table("jobs")  # nothing was ever written to it
    _create_jobs()
    op.create_table(
        "forwarding_rules",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("conditions", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sent_instances",
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("data_set_sha256", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("ae_title", "sop_instance_uid"),
    )
    op.create_table(
        "failed_associations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("calling_ae_title", TEXT, nullable=False),
        sa.Column("called_ae_title", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("wanted", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("failed_associations_at", "failed_associations", ["at"], unique=False)
    op.add_column(
        "peers",
        sa.Column("reports_here", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("due", TEXT, nullable=False),
        sa.Column("finished", TEXT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("done", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("total", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("claimed_by", TEXT, nullable=True),
        sa.Column("claimed_until", TEXT, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("jobs_due", "jobs", ["state", "due"], unique=False)
    op.create_index(
        "jobs_one_waiting",
        "jobs",
        ["kind", "subject"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
