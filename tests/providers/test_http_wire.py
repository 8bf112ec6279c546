"""
What goes wrong below HTTP, over real sockets and with both kinds of client: httpx's own, and the
one on aiohttp that the service uses.
"""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from httpx_aiohttp import HttpxAiohttpClient

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.providers.http import Answer, Channel, fetch
from tests.providers.conftest import Wire

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Number(Answer):
    number: int


@pytest.fixture(params=[httpx.AsyncClient, HttpxAiohttpClient])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with request.param(timeout=5.0, trust_env=False, follow_redirects=False) as client:
        yield client


async def ask(
    http: httpx.AsyncClient,
    url: str,
    *,
    seconds: float = 5.0,
    headers: dict[str, str] | None = None,
) -> Number:
    asked = fetch(
        Channel(http, "someone", seconds),
        Number,
        "POST",
        url,
        cost=1,
        json={},
        headers=headers or {},
    )
    return await asyncio.wait_for(asked, timeout=10)


async def test_an_answer(http: httpx.AsyncClient, wire: Wire) -> None:
    url = await wire(HEAD + b'Content-Length: 12\r\n\r\n{"number":7}')

    assert (await ask(http, url)).number == 7


async def test_a_body_that_drips(http: httpx.AsyncClient, wire: Wire) -> None:
    """
    One byte every 10 ms is no answer: the whole call has one limit.
    """
    url = await wire(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", then_drip=b"1\r\n \r\n")

    with pytest.raises(ProviderTimedOut):
        await ask(http, url, seconds=0.2)


async def test_headers_that_drip(http: httpx.AsyncClient, wire: Wire) -> None:
    url = await wire(b"HTTP/1.1 200 OK\r\n", then_drip=b"X-Again: and again\r\n")

    with pytest.raises(ProviderTimedOut):
        await ask(http, url, seconds=0.2)


@pytest.mark.parametrize(
    "rest",
    [
        b'Content-Length: 70\r\n\r\n{"number":7}',
        b'Transfer-Encoding: chunked\r\n\r\n20\r\n{"number":7}',
    ],
    ids=["length", "chunked"],
)
async def test_a_connection_that_breaks_in_the_answer(
    http: httpx.AsyncClient, wire: Wire, rest: bytes
) -> None:
    """
    Half an answer is none, even where the half would read as one.
    """
    url = await wire(HEAD + rest)

    with pytest.raises(ProviderUnavailable):
        await ask(http, url)


async def test_a_connection_that_is_reset(http: httpx.AsyncClient, wire: Wire) -> None:
    url = await wire(b"", then_abort=True)

    with pytest.raises(ProviderUnavailable):
        await ask(http, url)


async def test_nobody_listens(http: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ProviderUnavailable):
        await ask(http, f"http://127.0.0.1:{port}")


async def test_a_compressed_answer(http: httpx.AsyncClient, wire: Wire) -> None:
    """
    Neither client unpacks it before we can refuse it.
    """
    body = b'Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n{"number":7}'
    url = await wire(HEAD + body)

    with pytest.raises(ProviderAnswerUnreadable):
        await ask(http, url)


async def test_a_redirect(http: httpx.AsyncClient, wire: Wire) -> None:
    target = await wire(HEAD + b'Content-Length: 12\r\n\r\n{"number":7}')
    url = await wire(
        b"HTTP/1.1 307 Elsewhere\r\nContent-Length: 0\r\nLocation: " + target.encode() + b"\r\n\r\n"
    )

    with pytest.raises(ProviderAnswerUnreadable):
        await ask(http, url)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 900_000 + b"\r\n\r\n{}",
    ],
    ids=["another protocol", "a header without end"],
)
async def test_no_http_at_all(http: httpx.AsyncClient, wire: Wire, answer: bytes) -> None:
    """
    What is not HTTP is an outage like any other, and its cause does not hold our key.
    """
    url = await wire(answer)

    with pytest.raises(ProviderUnavailable) as failed:
        await ask(http, url, headers={"Authorization": "Bearer secret-key"})

    assert "secret-key" not in f"{failed.value.__cause__!r}"


async def test_a_key_that_fits_no_header(http: httpx.AsyncClient, wire: Wire) -> None:
    """
    A key that was pasted badly is a failure of the provider, not of the request; it is not shown.
    """
    url = await wire(HEAD + b'Content-Length: 12\r\n\r\n{"number":7}')

    with pytest.raises(ProviderUnavailable) as failed:
        await ask(http, url, headers={"Authorization": "Bearer secret\u2013key"})

    assert "secret" not in f"{failed.value} {failed.value.__cause__!r}"
