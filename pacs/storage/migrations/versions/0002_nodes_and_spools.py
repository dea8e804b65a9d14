"""The nodes of an archive, and an index of what waits in their spools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
SPOOLED = sa.text("store LIKE 'spool:%'")


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("last_seen", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "objects_spooled",
        "objects",
        ["store", "id"],
        unique=False,
        sqlite_where=SPOOLED,
        postgresql_where=SPOOLED,
    )
    op.create_index("conflicts_object", "conflicts", ["object_row"], unique=False)
