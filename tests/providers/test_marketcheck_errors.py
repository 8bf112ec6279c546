"""
MarketCheck on bad days: what its refusals mean, and that its key is told to nobody.
"""

import contextlib
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
import respx
from httpx_aiohttp import AiohttpTransport
from starlette.applications import Starlette

from carvalue.core.cars import Car, MakeModel
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
from carvalue.core.valuation import Condition, MileageUnit, Price, Usage
from carvalue.providers.http import Channel, NotFoundAtProvider
from carvalue.providers.marketcheck import MarketCheck
from mocks.marketcheck import routes
from mocks.scenarios import Scenario
from tests.providers.conftest import Wire

pytestmark = pytest.mark.anyio

BASE = "http://marketcheck.test/v2"
SEARCH = f"{BASE}/search/car/active"
PREDICTION = f"{BASE}/predict/car/us/marketcheck_price"
KEY = "very/secret key+1"
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
USED = Usage(58000, MileageUnit.mi, Condition.very_good)
VIN = "2T1BU4EE9AC123456"
FOUND = {
    "num_found": 9,
    "listings": [],
    "stats": {"price": {"count": 9, "min": 5000, "median": 7000, "max": 9000, "mean": 7100}},
}
WEEKS = 19 * 86400


class Till:
    """A gate that lets everything through and keeps the bill."""

    def __init__(self) -> None:
        self.billed: list[int] = []

    def call(self, cost: int = 0) -> AbstractAsyncContextManager[None]:
        self.billed.append(cost)
        return self._open()

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        yield


@pytest.fixture
def marketcheck(http: httpx.AsyncClient) -> MarketCheck:
    return a_marketcheck(http)


def a_marketcheck(
    http: httpx.AsyncClient, base_url: str = BASE, key: str = KEY, seconds: float = 5.0
) -> MarketCheck:
    return MarketCheck(Channel(http, "marketcheck", seconds), base_url=base_url, api_key=key)


async def price_of(valuer: MarketCheck, vin: str | None = None) -> Price | None:
    return await valuer.value(COROLLA, None, USED, "US", vin)


async def failure_of(valuer: MarketCheck) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        await price_of(valuer)
    return failed.value


def assert_keeps_the_key(failure: BaseException, log: str) -> None:
    told = [f"{failure} {failure!r} {vars(failure)}", *traceback.format_exception(failure), log]
    for secret in (KEY, str(httpx.QueryParams(k=KEY))[2:], "secret"):
        assert secret not in "".join(told)


# Refusals


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, {"json": {"code": 400, "message": "Unknown parameter"}}, ProviderRequestRefused),
        (401, {"json": {"message": "Invalid credentials"}}, ProviderKeyRefused),
        (401, {"json": {"code": 401, "message": "Invalid credentials"}}, ProviderKeyRefused),
        (403, {"json": {"message": "Forbidden"}}, ProviderKeyRefused),
        (404, {"json": {"code": 404, "message": "Not found"}}, NotFoundAtProvider),
        (404, {"json": {"message": "no Route matched with those values"}}, NotFoundAtProvider),
        (422, {"json": {"code": 422, "message": "radius"}}, ProviderRequestRefused),
        (500, {"json": {"code": 500, "message": "Internal"}}, ProviderUnavailable),
        (502, {"html": "<html><h1>Bad Gateway</h1></html>"}, ProviderUnavailable),
        (503, {"html": "<html><h1>Unavailable</h1></html>"}, ProviderUnavailable),
        (504, {"text": ""}, ProviderUnavailable),
        (302, {"headers": {"Location": "http://elsewhere.test"}}, ProviderAnswerUnreadable),
        (200, {"html": "<html>Welcome to the portal</html>"}, ProviderAnswerUnreadable),
    ],
)
async def test_what_a_refusal_means(
    marketcheck: MarketCheck,
    respx_mock: respx.MockRouter,
    status: int,
    answer: dict[str, Any],
    kind: type[ProviderError],
) -> None:
    """
    Each of them costs one call at most: none is asked a second time.
    """
    route = respx_mock.get(SEARCH).respond(status, **answer)

    failure = await failure_of(marketcheck)

    assert type(failure) is kind
    assert failure.provider == "marketcheck"
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("message", "headers", "kind", "retry_after"),
    [
        ("API rate limit exceeded", {"Retry-After": "3"}, ProviderBusy, 3),
        ("API rate limit exceeded", {"Quota-Remaining": "12", "Retry-After": "3"}, ProviderBusy, 3),
        (
            "Monthly API quota exhausted",
            {"Retry-After": str(WEEKS)},
            ProviderQuotaUsedUp,
            WEEKS,
        ),
        ("Monthly API quota exhausted", {}, ProviderQuotaUsedUp, None),
        ("Monthly API quota exhausted", {"Retry-After": "5"}, ProviderQuotaUsedUp, 5),
        ("API rate limit exceeded", {"Quota-Remaining": "0"}, ProviderQuotaUsedUp, None),
        ("API rate limit exceeded", {"Retry-After": str(WEEKS)}, ProviderQuotaUsedUp, WEEKS),
        ("API rate limit exceeded", {"Retry-After": "121"}, ProviderQuotaUsedUp, 121),
    ],
)
async def test_two_kinds_of_429(
    marketcheck: MarketCheck,
    respx_mock: respx.MockRouter,
    message: str,
    headers: dict[str, str],
    kind: type[ProviderError],
    retry_after: int | None,
) -> None:
    """
    A rush passes in seconds; a month's quota does not, whichever way MarketCheck says so.
    """
    route = respx_mock.get(SEARCH).respond(429, json={"message": message}, headers=headers)

    failure = await failure_of(marketcheck)

    assert type(failure) is kind
    assert failure.retry_after == retry_after
    assert route.call_count == 1


async def test_a_rush_that_passes(marketcheck: MarketCheck, respx_mock: respx.MockRouter) -> None:
    """
    A call that was not taken is made again within the same valuation.
    """
    respx_mock.get(SEARCH).side_effect = [
        httpx.Response(429, json={"message": "API rate limit exceeded"}),
        httpx.Response(200, json=FOUND),
    ]

    assert await price_of(marketcheck) is not None


async def test_nobody_there(marketcheck: MarketCheck, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(SEARCH).mock(side_effect=httpx.ConnectError)

    assert type(await failure_of(marketcheck)) is ProviderUnavailable


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        (Scenario.refused, ProviderKeyRefused),
        (Scenario.quota, ProviderQuotaUsedUp),
        (Scenario.busy, ProviderBusy),
        (Scenario.down, ProviderUnavailable),
        (Scenario.nonsense, ProviderAnswerUnreadable),
        (Scenario.slow, ProviderTimedOut),
    ],
)
async def test_the_mocks_bad_days(scenario: Scenario, kind: type[ProviderError]) -> None:
    """
    A magic key shows what a user sees on such a day.
    """
    transport = httpx.ASGITransport(app=Starlette(routes=routes(delay=5.0)))
    async with httpx.AsyncClient(transport=transport) as http:
        failure = await failure_of(a_marketcheck(http, key=f"mock-{scenario}", seconds=0.15))

    assert type(failure) is kind


# What a valuation costs


async def test_what_is_billed(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    The search and the prediction cost a call each.
    """
    respx_mock.get(SEARCH).respond(json=FOUND)
    respx_mock.get(PREDICTION).respond(json={"marketcheck_price": 7000})
    till = Till()
    valuer = MarketCheck(
        Channel(http, "marketcheck", 5.0, gate=till), base_url=f"{BASE}/", api_key=KEY
    )

    await price_of(valuer, vin=VIN)

    assert till.billed == [1, 1]


# A prediction that fails


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"code": 400, "message": "Unknown parameter"}),
        httpx.Response(403, json={"message": "Forbidden"}),
        httpx.Response(422, json={"code": 422, "message": f"{VIN} not found"}),
        httpx.Response(429, json={"message": "Monthly API quota exhausted"}),
        httpx.Response(503, html="<html></html>"),
        httpx.Response(200, html="<html></html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"msrp": 16800}),
    ],
    ids=lambda response: f"{response.status_code} {response.text[:30]}",
)
async def test_prices_without_a_prediction(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, answer: httpx.Response
) -> None:
    """
    Whatever becomes of the prediction, the prices stay.
    """
    respx_mock.get(SEARCH).respond(json=FOUND)
    respx_mock.get(PREDICTION).mock(return_value=answer)

    price = await price_of(marketcheck, vin=VIN)

    assert price is not None
    assert price.median == 7000
    assert price.predicted is None


@pytest.mark.parametrize("status", [401, 403])
async def test_a_plan_without_predictions(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    That the plan lacks predictions is not taken for a refused key, which would close the way to
    the prices, too.
    """
    respx_mock.get(SEARCH).respond(json=FOUND)
    respx_mock.get(PREDICTION).respond(status, json={"message": "Forbidden"})
    failures: list[ProviderError] = []

    class Witness:
        @contextlib.asynccontextmanager
        async def call(self, cost: int = 0) -> AsyncIterator[None]:
            try:
                yield
            except ProviderError as error:
                failures.append(error)
                raise

    channel = Channel(http, "marketcheck", 5.0, gate=Witness())
    await price_of(MarketCheck(channel, base_url=BASE, api_key=KEY), vin=VIN)

    assert [type(failure) for failure in failures] == [ProviderRequestRefused]


# Whether it is there


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
async def test_a_check_costs_nothing(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    Every call with a key is billed, so the check goes without; being refused for it is an answer.
    """
    route = respx_mock.get(SEARCH).respond(status, json={"message": "No API key found"})

    await marketcheck.check()

    assert not route.calls.last.request.url.params


async def test_the_check_of_one_that_is_gone(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(SEARCH).mock(side_effect=httpx.ConnectError)

    with pytest.raises(ProviderUnavailable):
        await marketcheck.check()


# The key


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 422, 429, 500])
async def test_a_refusal_keeps_the_key(
    marketcheck: MarketCheck,
    respx_mock: respx.MockRouter,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    """
    The key is in the URL and may be in the answer; it is in no message and in no log.
    """
    caplog.set_level(logging.DEBUG)
    respx_mock.get(SEARCH).respond(
        status, text=f"secret {KEY}", headers={"Location": f"{SEARCH}?api_key=secret"}
    )

    assert_keeps_the_key(await failure_of(marketcheck), caplog.text)


async def test_success_keeps_the_key(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Nothing is logged of a call that went well; httpx would log its URL.
    """
    caplog.set_level(logging.INFO)
    respx_mock.get(SEARCH).respond(json=FOUND)
    respx_mock.get(PREDICTION).respond(json={"marketcheck_price": 7000})

    await price_of(marketcheck, vin=VIN)

    assert caplog.text == ""
    assert "secret" not in repr(marketcheck)


@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
@pytest.mark.parametrize(
    ("base_url", "answer"),
    [
        ("{server}/v2", b"HTTP/1.1 banana\r\n\r\n"),
        ("{server}/v2", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        ("{server}/v2", b""),
        ("ftp://marketcheck.test/v2", b""),
        ("http:///v2", b""),
        ("http://127.0.0.1:1/v2", b""),
    ],
)
async def test_a_broken_connection_keeps_the_key(
    wire: Wire, caplog: pytest.LogCaptureFixture, client: str, base_url: str, answer: bytes
) -> None:
    """
    Errors of the HTTP clients may know the URL: none is handed on as a cause.
    """
    caplog.set_level(logging.DEBUG)
    server = await wire(answer)
    transport = AiohttpTransport(trust_env=False) if client == "aiohttp" else None

    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        failure = await failure_of(a_marketcheck(http, base_url.format(server=server)))

    assert isinstance(failure, ProviderUnavailable | ProviderAnswerUnreadable)
    assert failure.__cause__ is None
    assert_keeps_the_key(failure, caplog.text)
