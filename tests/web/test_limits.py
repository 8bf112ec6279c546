"""
What one caller may ask for, and that others do not notice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from carvalue.core.appraiser import Appraiser
from carvalue.core.callers import ANYBODY, Caller, Tier
from carvalue.core.rates import ProcessCounters, Quota
from carvalue.core.spending import DailyBudget
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.limits import GUESSES, GuessLimit, Limits
from tests.fakes import Ticks
from tests.memory import MemoryDailyCalls
from tests.web.conftest import COROLLA, FakeWatch, photos, problem_of

pytestmark = pytest.mark.anyio

KEY = Caller("key_1", ANYBODY.scopes)
OTHER = Caller("key_2", ANYBODY.scopes)
DEVICE = Caller("key_1/dev_1", ANYBODY.scopes, Tier.unattested)
LIMITS = Limits(caller=Quota("default", 30), unattested=Quota("default", 12), uploads_at_once=2)


class Known:
    """An authenticator that knows callers by the names of their owners."""

    async def caller(self, token: str) -> Caller:
        return {one.owner: one for one in (KEY, OTHER, DEVICE)}[token]


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def daily() -> MemoryDailyCalls:
    return MemoryDailyCalls()


@pytest.fixture
async def limited(
    appraiser: Appraiser, ticks: Ticks, daily: MemoryDailyCalls
) -> AsyncIterator[FastAPI]:
    limits = replace(LIMITS, counters=ProcessCounters(ticks), budget=DailyBudget(daily, 4))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = Services(
            appraiser,
            FakeWatch(),
            authenticator=Known(),
            limits=limits,
        )
        yield

    app = create_api(lifespan)
    async with app.router.lifespan_context(app):
        yield app


def as_caller(app: ASGIApp, caller: Caller | None, host: str = "192.0.2.1") -> httpx.AsyncClient:
    """A client whose requests are this caller's, from this address."""
    transport = httpx.ASGITransport(app=app, client=(host, 50_000))
    headers = {"Authorization": f"Bearer {caller.owner}"} if caller else {}
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


def told(response: httpx.Response) -> tuple[str, str]:
    return response.headers["RateLimit-Policy"], response.headers["RateLimit"]


async def test_every_answer_says_what_is_left(limited: FastAPI) -> None:
    """
    Reading costs one, an appraisal ten: an app can pace itself.
    """
    async with as_caller(limited, KEY) as client:
        read = await client.get("/v1/appraisals")
        started = await client.post("/v1/appraisals", files=photos())
        wrong = await client.get("/v1/appraisals/none")
        id = started.json()["id"]
        confirmed = await client.put(f"/v1/appraisals/{id}/car", json=COROLLA)

    assert told(read) == ('"default";q=30;w=60', '"default";r=29;t=60')
    assert told(started)[1] == '"default";r=19;t=60'
    assert told(wrong)[1] == '"default";r=18;t=60'
    assert told(confirmed)[1] == '"default";r=15;t=60'


async def test_too_many_requests(limited: FastAPI, ticks: Ticks) -> None:
    """
    Who has used up its minute is told when the next one begins; another caller goes on.
    """
    async with as_caller(limited, KEY) as client, as_caller(limited, OTHER) as other:
        answers = [await client.get("/v1/appraisals") for _ in range(31)]
        ticks.now += 20.5
        refused = await client.get("/v1/appraisals")
        assert (await other.get("/v1/appraisals")).status_code == 200
        ticks.now += 40
        later = await client.get("/v1/appraisals")

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert problem_of(refused, 429, "rate-limited")["retryable"] is True
    assert refused.headers["Retry-After"] == "40"
    assert told(refused)[1] == '"default";r=0;t=40'
    assert later.status_code == 200


async def test_a_device_that_cannot_prove_its_app(limited: FastAPI) -> None:
    """
    It is let in, with less; what it uses up is not its key's.
    """
    async with as_caller(limited, DEVICE) as device, as_caller(limited, KEY) as server:
        answers = [await device.get("/v1/appraisals") for _ in range(13)]
        assert (await server.get("/v1/appraisals")).status_code == 200

    assert [answer.status_code for answer in answers] == [200] * 12 + [429]
    assert told(answers[0])[0] == '"default";q=12;w=60'


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_what_is_not_limited(limited: FastAPI, path: str) -> None:
    """
    Load balancers and tools ask as often as they like.
    """
    async with as_caller(limited, KEY) as client:
        answers = [await client.get(path) for _ in range(40)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


async def test_without_access_control(appraiser: Appraiser) -> None:
    """
    Then addresses are told apart; of IPv6 all that one subscriber has are one.
    """
    app = create_api(open_to_all=True)
    limits = replace(LIMITS, counters=ProcessCounters(), address=Quota("default", 10))
    app.state.services = Services(appraiser, FakeWatch(), limits=limits)

    async def statuses(host: str, number: int) -> list[int]:
        async with as_caller(app, None, host) as client:
            return [(await client.get("/v1/appraisals")).status_code for _ in range(number)]

    assert await statuses("192.0.2.1", 11) == [200] * 10 + [429]
    assert await statuses("192.0.2.2", 1) == [200]
    assert await statuses("2001:db8:1:2::1", 10) == [200] * 10
    assert await statuses("2001:db8:1:2:ffff::9", 1) == [429]
    assert await statuses("2001:db8:1:3::1", 1) == [200]


async def test_uploads_at_the_same_time(limited: FastAPI) -> None:
    """
    A third upload is told to come back while two come in; it is let in as soon as one has come.
    """
    request = httpx.Request("POST", "http://test/v1/appraisals", files=photos())
    content, headers = request.read(), dict(request.headers)
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield content[:100]
        await go_on.wait()
        yield content[100:]

    async with as_caller(limited, KEY) as client, as_caller(limited, OTHER) as other:
        slow = [
            asyncio.create_task(
                client.post("/v1/appraisals", content=slowly(), headers=without_length(headers))
            )
            for _ in range(2)
        ]
        await asyncio.sleep(0.05)
        refused = await client.put("/v1/appraisals/apr_1/photos/front", files=photos())
        others = await other.post("/v1/appraisals", files=photos())
        go_on.set()
        ended = await asyncio.gather(*slow)
        later = await client.put("/v1/appraisals/apr_1/photos/front", files=photos())

    problem_of(refused, 429, "rate-limited")
    assert refused.headers["Retry-After"] == "1"
    assert others.status_code == 201
    assert [answer.status_code for answer in ended] == [201, 201]
    assert later.status_code != 429


def without_length(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "content-length"}


async def test_a_day_without_calls_left(limited: FastAPI, daily: MemoryDailyCalls) -> None:
    """
    No photo is taken that nobody could be asked about; what is there can be read.
    """
    daily.calls["key_1"] = 4

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("The body is not to be read.")
        yield b""

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    async with as_caller(limited, DEVICE) as client, as_caller(limited, OTHER) as other:
        refused = await client.post("/v1/appraisals", content=never(), headers=form)
        read = await client.get("/v1/appraisals")
        others = await other.post("/v1/appraisals", files=photos())

    assert problem_of(refused, 429, "quota-exhausted")["retryable"] is True
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert read.status_code == 200
    assert others.status_code == 201


async def test_wrong_keys(appraiser: Appraiser) -> None:
    """
    Of 300 guesses from one address most are not even told that they are wrong; a good key from
    there passes, and so does an address that has made none.
    """
    app = FastAPI()
    app.state.services = Services(appraiser, FakeWatch())

    async def keyed(scope: Scope, receive: Receive, send: Send) -> None:
        good = dict(scope["headers"]).get(b"authorization") == b"Bearer good"
        start: dict[str, Any] = {"type": "http.response.start", "headers": []}
        await send(start | {"status": 200 if good else 401})
        await send({"type": "http.response.body", "body": b"in" if good else b"out"})

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app
        await GuessLimit(keyed)(scope, receive, send)

    async with as_caller(guarded, None) as guesser, as_caller(guarded, None, "192.0.2.2") as other:
        guesses = [await guesser.get("/", headers={"Authorization": "x"}) for _ in range(300)]
        good = await guesser.get("/", headers={"Authorization": "Bearer good"})
        elsewhere = await other.get("/")

    statuses = [guess.status_code for guess in guesses]
    assert statuses == [401] * GUESSES.units + [429] * (300 - GUESSES.units)
    problem_of(guesses[-1], 429, "rate-limited")
    assert int(guesses[-1].headers["Retry-After"]) >= 1
    assert (good.status_code, good.text) == (200, "in")
    assert elsewhere.status_code == 401
