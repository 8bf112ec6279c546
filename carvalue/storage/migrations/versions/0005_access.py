"""
Who may come in, and to whom everything belongs. What was there before belongs to nobody special.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ANYBODY = "anybody"


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False, unique=True),
        sa.Column("old_hash", sa.String(), nullable=True, unique=True),
        sa.Column("old_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.Column("last_used_on", sa.Date(), nullable=True),
    )
    op.create_table(
        "used_challenge",
        sa.Column("hash", sa.String(), primary_key=True),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_used_challenge_expires_at", "used_challenge", ["expires_at"])
    op.create_table(
        "server_secret",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("secret", sa.String(), nullable=False),
    )
    for table in ("appraisal", "webhook_endpoint"):
        op.add_column(
            table, sa.Column("owner", sa.String(), nullable=False, server_default=ANYBODY)
        )
    # Every list is one owner's.
    op.drop_index("appraisal_newest_first", "appraisal")
    op.drop_index("appraisal_of_status", "appraisal")
    op.create_index("appraisal_newest_first", "appraisal", ["owner", "created_at", "id"])
    op.create_index("appraisal_of_status", "appraisal", ["owner", "status", "created_at", "id"])
    op.create_index("ix_webhook_endpoint_owner", "webhook_endpoint", ["owner"])
    op.execute(f"UPDATE request_key SET caller = '{ANYBODY}' WHERE caller = ''")  # noqa: S608
