"""
Every call to a provider is told: who was asked, how it ended, how long it took.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import respx

from carvalue.core.errors import ProviderBusy, ProviderError
from carvalue.core.observer import ProviderCalled, observed_by
from carvalue.observing.metrics import Metrics
from carvalue.providers.http import Answer, Channel, fetch
from tests.observing.conftest import counted

pytestmark = pytest.mark.anyio

URL = "http://provider.test/path?api_key=canary"


class Number(Answer):
    number: int


class Shut:
    """A gate that lets nothing through."""

    @asynccontextmanager
    async def call(self, cost: int = 0) -> AsyncIterator[None]:
        raise ProviderBusy("Not now.", provider="someone", retry_after=60)
        yield


@pytest.fixture(autouse=True)
def observed(metrics: Metrics) -> Iterator[None]:
    with observed_by((metrics,)):
        yield


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


OUTCOMES: dict[str, tuple[httpx.Response | Exception, str]] = {
    "an answer": (httpx.Response(200, json={"number": 1}), "success"),
    "not known": (httpx.Response(404), "success"),
    "a time-out": (httpx.ReadTimeout("slow"), "timeout"),
    "no connection": (httpx.ConnectError("down"), "error"),
    "out of order": (httpx.Response(503), "error"),
    "our key": (httpx.Response(401), "refused"),
    "our request": (httpx.Response(400), "refused"),
    "too many": (httpx.Response(429, headers={"Retry-After": "60"}), "busy"),
    "too many this month": (httpx.Response(429, headers={"Retry-After": "86400"}), "quota"),
    "unpaid": (httpx.Response(402), "quota"),
    "no JSON": (httpx.Response(200, text="<html>"), "unreadable"),
    "a redirect": (httpx.Response(302, headers={"Location": URL}), "unreadable"),
}


@pytest.mark.parametrize("case", OUTCOMES)
async def test_a_call(
    metrics: Metrics, http: httpx.AsyncClient, respx_mock: respx.MockRouter, case: str
) -> None:
    answer, outcome = OUTCOMES[case]
    respx_mock.post(URL).mock(side_effect=[answer])
    try:
        await fetch(Channel(http, "someone", 5.0), Number, "POST", URL, cost=1)
        failed = False
    except ProviderError:
        failed = True

    labels = {"provider": "someone", "outcome": outcome}
    assert counted(metrics, "carvalue_provider_calls_total", **labels) == 1
    assert counted(metrics, "carvalue_provider_call_seconds_count", provider="someone") == 1
    assert failed == (case != "an answer")


async def test_every_attempt_counts(
    metrics: Metrics, http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    What the provider has seen is counted, not what we needed it for.
    """
    good = httpx.Response(200, json={"number": 1})
    respx_mock.get(URL).mock(side_effect=[httpx.Response(503), good])

    await fetch(Channel(http, "someone", 5.0), Number, "GET", URL)

    for outcome in ("error", "success"):
        name, labels = "carvalue_provider_calls_total", {"provider": "someone", "outcome": outcome}
        assert counted(metrics, name, **labels) == 1


async def test_a_call_that_is_held_back(metrics: Metrics, http: httpx.AsyncClient) -> None:
    """
    What our own limits stop counts apart, and not into the provider's times.
    """
    with pytest.raises(ProviderBusy):
        await fetch(Channel(http, "someone", 5.0, Shut()), Number, "POST", URL, cost=1)

    labels = {"provider": "someone", "outcome": "held_back"}
    assert counted(metrics, "carvalue_provider_calls_total", **labels) == 1
    assert counted(metrics, "carvalue_provider_call_seconds_count", provider="someone") == 0


async def test_a_call_that_is_given_up(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    A caller who goes says nothing of the provider.
    """
    asked, seen = asyncio.Event(), list[object]()

    async def never(request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    respx_mock.post(URL).mock(side_effect=never)
    with observed_by((seen.append,)):
        asking = asyncio.create_task(
            fetch(Channel(http, "someone", 60.0), Number, "POST", URL, cost=1)
        )
    await asked.wait()
    asking.cancel()
    await asyncio.wait({asking})

    assert seen == []


async def test_nothing_of_the_question_is_told(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(URL).mock(return_value=httpx.Response(200, json={"number": 1}))
    seen: list[object] = []
    with observed_by((seen.append,)):
        await fetch(Channel(http, "someone", 5.0), Number, "POST", URL, cost=1)

    (called,) = seen
    assert isinstance(called, ProviderCalled)
    assert called == ProviderCalled("someone", "success", called.seconds)
