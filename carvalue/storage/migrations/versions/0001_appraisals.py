"""
Appraisals with their photos and prices, and what users confirmed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "appraisal",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
    )
    op.create_index("ix_appraisal_status", "appraisal", ["status"])
    op.create_index("ix_appraisal_expires_at", "appraisal", ["expires_at"])
    op.create_index("appraisal_newest_first", "appraisal", ["created_at", "id"])
    op.create_table(
        "confirmation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("document", sa.String(), nullable=False),
    )
    op.create_table(
        "photo",
        sa.Column(
            "appraisal_id",
            sa.String(),
            sa.ForeignKey("appraisal.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("side", sa.String(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
    )
    op.create_table(
        "valuation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "appraisal_id",
            sa.String(),
            sa.ForeignKey("appraisal.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
    )
    op.create_index("valuation_newest_first", "valuation", ["appraisal_id", "created_at", "id"])
