"""
The adapters as most tests want them, and a port where one speaks HTTP as badly as it likes.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import respx
from starlette.applications import Starlette

from carvalue.providers.carquery import CarQuery
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.epa import Epa
from carvalue.providers.imagekit import ImageKit
from carvalue.providers.imagga import Imagga
from carvalue.providers.marketcheck import MarketCheck
from carvalue.providers.vpic_api import VpicApi
from mocks import carquery as carquery_mock
from tests.providers import (
    carquery_answers,
    cloudinary_answers,
    epa_records,
    imagekit_answers,
    imagga_answers,
    marketcheck_answers,
    vpic_answers,
)

Wire = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def certificates() -> ssl.SSLContext:
    """Read once: a client that reads them itself takes longer than all else in most tests."""
    return httpx.create_ssl_context(trust_env=False)


@pytest.fixture
async def http(certificates: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=certificates, trust_env=False) as client:
        yield client


@pytest.fixture
def carquery(http: httpx.AsyncClient) -> CarQuery:
    return carquery_answers.asked_over(http)


@pytest.fixture
async def mocked_carquery() -> AsyncIterator[CarQuery]:
    """CarQuery as the mock plays it."""
    transport = httpx.ASGITransport(app=Starlette(routes=carquery_mock.routes()))
    async with httpx.AsyncClient(transport=transport) as http:
        yield carquery_answers.asked_over(http)


@pytest.fixture
def cloudinary(http: httpx.AsyncClient) -> Cloudinary:
    return cloudinary_answers.a_cloudinary(http)


@pytest.fixture(scope="session")
def epa() -> Epa:
    return Epa(epa_records.Rows(*epa_records.sample()))


@pytest.fixture
def imagekit(http: httpx.AsyncClient) -> ImageKit:
    return imagekit_answers.an_imagekit(http)


@pytest.fixture
def deleted(respx_mock: respx.MockRouter) -> respx.Route:
    """The photo can be deleted at ImageKit."""
    return respx_mock.delete(imagekit_answers.FILE, name="deleted").respond(204)


@pytest.fixture
def imagga(http: httpx.AsyncClient) -> Imagga:
    return imagga_answers.imagga_with(http)


@pytest.fixture
def marketcheck(http: httpx.AsyncClient) -> MarketCheck:
    return marketcheck_answers.a_marketcheck(http)


@pytest.fixture
def vpic(http: httpx.AsyncClient) -> VpicApi:
    return vpic_answers.asked_over(http)


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
