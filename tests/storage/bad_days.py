"""
What goes wrong with a PostgreSQL server, and the means to see what comes of it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from carvalue.storage import postgres
from carvalue.storage.lanes import Lane


@contextlib.contextmanager
def a_lane(
    url: URL, *, connections: int = 1, idle_seconds: float = 60, queue_seconds: float = 0.5
) -> Iterator[Lane]:
    """Transactions that are waited for a second."""
    lane = postgres.lane(
        url, connections, idle_seconds=idle_seconds, queue_seconds=queue_seconds, run_seconds=0.5
    )
    try:
        yield lane
    finally:
        lane.close()


def end_connections(url: str) -> None:
    """What a restarted server does to those who were connected."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid != pg_backend_pid()"
        )


def stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM provider_calls").fetchone()
        assert row is not None
        return int(row[0])


class Proxy:
    """A way to the server that can swallow all that is sent over it, and let nobody know."""

    def __init__(self, url: str) -> None:
        self._server = make_url(url)
        self._passing: set[asyncio.Task[None]] = set()
        self.swallows = False
        self.lost_one = asyncio.Event()

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[URL]:
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        _, port = listening.sockets[0].getsockname()
        yield URL.create("postgresql", "postgres", None, "127.0.0.1", port, self._server.database)
        listening.close()
        await asyncio.wait(self._passing)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = Path(str(self._server.query["host"])) / ".s.PGSQL.5432"
        from_server, to_server = await asyncio.open_unix_connection(socket)
        ways = (self._pass_on(reader, to_server), self._pass_on(from_server, writer))
        self._passing |= {asyncio.create_task(way) for way in ways}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while sent := await reader.read(65536):
                if not self.swallows:
                    writer.write(sent)
        self.lost_one.set()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
