"""
A client to ask providers with, and a port where one speaks HTTP as badly as it likes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

Wire = Callable[..., Awaitable[str]]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """Start a server that answers every request with the bytes given; tells its address."""
    servers: list[asyncio.Server] = []
    ended = asyncio.Event()
    talks: set[asyncio.Task[None] | None] = set()

    async def start(
        answer: bytes, *, then_drip: bytes = b"", then_abort: bool = False, then_wait: bool = False
    ) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talks.add(asyncio.current_task())
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                while then_drip and servers:
                    await writer.drain()
                    await asyncio.sleep(0.01)
                    writer.write(then_drip)
                if then_wait:
                    await ended.wait()
            if then_abort:
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
    servers.clear()
    ended.set()
    await asyncio.gather(*filter(None, talks))
