"""
Asking a provider: whatever it answers becomes an answer or a `ProviderError`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
import respx

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.core.keeping import NotKept, asking_after
from carvalue.providers.http import MAX_ANSWER, Answer, Channel, NotFoundAtProvider, fetch, reach

pytestmark = pytest.mark.anyio

KEY = {"Authorization": "Bearer the-key"}

URL = "http://provider.test/number"
TOO_SHORT = 0.5
"""Seconds in which there is no time to ask again."""


class Number(Answer):
    number: float


class Dripping(httpx.AsyncByteStream):
    """Never ends, and counts what was taken of it."""

    def __init__(self, chunk: bytes, pause: float = 0.0) -> None:
        self.chunk, self.pause, self.taken = chunk, pause, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self.pause)
            self.taken += len(self.chunk)
            yield self.chunk


def a_client(response: httpx.Response) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda request: response))


async def ask(
    http: httpx.AsyncClient,
    *,
    seconds: float = 5.0,
    meaning: Mapping[int, type[ProviderError]] | None = None,
) -> Number:
    meanings = meaning or {}
    channel = Channel(
        http, "someone", seconds, meaning=lambda refusal: meanings.get(refusal.status)
    )
    return await fetch(channel, Number, "POST", URL, cost=1, json={})


async def test_an_answer(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Only the fields that we use are read; a provider may add others at any time.
    """
    route = respx_mock.post(URL).respond(json={"number": 7.5, "new": ["field"]})

    assert (await ask(http)).number == 7.5
    assert route.calls.last.request.headers["accept"] == "application/json"
    assert route.calls.last.request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (201, ProviderAnswerUnreadable),
        (204, ProviderAnswerUnreadable),
        (206, ProviderAnswerUnreadable),
        (304, ProviderAnswerUnreadable),
        (400, ProviderRequestRefused),
        (401, ProviderKeyRefused),
        (402, ProviderQuotaUsedUp),
        (403, ProviderKeyRefused),
        (404, NotFoundAtProvider),
        (405, ProviderRequestRefused),
        (410, ProviderRequestRefused),
        (422, ProviderRequestRefused),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (501, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
        (599, ProviderUnavailable),
    ],
)
async def test_every_status_has_its_error(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, status: int, kind: type[ProviderError]
) -> None:
    """
    What the caller does next depends on the kind: wait, change the key, or give up.
    """
    respx_mock.post(URL).respond(status, json={"number": 1})

    with pytest.raises(ProviderError) as failed:
        await ask(http, seconds=TOO_SHORT)

    assert type(failed.value) is kind
    assert failed.value.provider == "someone"


async def test_nothing_leaves_before_all_is_kept(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    A provider is asked about what is kept, and about nothing else.
    """
    route = respx_mock.post(URL).respond(json={"number": 7})
    kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with asking_after(kept):
        asking = asyncio.create_task(ask(http))
    with asking_after(lost):
        in_vain = asyncio.create_task(ask(http))
    await asyncio.sleep(0.01)
    assert not route.called

    kept.set_result(None)
    lost.set_exception(OSError())

    assert (await asking).number == 7
    with pytest.raises(NotKept):
        await in_vain
    assert route.call_count == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    A provider cannot send us, photos and key with us, to an address of its choice.
    """
    elsewhere = "http://169.254.169.254/latest/meta-data"
    respx_mock.post(URL).respond(status, headers={"Location": elsewhere})

    with pytest.raises(ProviderAnswerUnreadable):
        await ask(http)

    assert respx_mock.calls.call_count == 1


async def test_a_provider_with_its_own_meaning(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    Where a provider says "quota" with 403, nobody is sent to look at the key.
    """
    respx_mock.post(URL).respond(403)

    with pytest.raises(ProviderQuotaUsedUp):
        await ask(http, meaning={403: ProviderQuotaUsedUp})


@pytest.mark.parametrize(
    ("wait", "kind"),
    [
        ("1", ProviderBusy),
        ("120", ProviderBusy),
        ("121", ProviderQuotaUsedUp),
        ("86400", ProviderQuotaUsedUp),
        ("-5", ProviderBusy),
        ("soon", ProviderBusy),
    ],
)
async def test_too_many_calls(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, wait: str, kind: type[ProviderError]
) -> None:
    """
    A 429 that asks for minutes is a quota, not a rush: the app says so instead of trying on.
    """
    respx_mock.post(URL).respond(429, headers={"Retry-After": wait})

    with pytest.raises(ProviderError) as failed:
        await ask(http, seconds=TOO_SHORT)

    assert type(failed.value) is kind


async def test_how_long_to_stay_away(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    What the provider asks for travels with the error, up to the phone.
    """
    respx_mock.post(URL).respond(503, headers={"Retry-After": "7"})

    with pytest.raises(ProviderUnavailable) as failed:
        await ask(http)

    assert failed.value.retry_after == 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>It works!</h1></html>",
        b'{"number": 1',
        b'{"number": 1} trailing',
        b'{"number": NaN}',
        b'{"number": Infinity}',
        b'{"number": -Infinity}',
        b'{"number": 1e999}',
        b'{"number": 1' + b"0" * 400 + b"}",
        b'{"number": 1' + b"0" * 5000 + b"}",
        b'{"number": "seven"}',
        b'{"number": null}',
        b'{"number": [1]}',
        b'{"number": {"number": 1}}',
        b"{}",
        b"[]",
        b"null",
        b"1",
        b"\xff\xfe{}",
        b'{"number": 1, "other": "\\ud800"}',
        b"[" * 100_000,
        b'{"number":' * 20_000,
        b'{"number": 1, "other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: body[:30].decode("latin-1") + f" ({len(body)} bytes)",
)
async def test_nonsense(http: httpx.AsyncClient, respx_mock: respx.MockRouter, body: bytes) -> None:
    """
    What is not the answer is never guessed from: it is a failure that may pass.
    """
    respx_mock.post(URL).respond(content=body, content_type="application/json")

    with pytest.raises(ProviderAnswerUnreadable):
        await ask(http)


async def test_the_largest_answer_that_is_read(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    The limit is far above every honest answer, and holds to the byte.
    """
    body = b'{"number": 1' + b" " * (MAX_ANSWER - 13) + b"}"
    route = respx_mock.post(URL)

    route.respond(content=body)
    assert (await ask(http)).number == 1

    route.respond(content=body + b" ")
    with pytest.raises(ProviderAnswerUnreadable):
        await ask(http)


async def test_an_answer_without_end() -> None:
    """
    No answer can fill our memory: reading stops a chunk after the limit.
    """
    stream = Dripping(b" " * 65536)

    async with a_client(httpx.Response(200, stream=stream)) as http:
        with pytest.raises(ProviderAnswerUnreadable):
            await ask(http)

    assert stream.taken <= MAX_ANSWER + 65536


async def test_an_answer_that_drips() -> None:
    """
    The limit is for the whole call: a byte now and then does not keep the user waiting.
    """
    started = time.monotonic()

    async with a_client(httpx.Response(200, stream=Dripping(b" ", pause=0.01))) as http:
        with pytest.raises(ProviderTimedOut):
            await asyncio.wait_for(ask(http, seconds=0.1), timeout=5)

    assert 0.1 <= time.monotonic() - started < 2


async def test_no_answer_at_all() -> None:
    """
    A provider that takes the call and never answers costs the limit, not the patience.
    """

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as http:
        with pytest.raises(ProviderTimedOut):
            await asyncio.wait_for(ask(http, seconds=0.1), timeout=5)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, gzip"])
async def test_a_compressed_answer(encoding: str) -> None:
    """
    A bomb never unpacks: we ask for no compression and read none.
    """
    stream = Dripping(b"0" * 1024)
    response = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=stream)

    async with a_client(response) as http:
        with pytest.raises(ProviderAnswerUnreadable):
            await ask(http)

    assert stream.taken == 0


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectTimeout, ProviderTimedOut),
        (httpx.ReadTimeout, ProviderTimedOut),
        (httpx.WriteTimeout, ProviderTimedOut),
        (httpx.PoolTimeout, ProviderTimedOut),
        (httpx.ConnectError, ProviderUnavailable),
        (httpx.ReadError, ProviderUnavailable),
        (httpx.RemoteProtocolError, ProviderUnavailable),
        (httpx.DecodingError, ProviderUnavailable),
        (httpx.InvalidURL, ProviderUnavailable),
        (ConnectionResetError, ProviderUnavailable),
        (TimeoutError, ProviderTimedOut),
    ],
)
async def test_no_connection(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    failure: type[Exception],
    kind: type[ProviderError],
) -> None:
    """
    "Too slow" and "not there" are told apart: they are looked into in different places.
    """
    respx_mock.post(URL).mock(side_effect=failure("broken"))

    with pytest.raises(ProviderError) as failed:
        await ask(http)

    assert type(failed.value) is kind
    assert isinstance(failed.value.__cause__, failure)


@pytest.mark.parametrize("status", [200, 302, 404, 405, 500])
async def test_reaching_a_provider_without_a_free_call(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    A provider whose every call costs is only knocked at: an answer means that it is there.
    """
    respx_mock.get(URL).respond(status)

    await reach(Channel(http, "someone", 5), URL, headers=KEY)

    assert respx_mock.calls.last.request.headers["authorization"] == KEY["Authorization"]


@pytest.mark.parametrize("status", [401, 403])
async def test_knocking_with_a_wrong_key(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    A key that is refused at the door is told of.
    """
    respx_mock.get(URL).respond(status)

    with pytest.raises(ProviderKeyRefused):
        await reach(Channel(http, "someone", 5), URL, headers=KEY)


async def test_not_reaching_a_provider(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(URL).mock(side_effect=httpx.ConnectError)

    with pytest.raises(ProviderUnavailable):
        await reach(Channel(http, "someone", 5), URL, headers=KEY)
