"""
Work that outlives its process: leases, paid calls, request keys, outgoing webhooks.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # A list of one status is ordered by time, however many there are.
    op.drop_index("ix_appraisal_status", "appraisal")
    op.create_index("appraisal_of_status", "appraisal", ["status", "created_at", "id"])
    op.add_column("appraisal", sa.Column("stage", sa.String(), nullable=True))
    op.add_column("appraisal", sa.Column("lease", sa.String(), nullable=True))
    op.add_column(
        "appraisal", sa.Column("lease_until", sa.Float(), nullable=False, server_default="0")
    )
    op.add_column("appraisal", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    # Nobody works any more at what was being categorized; what awaits an answer waits on.
    op.execute(
        "UPDATE appraisal SET stage = 'categorization' WHERE status = 'categorizing'"
        " AND id NOT IN (SELECT appraisal_id FROM awaited)"
    )
    # Nor at the specs or the price of a car; where none was asked for, that is seen when it is
    # taken up.
    op.execute(
        "UPDATE appraisal SET stage = 'specs' WHERE status = 'confirmed' AND ("
        """document LIKE '%"specs_step":{"status":"pending"%' OR """
        """document LIKE '%"valuation_step":{"status":"pending"%')"""
    )
    is_open = sa.text("stage IS NOT NULL")
    op.create_index(
        "appraisal_open",
        "appraisal",
        ["lease_until"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "paid_call",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("appraisal_id", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("document", sa.String(), nullable=True),
    )
    op.create_index("ix_paid_call_appraisal_id", "paid_call", ["appraisal_id"])
    op.create_index("ix_paid_call_sent_at", "paid_call", ["sent_at"])
    op.create_index("paid_call_question", "paid_call", ["question", "settled_at"])
    op.create_table(
        "request_key",
        sa.Column("caller", sa.String(), primary_key=True),
        sa.Column("operation", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_request_key_expires_at", "request_key", ["expires_at"])
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("event_types", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("old_secret", sa.String(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(), nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("failing_since", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "endpoint_id",
            sa.String(),
            sa.ForeignKey("webhook_endpoint.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("last_attempt_at", sa.DateTime(), nullable=True),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
    )
    op.create_index("webhook_delivery_due", "webhook_delivery", ["endpoint_id", "status", "due_at"])
    op.create_index(
        "webhook_delivery_newest_first", "webhook_delivery", ["endpoint_id", "created_at", "id"]
    )
