"""
How many cars a price was compared with is called `comparables`, as everywhere.

The key stands in documents; within a string of theirs its quotes would be escaped.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = ("appraisal", "valuation", "kept_answer")


def upgrade() -> None:
    before, after = '"sample_size":', '"comparables":'
    for table in TABLES:
        document = sa.column("document", sa.String())
        op.execute(
            sa.update(sa.table(table, document))
            .where(document.contains(before))
            .values(document=sa.func.replace(document, before, after))
        )
