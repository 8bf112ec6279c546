"""
What is asked of providers: late answers, quotas, kept answers, the EPA's data.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "awaited",
        sa.Column("provider", sa.String(), primary_key=True),
        sa.Column("ticket", sa.String(), primary_key=True),
        sa.Column(
            "appraisal_id",
            sa.String(),
            sa.ForeignKey("appraisal.id", ondelete="CASCADE"),
            primary_key=True,
        ),
    )
    op.create_index("ix_awaited_appraisal_id", "awaited", ["appraisal_id"])
    op.create_table(
        "provider_calls",
        sa.Column("provider", sa.String(), primary_key=True),
        sa.Column("began_on", sa.Date(), primary_key=True),
        sa.Column("calls", sa.Integer(), nullable=False),
    )
    op.create_table(
        "kept_answer",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("fetched_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
    )
    op.create_index("ix_kept_answer_expires_at", "kept_answer", ["expires_at"])
    op.create_table(
        "epa_vehicle",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("make_key", sa.String(), nullable=False),
        sa.Column("model_key", sa.String(), nullable=False),
        sa.Column("base_key", sa.String(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
    )
    op.create_index("epa_vehicle_of_make", "epa_vehicle", ["make_key", "year"])
    op.create_table(
        "epa_import",
        sa.Column("file_hash", sa.String(), primary_key=True),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
    )
