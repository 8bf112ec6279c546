"""
What Alembic runs: on the connection that it is given, or on `-x url=...` when a developer calls it.
"""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from carvalue.storage import (  # noqa: F401 - registers them
    key_tables,
    limit_tables,
    tables,
    turn_tables,
    webhook_tables,
    work_tables,
)
from carvalue.storage.database import database_url, migrating_engine


def run_on(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        transactional_ddl=True,  # SQLite's too, since BEGIN is ours
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run_on(given)
else:
    url = context.get_x_argument(as_dictionary=True)["url"]
    with migrating_engine(database_url(str(url))).begin() as own:
        run_on(own)
