"""
Turns at providers that several processes call.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table("provider_line", sa.Column("provider", sa.String(), primary_key=True))
    op.create_table(
        "provider_turn",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False, unique=True),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
    )
    op.create_index("provider_turn_in_line", "provider_turn", ["provider", "number"])
