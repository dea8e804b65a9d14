"""How many associations at once a peer takes from us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "peers",
        sa.Column("associations", sa.Integer(), nullable=False, server_default="1"),
    )
