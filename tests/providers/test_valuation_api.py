"""
The article's valuation API: how a car has been used goes in, four figures come out.
"""

import json
from datetime import date
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.errors import ProviderAnswerUnreadable
from carvalue.core.valuation import (
    Adjustments,
    Basis,
    Condition,
    KindOfPrice,
    MileageUnit,
    Price,
    PriceKind,
    Usage,
)
from carvalue.providers.http import Channel
from carvalue.providers.valuation_api import WORDS, ValuationApi

pytestmark = pytest.mark.anyio

URL = "http://valuation.test/valuation"
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
SPECS = Specs(trim_id="45963", source="specs")
USED = Usage(58000, MileageUnit.mi, Condition.very_good)
ARTICLE = {"min": 1795, "median": 7995, "max": 849995, "mean": 8940}


@pytest.fixture
def valuation_api(http: httpx.AsyncClient) -> ValuationApi:
    return ValuationApi(
        Channel(http, "valuation_api", 5.0),
        base_url="http://valuation.test",
        api_key="the-key",
        source="the-source",
    )


async def price_of(api: ValuationApi, usage: Usage = USED) -> Price | None:
    return await api.value(COROLLA, SPECS, usage, "US")


async def test_the_article(valuation_api: ValuationApi, respx_mock: respx.MockRouter) -> None:
    """
    The article's request goes out to the letter, and its figures come back untouched, in dollars.
    """
    route = respx_mock.post(URL).respond(json=ARTICLE)

    price = await price_of(valuation_api)

    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer the-key"
    assert json.loads(request.content) == {
        "model_id": "45963",
        "mileage": 58000,
        "condition": "very good",
    }
    assert price == Price("USD", min=1795, median=7995, max=849995, mean=8940)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition.excellent, "excellent"),
        (Condition.very_good, "very good"),
        (Condition.good, "good"),
        (Condition.fair, "fair"),
        (Condition.poor, "poor"),
    ],
)
async def test_each_condition(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter, condition: Condition, words: str
) -> None:
    """
    Conditions are said in the API's words; ours have no blanks.
    """
    route = respx_mock.post(URL).respond(json=ARTICLE)

    await price_of(valuation_api, Usage(1, MileageUnit.mi, condition))

    assert json.loads(route.calls.last.request.content)["condition"] == words


def test_no_condition_is_forgotten() -> None:
    assert set(WORDS) == set(Condition)


@pytest.mark.parametrize(
    ("mileage", "unit", "miles"),
    [
        (0, MileageUnit.mi, 0),
        (58000, MileageUnit.mi, 58000),
        (0, MileageUnit.km, 0),
        (1, MileageUnit.km, 1),
        (100, MileageUnit.km, 62),
        (93342, MileageUnit.km, 58000),
        (2_000_000, MileageUnit.km, 1_242_742),
    ],
)
async def test_the_mileage_is_in_miles(
    valuation_api: ValuationApi,
    respx_mock: respx.MockRouter,
    mileage: int,
    unit: MileageUnit,
    miles: int,
) -> None:
    """
    A driver who counts in kilometres gets the price of a car that has driven as far.
    """
    route = respx_mock.post(URL).respond(json=ARTICLE)

    await price_of(valuation_api, Usage(mileage, unit, Condition.good))

    assert json.loads(route.calls.last.request.content)["mileage"] == miles


async def test_a_car_without_specs(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter
) -> None:
    """
    The API knows cars by the specs API's ids only: without one, nobody is asked.
    """
    assert await valuation_api.value(COROLLA, None, USED, "US") is None


async def test_another_country(valuation_api: ValuationApi, respx_mock: respx.MockRouter) -> None:
    """
    Prices of one market are not given out as those of another.
    """
    assert await valuation_api.value(COROLLA, SPECS, USED, "DE") is None
    assert respx_mock.calls.call_count == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"min": None, "median": None, "max": None, "mean": None}),
        (200, {}),
        (404, {"error": {"code": "no_listings", "message": "No listings."}}),
    ],
)
async def test_no_listings(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter, status: int, body: dict[str, Any]
) -> None:
    """
    No price known is an answer: the user hears that there is none, not that something broke.
    """
    respx_mock.post(URL).respond(status, json=body)

    assert await price_of(valuation_api) is None


@pytest.mark.parametrize("figure", ["min", "median", "max", "mean"])
@pytest.mark.parametrize(
    "value", [None, -1, 1795.5, 10**10, 1795.0, True, "7995", "cheap", "", [], {}], ids=repr
)
async def test_a_figure_that_is_none(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter, figure: str, value: Any
) -> None:
    """
    A price with a hole or an impossible figure in it is no price.
    """
    respx_mock.post(URL).respond(json=ARTICLE | {figure: value})

    with pytest.raises(ProviderAnswerUnreadable):
        await price_of(valuation_api)


@pytest.mark.parametrize(
    "changed",
    [
        {"median": 1794},
        {"median": 849996},
        {"mean": 1794},
        {"mean": 849996},
        {"min": 8000},
        {"max": 7000},
    ],
    ids=repr,
)
async def test_figures_that_contradict_each_other(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter, changed: dict[str, int]
) -> None:
    """
    A median above the maximum is not shown to anybody.
    """
    respx_mock.post(URL).respond(json=ARTICLE | changed)

    with pytest.raises(ProviderAnswerUnreadable):
        await price_of(valuation_api)


async def test_a_single_listing(valuation_api: ValuationApi, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(URL).respond(json=dict.fromkeys(ARTICLE, 5000))

    assert await price_of(valuation_api) == Price("USD", min=5000, median=5000, max=5000, mean=5000)


async def test_the_check_is_free(valuation_api: ValuationApi, respx_mock: respx.MockRouter) -> None:
    """
    No price is asked for just to see whether the API is there.
    """
    route = respx_mock.get(URL).respond(405)

    await valuation_api.check()

    assert route.calls.last.request.content == b""


DETAILS = {
    "kind": "retail",
    "count": 87,
    "as_of": "2026-11-20",
    "basis": "same_trim",
    "typical_low": 6500,
    "typical_high": 9900,
    "typical_percent": 80,
    "adjustments": {"base": 8600, "mileage": -805, "condition": 200},
    "trade_in": {"min": 1500, "median": 6600, "max": 12000, "mean": 6700},
    "private_party": {"min": 1600, "median": 7300, "max": 13000, "mean": 7400},
    "retail": ARTICLE,
}


async def test_an_api_that_says_more(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter
) -> None:
    """
    What an API of one's own says beside the four figures is kept, kinds of sale apart.
    """
    respx_mock.post(URL).respond(json=ARTICLE | DETAILS)

    assert await price_of(valuation_api) == Price(
        "USD",
        min=1795,
        median=7995,
        max=849995,
        mean=8940,
        typical_low=6500,
        typical_high=9900,
        typical_percent=80,
        comparables=87,
        basis=Basis.same_trim,
        as_of=date(2026, 11, 20),
        adjustments=Adjustments(base=8600, mileage=-805, condition=200),
        kind=PriceKind.retail,
        other_kinds=(
            KindOfPrice(PriceKind.trade_in, min=1500, median=6600, max=12000, mean=6700),
            KindOfPrice(PriceKind.private_party, min=1600, median=7300, max=13000, mean=7400),
        ),
    )


async def test_nothing_to_compare_with(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter
) -> None:
    """
    Whatever figures come with it, a count of 0 gives no number.
    """
    respx_mock.post(URL).respond(json=ARTICLE | {"count": 0})

    assert await price_of(valuation_api) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"typical_low": 8000},
        {"typical_high": 7000},
        {"typical_low": None},
        {"typical_percent": 100},
        {"adjustments": {"base": 8000, "mileage": -4}},
        {"adjustments": {"base": "7995"}},
        {"trade_in": {"min": 1, "median": 2, "max": None, "mean": 2}},
        {"private_party": {"min": 3, "median": 2, "max": 4, "mean": 3}},
        {"kind": "wholesale"},
        {"as_of": "yesterday"},
        {"count": -1},
        {"count": "87"},
    ],
    ids=repr,
)
async def test_details_that_contradict(
    valuation_api: ValuationApi, respx_mock: respx.MockRouter, wrong: dict[str, Any]
) -> None:
    """
    An answer that does not fit together is not shown in part.
    """
    respx_mock.post(URL).respond(json=ARTICLE | DETAILS | wrong)

    with pytest.raises(ProviderAnswerUnreadable):
        await price_of(valuation_api)
