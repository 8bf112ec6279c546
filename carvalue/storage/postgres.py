"""
How PostgreSQL is used: one server, which all replicas of the service share.

All that is read and written goes to this one server, so whoever has written something reads it,
through any replica. A server that is away is found out within seconds, by several limits: none of
them sees every way of being away.
"""

import time
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from carvalue.storage.lanes import Lane

QUEUE_SECONDS = 3.0
RUN_SECONDS = 5.0
IDLE_SECONDS = 5.0
"""A connection that was idle for longer is asked first whether it is alive."""
STATEMENT_MS = 4000
IDLE_IN_TRANSACTION_MS = 15_000
"""Then the server ends the transaction of a replica that is gone, and with it its locks."""

LIMITS: dict[str, Any] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "application_name": "carvalue",
}


def lane(
    url: URL,
    connections: int,
    *,
    idle_seconds: float = IDLE_SECONDS,
    queue_seconds: float = QUEUE_SECONDS,
    run_seconds: float = RUN_SECONDS,
) -> Lane:
    engine = _pooled_engine(url, connections, idle_seconds)
    return Lane(
        engine.execution_options(isolation_level="READ COMMITTED"),
        "database",
        connections,
        queue_seconds=queue_seconds,
        run_seconds=run_seconds,
        # Single statements see what is committed when they begin, in a transaction or not; without
        # BEGIN and COMMIT they take a third of the way.
        autocommit=engine,
    )


def _pooled_engine(url: URL, connections: int, idle_seconds: float) -> Engine:
    engine = create_engine(
        with_driver(url),
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=QUEUE_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,  # errors are logged, with what could be a secret
        use_native_hstore=False,  # it would be asked for on every new connection
        connect_args=_arguments(
            url,
            f"-c statement_timeout={STATEMENT_MS}"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}",
        ),
    )
    _check_idle_connections(engine, idle_seconds)
    return engine


def migrating_engine(url: URL) -> Engine:
    """The engine that tables are changed with, which may take long."""
    return create_engine(
        with_driver(url),
        poolclass=NullPool,
        use_native_hstore=False,
        connect_args=_arguments(url, ""),
    )


def with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg")


def _arguments(url: URL, options: str) -> dict[str, Any]:
    """Our limits, except those that the URL sets itself."""
    own = url.query.get("options", "")
    given = own if isinstance(own, str) else " ".join(own)
    # Times are kept in UTC, whatever the server's own zone.
    options = f"-c timezone=UTC {options} {given}".strip()
    return {key: value for key, value in LIMITS.items() if key not in url.query} | {
        "options": options
    }


def _check_idle_connections(engine: Engine, seconds: float) -> None:
    """Ask those that were idle for so long, or while another one was lost, if they are alive."""
    lost_at = 0.0

    @event.listens_for(engine, "invalidate")
    def _lost(_connection: object, _record: object, _error: object) -> None:
        nonlocal lost_at
        lost_at = time.monotonic()

    @event.listens_for(engine, "checkin")
    def _returned(_connection: object, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _taken(connection: Any, record: Any, _proxy: object) -> None:
        now = time.monotonic()
        used_at = record.info.get("used_at", now)
        if now - used_at < seconds and used_at > lost_at:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool tries another one
