"""
What callers have asked for, and what it cost at providers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "request_count",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "daily_calls",
        sa.Column("tenant", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("calls", sa.Integer(), nullable=False),
    )
