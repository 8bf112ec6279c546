"""
CarQuery: how it says no, and how often it may be asked.
"""

import time

import httpx
import pytest
import respx
from starlette.applications import Starlette

from carvalue.core.budget import time_budget
from carvalue.core.cars import Car
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderRequestRefused,
    ProviderUnavailable,
    TechnicalError,
)
from carvalue.providers.carquery import CarQuery, TurnedAway
from carvalue.providers.http import Channel
from mocks.carquery import routes
from tests.providers.carquery_answers import A_VIPER, URL, VIPER, asked_over

pytestmark = pytest.mark.anyio


@pytest.fixture
def hasty(http: httpx.AsyncClient) -> CarQuery:
    """One that has no time to ask again."""
    return asked_over(http, seconds=0.1)


@pytest.mark.parametrize(
    "body",
    ["<html>It works!</html>", "", "[]", "null", "{}", '{"Trims": null}', '{"Trims": 7}', "?(;)"],
)
async def test_another_answer(hasty: CarQuery, respx_mock: respx.MockRouter, body: str) -> None:
    respx_mock.get(URL).respond(text=body)

    with pytest.raises(ProviderAnswerUnreadable):
        await hasty.specs(Car(A_VIPER, 2009))


@pytest.mark.parametrize("body", ['{"error":"Some words"}', '?({"error":"Some words"});'])
async def test_an_error_with_status_200(
    carquery: CarQuery, respx_mock: respx.MockRouter, body: str
) -> None:
    """
    An error in friendly wrapping does not read as "no such car", and its words stay with us.
    """
    respx_mock.get(URL).respond(text=body)

    with pytest.raises(ProviderRequestRefused) as refused:
        await carquery.specs(Car(A_VIPER, 2009))

    assert "Some words" not in str(refused.value)


async def test_being_turned_away(carquery: CarQuery, respx_mock: respx.MockRouter) -> None:
    """
    A 403 is no refused key, for there is none: we stay away, and another source may be asked.
    """
    route = respx_mock.get(URL).respond(403, text="<html>Forbidden</html>")

    with pytest.raises(TurnedAway) as failed:
        await carquery.specs(Car(A_VIPER, 2009))

    assert isinstance(failed.value, ProviderUnavailable)
    assert failed.value.retry_after == 600
    assert route.call_count == 1


async def test_a_library_that_does_not_say_who_uses_it() -> None:
    """
    It is the setting's User-Agent that opens CarQuery's door.
    """
    transport = httpx.ASGITransport(app=Starlette(routes=routes()))
    async with httpx.AsyncClient(transport=transport) as http:
        channel = Channel(http, "carquery", 5.0)
        carquery = CarQuery(channel, user_agent="python-httpx/0.28", pause=0)
        with pytest.raises(TurnedAway):
            await carquery.check()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRequestRefused),
        (404, ProviderRequestRefused),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (301, ProviderAnswerUnreadable),
    ],
)
async def test_every_status(
    hasty: CarQuery, respx_mock: respx.MockRouter, status: int, kind: type[ProviderError]
) -> None:
    respx_mock.get(URL).respond(status, text="<html>Some words</html>")

    with pytest.raises(kind) as failed:
        await hasty.specs(Car(A_VIPER, 2009))

    assert failed.value.provider == "carquery"
    assert "Some words" not in str(failed.value)


async def test_an_outage_that_passes(carquery: CarQuery, respx_mock: respx.MockRouter) -> None:
    """
    A free call is repeated, so that a moment's outage is not the user's.
    """
    respx_mock.get(URL).mock(
        side_effect=[
            httpx.Response(502, text="<html>Bad Gateway</html>"),
            httpx.Response(200, json={"Trims": [VIPER]}),
        ]
    )

    assert await carquery.specs(Car(A_VIPER, 2009)) is not None


async def test_calls_are_paced(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    CarQuery is left in peace between two calls, as it blocks those who hurry.
    """
    respx_mock.get(URL).respond(json={"Trims": [VIPER]})
    carquery = asked_over(http, pause=0.1)

    started = time.monotonic()
    await carquery.trims(A_VIPER, 2009)
    assert time.monotonic() - started < 0.1
    await carquery.trims(A_VIPER, 2009)

    assert time.monotonic() - started >= 0.1


async def test_no_time_to_wait_for_a_turn(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    Who cannot wait is told at once when to come again, and takes nobody's turn.
    """
    respx_mock.get(URL).respond(json={"Trims": [VIPER]})
    carquery = asked_over(http, pause=1.5)
    await carquery.trims(A_VIPER, 2009)

    started = time.monotonic()
    for _ in range(2):
        with time_budget(0.2), pytest.raises(ProviderBusy) as busy:
            await carquery.trims(A_VIPER, 2009)
        assert busy.value.retry_after == 2

    assert isinstance(busy.value, TechnicalError)
    assert time.monotonic() - started < 0.1
    assert respx_mock.calls.call_count == 1


async def test_the_check(
    mocked_carquery: CarQuery, respx_mock: respx.MockRouter, carquery: CarQuery, hasty: CarQuery
) -> None:
    """
    The check asks for the years, CarQuery's shortest answer; they come as text, first and last.
    """
    await mocked_carquery.check()
    assert (await mocked_carquery.years())[0] == 1941

    route = respx_mock.get(URL).respond(json={"Years": {"min_year": "1941", "max_year": "2022"}})
    assert list(await carquery.years())[-1] == 2022
    assert dict(route.calls.last.request.url.params) == {"cmd": "getYears"}

    for wrong in ({}, {"Years": []}, {"Years": {"min_year": "old", "max_year": "new"}}):
        respx_mock.get(URL).respond(json=wrong)
        with pytest.raises(ProviderAnswerUnreadable):
            await hasty.check()
