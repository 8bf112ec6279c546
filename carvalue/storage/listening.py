"""
Tells the processes that share a PostgreSQL database what the others have changed.

LISTEN and NOTIFY: a notice leaves with the transaction that it speaks of, and reaches only those
who listen at that moment. So whoever was cut off takes everything for changed.
"""

import asyncio
import logging

from sqlalchemy import String, bindparam, func, make_url, select
from sqlmodel import Session

from carvalue.core.changes import Changes
from carvalue.storage.database import is_postgresql

logger = logging.getLogger(__name__)

CHANNEL = "carvalue_changed"
NOTIFIED_OF = "notified_of"
NOTIFIED = func.pg_notify(CHANNEL, bindparam(NOTIFIED_OF, type_=String))
"""A column of a query; it tells the others, after the commit, that an appraisal has changed."""
_NOTIFIED = select(NOTIFIED)
AGAIN_AFTER = 1.0
"""Seconds until a lost connection is made anew."""


def notify(session: Session, id: str) -> None:
    """Tell the others, when this transaction is committed, that an appraisal has changed."""
    if is_postgresql(session):
        session.connection().execute(_NOTIFIED, {NOTIFIED_OF: id})


async def listen(url: str, changes: Changes) -> None:
    """Pass on what others change, until cancelled; at once done where nobody shares."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return
    import psycopg  # 9 MB and 0.1 s, which SQLite does without

    address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                address, autocommit=True, connect_timeout=5
            )
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                changes.anything()
                async for notice in connection.notifies():
                    changes.changed(notice.payload)
        except psycopg.Error:
            # The cause may name the address with its password.
            logger.warning("changes of other processes are not heard of")
        await asyncio.sleep(AGAIN_AFTER)
