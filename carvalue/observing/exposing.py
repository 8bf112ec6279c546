"""
Shows the metrics to Prometheus, on a port of their own: who reaches the API does not reach them.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from carvalue.core.access import ProviderUsage
from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.core.observer import Backlog
from carvalue.observing.metrics import Metrics

logger = logging.getLogger(__name__)

PROCESSES = 64
"""So many ports are tried: each process of a service with several shows its own metrics."""
HIGHEST_PORT = 65535
SLOWEST_SCRAPE = 10.0
"""Seconds; who reads no faster is left."""
READ_EVERY = 15.0
"""Seconds; Prometheus asks about as often."""


@contextmanager
def exposed(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """
    Show the metrics over HTTP; tells the port: the first that is free from `port` on.

    They are served from a thread, so they can be read while the service is too busy to answer.
    Raises `SettingsIncomplete`.
    """
    server = _listening(metrics, host, port)
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    shown_at = server.server_port
    logger.info("metrics are shown", extra={"host": host, "port": shown_at})
    try:
        yield shown_at
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        logger.info("a scrape has failed", exc_info=True)  # noqa: LOG014 - called in a handler


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = SLOWEST_SCRAPE

    def log_message(self, format: str, *args: object) -> None:
        """Prometheus asks all the time."""


def _listening(metrics: Metrics, host: str, port: int) -> WSGIServer:
    app = make_wsgi_app(metrics.registry)
    kind = _ServerV6 if ":" in host else _Server
    last = min(port + PROCESSES - 1, HIGHEST_PORT)
    for candidate in range(port, last + 1):
        try:
            return make_server(host, candidate, app, kind, _Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and candidate < last:
                continue
            raise SettingsIncomplete(
                f"The metrics cannot be shown on {host}, port {port}: {error.strerror}. "
                "See CARVALUE_METRICS_HOST and CARVALUE_METRICS_PORT."
            ) from error
    raise AssertionError("a port is found, or an error raised")


@dataclass(frozen=True, slots=True)
class Levels:
    """Where that is read which nobody tells: how much there is of something at the moment."""

    check_database: Callable[[], Awaitable[None]]
    usage: Callable[[], Awaitable[Mapping[str, ProviderUsage]]]
    backlog: Callable[[], Awaitable[Backlog]] | None = None

    async def read(self, metrics: Metrics) -> None:
        """Read everything once; without the database, what was read last still stands."""
        try:
            await self.check_database()
            metrics.show_usage(await self.usage())
            if self.backlog is not None:
                metrics.show_backlog(await self.backlog())
        except StoreUnavailable:
            metrics.show_database(up=False)
        else:
            metrics.show_database(up=True)

    async def keep_reading(self, metrics: Metrics) -> None:
        """Read everything now and then, until cancelled."""
        while True:
            try:
                await self.read(metrics)
            except Exception:
                logger.exception("the levels cannot be read")
            await asyncio.sleep(READ_EVERY)
