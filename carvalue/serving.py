"""
How the service takes connections: none may cost it more than a caller is worth.

uvicorn waits for a request for ever and, with httptools, takes headers of any size. Here the head
of a request has a size and a time, an answer must be read, and when there are too many connections
the one that has said nothing for longest makes room. How long a body may take is the matter of
`carvalue.web.requests`, which can answer as everywhere else.
"""

import contextlib
import ctypes
import gc
import logging
import socket
import sys
from asyncio import TimerHandle, Transport
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, TypedDict
from uuid import uuid4

import uvicorn
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent
from uvicorn._types import Scope as AsgiScope
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.supervisors import Multiprocess

from carvalue.web.problem_schemas import Problem
from carvalue.web.problems import MEDIA_TYPE, RETRY_SECONDS, TITLE_OF

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

MAX_HEAD = 32 * 1024
"""Bytes of the request line and the headers; and of what is no body around the chunks of one."""
MAX_FIELDS = 100
"""Headers of a request."""
CHUNK_HEADER = 64
"""Bytes that a chunk may bring besides what it holds."""
OTHER_FILES = 256
"""Files and sockets that a process has besides its callers' connections."""
BACKLOG = 2048
"""Connections that the system holds while the process is busy."""
ACCEPTED_AT_ONCE = 32
"""Connections that are accepted in one turn of the event loop."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
SWITCHED_AFTER = 0.0005
"""
Seconds after which one thread lets another one run. A transaction comes back to Python after every
way to the database; by Python's 5 ms it would wait for so long each time that others are busy.
"""
KEPT_BLOCK, KEPT_MEMORY = 32 << 20, 64 << 20
"""Bytes: what is larger is given back at once, and so is what is free beyond this."""

REFUSALS = {
    400: ("Bad Request", "malformed-body", "This is no HTTP request that can be read."),
    408: ("Request Timeout", "too-slow", "The request took too long to arrive."),
    431: ("Request Header Fields Too Large", "head-too-large", "The headers are too large."),
    503: ("Service Unavailable", "overloaded", "There are too many connections right now."),
}


class Refused(Exception):
    """Leaves the parser, for which every exception is a bad request."""


class GuardedProtocol(HttpToolsProtocol):
    """A connection that is closed when it is too slow or asks for too much."""

    head_seconds: ClassVar[float] = 10.0
    """From the connection, or the answer before, to the end of a request's headers."""
    unread_seconds: ClassVar[float] = 20.0
    """How long nothing of an answer may be read."""
    looks_every: ClassVar[float] = 1.0
    most_connections: ClassVar[int] = 1000
    """Of one process."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        settle_down()
        super().connection_made(transport)
        self.waits_since: float | None = self.loop.time()
        """When it began to wait for a request; None while one is worked at."""
        self._unread, self._unread_since = 0, self.waits_since
        self._size = self._fields = self._outside = 0
        self._is_empty, self._in_head = True, False
        self._refusal = 400
        self._looking: TimerHandle = self.loop.call_later(self.looks_every, self._look)
        if len(self.connections) > self.most_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._is_empty = False
        self._outside += len(data)
        super().data_received(data)
        if self._outside > MAX_HEAD:
            self._refuse(431)

    # What the parser finds

    def on_message_begin(self) -> None:
        self._in_head = True
        self._size = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._count(len(name) + len(value))
        if self._in_head:  # one that follows the body would be added to a request under way
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._outside = 0
        if self._refusal == 503 or self.parser.get_http_version() not in ("1.0", "1.1"):
            raise Refused
        self.waits_since = None
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        self._outside -= CHUNK_HEADER

    def on_body(self, body: bytes) -> None:
        self._outside -= len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self.waits_since = self.loop.time()
            self._is_empty = True
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HEAD or self._fields > MAX_FIELDS:
            self._refusal = 431
            raise Refused

    # What is done about it

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        async def hanging_up(
            scope: AsgiScope, receive: ASGIReceiveCallable, send: ASGISendCallable
        ) -> None:
            async def send_last(message: ASGISendEvent) -> None:
                if cycle.more_body and message["type"] == "http.response.start":
                    cycle.keep_alive = False  # nobody reads the rest of the body
                await send(message)

            await app(scope, receive, send_last)

        super()._start_asgi_task(cycle, hanging_up)

    def _look(self) -> None:
        self._looking = self.loop.call_later(self.looks_every, self._look)
        now = self.loop.time()
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread < self._unread:
            self._unread_since = now
        self._unread = unread
        if now - self._unread_since > self.unread_seconds:
            self.transport.abort()
        elif self.waits_since is not None and now - self.waits_since > self.head_seconds:
            self._refuse(408)

    def _make_room(self) -> None:
        """Let go who has waited for longest; where all are worked at, this one is told so."""
        waiting = [
            one
            for one in self.connections
            if isinstance(one, GuardedProtocol) and one is not self and one.waits_since is not None
        ]
        if waiting:
            min(waiting, key=lambda one: one.waits_since or 0.0).transport.abort()
        else:
            self._refusal = 503

    def _refuse(self, status: int) -> None:
        if self.transport.is_closing():
            return
        answering = self.cycle and self.cycle.response_started and not self.cycle.response_complete
        # Who has asked nothing is answered nothing, and no answer goes into another one.
        if not self._is_empty and not answering:
            self.transport.write(_refusal(status))
        self.transport.close()


def _refusal(status: int) -> bytes:
    """An answer as those of `carvalue.web.problems`, for which there is no request yet."""
    phrase, code, detail = REFUSALS[status]
    id = uuid4()
    problem = Problem(
        type=f"/problems/{code}",
        title=TITLE_OF[code],
        status=status,
        code=code,
        detail=detail,
        instance=f"urn:uuid:{id}",
        errors=[],
        retryable=status in (408, 503),
    )
    body = problem.model_dump_json(exclude_none=True)
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        "X-Request-Id": str(id),
        "X-Content-Type-Options": "nosniff",
    }
    if problem.retryable:
        headers["Retry-After"] = str(RETRY_SECONDS)
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    logger.info("connection refused", extra={"status": status})
    return "\r\n".join([*lines, "", body]).encode()


class ServerOptions(TypedDict):
    """What uvicorn is told, by the command line and by the demo alike."""

    http: type[GuardedProtocol]
    ws: Any
    backlog: int
    forwarded_allow_ips: str
    log_config: None
    access_log: bool


def server_options(trusted_proxies: str) -> ServerOptions:
    """`trusted_proxies`: addresses and networks whose `X-Forwarded-For` is believed."""
    return ServerOptions(
        http=GuardedProtocol,
        ws="none",
        backlog=BACKLOG,
        forwarded_allow_ips=trusted_proxies,
        log_config=None,
        access_log=False,
    )


def run_server(config: uvicorn.Config) -> None:
    """Serve until it is told to stop, as `uvicorn.run` does."""
    raise_file_limit()
    if config.workers == 1:
        config.load_app()
    server = uvicorn.Server(config)
    sockets = listeners(config.bind_socket())
    with contextlib.suppress(KeyboardInterrupt):
        if config.workers > 1:
            Multiprocess(config, sockets=sockets).run()
        else:
            server.run(sockets)
    if config.workers == 1 and not server.started:
        sys.exit(STARTUP_FAILURE)


@contextlib.contextmanager
def collector_at_rest() -> Iterator[None]:
    """What is made within the block stays; nothing need be looked through again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cache
def settle_down() -> None:
    """
    Tell the process, at its first connection, that all has been loaded.

    The garbage collector passes over it from now on: to look through it takes hundreds of
    milliseconds in which nobody is served, again and again when there is much to do.
    """
    gc.collect()
    gc.freeze()
    keep_memory()
    sys.setswitchinterval(SWITCHED_AFTER)


def keep_memory() -> None:
    """
    Let the memory of one upload be used for the next one.

    To give it back and ask the system for it anew, as glibc does with blocks of more than 128 kB,
    costs an eighth of receiving it. Where there is no glibc, nothing is done.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)  # what the start has left
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY)


def listeners(bound: socket.socket) -> list[socket.socket]:
    """
    The same socket many times over.

    uvloop accepts one connection in each turn of its loop, for each socket that it listens on
    (libuv since 1.45). When turns take 20 ms, the last of 300 callers would wait for six seconds.
    """
    return [bound, *(bound.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def raise_file_limit() -> None:
    """Let the process, and those that it starts, hold as many connections as it takes."""
    if resource is None:
        return
    wanted = GuardedProtocol.most_connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        logger.warning(
            "only %d files may be open; %d connections need %d",
            most,
            GuardedProtocol.most_connections,
            wanted,
        )
