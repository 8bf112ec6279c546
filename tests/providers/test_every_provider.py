"""
What holds for every provider that is asked, whichever it is.

A new provider joins the list of `PROVIDERS` and must keep the same promises.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest
import respx

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.errors import (
    LogicalError,
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderTimedOut,
    ProviderUnavailable,
    TechnicalError,
)
from carvalue.core.photos import Side
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.providers.imagga import Imagga
from carvalue.providers.specs_api import SpecsApi
from carvalue.providers.valuation_api import ValuationApi
from tests.fakes import a_photo

pytestmark = pytest.mark.anyio

BASE = "http://provider.test"
SECONDS = 0.2
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
USED = Usage(58000, MileageUnit.mi, Condition.good)
SPECS = Specs(trim_id="45963", source="specs")


@dataclass
class Asked:
    """A provider, its name in our settings, and a question to it."""

    name: str
    ask: Callable[[], Awaitable[object]]
    check: Callable[[], Awaitable[None]]


def imagga(http: httpx.AsyncClient) -> Asked:
    api = Imagga(
        http,
        base_url=BASE,
        api_key="secret-key",
        api_secret="secret-secret",
        categorizer_id="cars",
        seconds=SECONDS,
    )
    return Asked("imagga", lambda: api.categorize(a_photo(Side.front), "cars"), api.check)


def specs_api(http: httpx.AsyncClient) -> Asked:
    api = SpecsApi(http, base_url=BASE, api_key="secret-key", seconds=SECONDS, source="specs")
    return Asked("specs_api", lambda: api.specs(COROLLA), api.check)


def valuation_api(http: httpx.AsyncClient) -> Asked:
    api = ValuationApi(http, base_url=BASE, api_key="secret-key", seconds=SECONDS, source="prices")
    return Asked("valuation_api", lambda: api.value(COROLLA, SPECS, USED, "US"), api.check)


PROVIDERS = [imagga, specs_api, valuation_api]


@pytest.fixture(params=PROVIDERS)
def asked(request: pytest.FixtureRequest, http: httpx.AsyncClient) -> Asked:
    provider: Asked = request.param(http)
    return provider


async def failure_of(asked: Asked) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        await asyncio.wait_for(asked.ask(), timeout=5)
    return failed.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
        (302, ProviderAnswerUnreadable),
    ],
)
async def test_a_failure_that_passes(
    asked: Asked, respx_mock: respx.MockRouter, status: int, kind: type[ProviderError]
) -> None:
    """
    The user is told to try again later, and nothing is asked twice behind their back.
    """
    route = respx_mock.route().respond(status)

    failure = await failure_of(asked)

    assert type(failure) is kind
    assert isinstance(failure, TechnicalError)
    assert failure.provider == asked.name
    assert route.call_count == 1


@pytest.mark.parametrize("status", [401, 400, 422])
async def test_a_failure_that_stays(
    asked: Asked, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    Asking again would not help: somebody has to change something.
    """
    respx_mock.route().respond(status)

    failure = await failure_of(asked)

    assert isinstance(failure, LogicalError)
    assert failure.provider == asked.name


async def test_a_key_that_is_refused(asked: Asked, respx_mock: respx.MockRouter) -> None:
    """
    The message says whose fault it is; it does not say the key.
    """
    respx_mock.route().respond(401, json={"status": {"type": "error", "text": "secret-key"}})

    failure = await failure_of(asked)

    assert type(failure) is ProviderKeyRefused
    assert "secret" not in f"{failure} {failure!r} {vars(failure)}"


async def test_nobody_there(asked: Asked, respx_mock: respx.MockRouter) -> None:
    respx_mock.route().mock(side_effect=httpx.ConnectError)

    assert type(await failure_of(asked)) is ProviderUnavailable


async def test_no_answer(asked: Asked, respx_mock: respx.MockRouter) -> None:
    """
    Every provider is given the time that the settings allow, and no more.
    """

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    respx_mock.route().mock(side_effect=never)

    assert type(await failure_of(asked)) is ProviderTimedOut


@pytest.mark.parametrize(
    "body",
    [b"<html>It works!</html>", b"", b"[]", b"null", b'{"result": 7, "model_id": 7, "min": []}'],
)
async def test_nonsense_with_status_200(
    asked: Asked, respx_mock: respx.MockRouter, body: bytes
) -> None:
    """
    A friendly page instead of an answer is not taken for "nothing found".
    """
    respx_mock.route().respond(content=body)

    assert type(await failure_of(asked)) is ProviderAnswerUnreadable


async def test_the_check_of_one_that_is_gone(asked: Asked, respx_mock: respx.MockRouter) -> None:
    """
    An outage shows up in the health checks of every provider.
    """
    respx_mock.get().mock(side_effect=httpx.ConnectError)

    with pytest.raises(ProviderUnavailable):
        await asked.check()
