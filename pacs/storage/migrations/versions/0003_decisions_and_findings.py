"""What people decided, what follows from it for each row, and what checks found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=True),
        sa.Column("written", TEXT, nullable=False),
        sa.Column("undone_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index("decisions_study", "decisions", ["study_instance_uid"], unique=False)
    op.create_index("decisions_at", "decisions", ["at"], unique=False)
    op.create_table(
        "findings",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=True),
        sa.Column("sentence", TEXT, nullable=False),
        sa.Column("found_at", TEXT, nullable=False),
        sa.Column("seen_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.add_column("objects", sa.Column("state_since", TEXT, nullable=True))
    op.add_column("instances", sa.Column("trashed_by", TEXT, nullable=True))
    op.add_column("conflicts", sa.Column("resolution", TEXT, nullable=True))
    op.add_column("conflicts", sa.Column("resolved_by", TEXT, nullable=True))
    op.add_column("studies", sa.Column("as_received", TEXT, nullable=True))
    op.add_column("studies", sa.Column("overlay", TEXT, nullable=True))
    op.add_column("studies", sa.Column("held_by", TEXT, nullable=True))
