"""
A line to a provider: it carries every request and answer, until one breaks it.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.providers.faults import Fault

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection: *[^\r]*", re.IGNORECASE)


class Line:
    """
    A port of loopback before the server at `to`.

    While there is a `fault`, that is what comes over the line. Every request has a connection of
    its own, so none is left over from before a fault.
    """

    def __init__(self, to: str) -> None:
        self.fault: Fault | None = None
        self.requests: list[bytes] = []
        """The first lines of all requests."""
        self.at = ""
        self._to = urlsplit(to)
        self._talks: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self._talks.discard(task)

    async def quiet(self) -> None:
        """Wait until nobody talks."""
        while self._talks:
            await asyncio.wait(self._talks)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _request(reader)
        self.requests.append(request.partition(b"\r\n")[0])
        if self.fault is None:
            await self._carry(request, writer)
        else:
            await _break(self.fault, reader, writer)

    async def _carry(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        server, client = await asyncio.open_connection(self._to.hostname, self._to.port)
        client.write(request)
        while data := await server.read(65536):
            writer.write(data)
            await writer.drain()
        client.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """A whole request, as one that wants its connection closed after the answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    if length := _LENGTH.search(head):
        body = await reader.readexactly(int(length[1]))
    elif _CHUNKED.search(head):
        body = await reader.readuntil(b"0\r\n\r\n")
    return _CONNECTION.sub(b"", head)[:-2] + b"Connection: close\r\n\r\n" + body


async def _break(fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the fault come over the line, as long as somebody listens."""
    writer.write(fault.answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    if fault.then_drip:
        while True:
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(fault.then_drip)
    if fault.then_wait:
        await reader.read()
    if fault.then_abort:
        await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def line(to: str) -> AsyncIterator[Line]:
    """A line to the server at this address; a request on it is at most some MB."""
    opened = Line(to)
    server = await asyncio.start_server(opened.talk, "127.0.0.1", 0, limit=8 * 1024 * 1024)
    opened.at = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield opened
    server.close()
    await opened.quiet()
