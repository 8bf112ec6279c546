"""
MarketCheck: which cars are asked for, and what that costs.
"""

from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx
from starlette.applications import Starlette

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.errors import ProviderUnavailable
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.providers.http import Channel
from carvalue.providers.marketcheck import MarketCheck, mileage_band
from mocks.marketcheck import routes
from tests.providers.marketcheck_answers import (
    COROLLA,
    PRICE,
    SEARCH,
    SPECS,
    STATS,
    USED,
    VIN,
    a_marketcheck,
    asked,
    found,
    price_of,
)

pytestmark = pytest.mark.anyio

LE = Specs(trim_id="45963", source="specs", trim_name="LE")


def few(count: int, median: int = 7995) -> dict[str, Any]:
    return found(STATS | {"count": count, "median": median})


# What is asked for


async def test_one_call_sums_up_the_market(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    One paid call asks for the figures of cars like this one and for no listing.
    """
    route = respx_mock.get(SEARCH).respond(json=found(STATS))

    price = await price_of(marketcheck)

    assert price == PRICE
    assert asked(route) == [
        {
            "api_key": "the-key",
            "append_api_key": "false",
            "car_type": "used",
            "country": "US",
            "rows": "0",
            "stats": "price,miles",
            "year": "2010",
            "make": "Toyota",
            "model": "Corolla",
            "miles_range": "50000-60000",
        }
    ]


@pytest.mark.parametrize(
    ("miles", "width", "band"),
    [
        (0, 10_000, "0-10000"),
        (9_999, 10_000, "0-10000"),
        (10_000, 10_000, "10000-20000"),
        (58_000, 10_000, "50000-60000"),
        (58_000, 25_000, "50000-75000"),
        (2_000_000, 10_000, "2000000-2010000"),
    ],
)
def test_the_band_of_a_mileage(miles: int, width: int, band: str) -> None:
    """
    Two cars in one band get the same answer, which can be kept for both.
    """
    assert mileage_band(miles, width) == band


async def test_a_mileage_in_kilometres(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    MarketCheck counts in miles, in Canada, too.
    """
    route = respx_mock.get(SEARCH).respond(json=found(STATS))

    await marketcheck.value(COROLLA, None, Usage(93_342, MileageUnit.km, Condition.poor), "CA")

    assert asked(route)[0]["miles_range"] == "50000-60000"


@pytest.mark.parametrize(
    ("make", "model", "as_asked"),
    [
        ("Ram", "1500", ("RAM,Ram", "1500")),
        ("Mini", "Cooper", ("MINI,Mini", "Cooper")),
        ("Mazda", "MX-5 Miata", ("Mazda", "MX-5 Miata,MX-5")),
        ("Chrysler", "Town & Country", ("Chrysler", "Town & Country,Town and Country")),
    ],
)
async def test_names_that_are_spelt_in_two_ways(
    marketcheck: MarketCheck,
    respx_mock: respx.MockRouter,
    make: str,
    model: str,
    as_asked: tuple[str, str],
) -> None:
    """
    A spelling that is not the index's finds nothing, so both are asked for, in one call.
    """
    route = respx_mock.get(SEARCH).respond(json=found(STATS))

    await price_of(marketcheck, car=Car(MakeModel("a", make, "b", model), 2010))

    (query,) = asked(route)
    assert (query["make"], query["model"]) == as_asked


@pytest.mark.parametrize(("country", "currency"), [("US", "USD"), ("CA", "CAD")])
async def test_the_two_markets(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, country: str, currency: str
) -> None:
    """
    A price comes in the money of its market.
    """
    route = respx_mock.get(SEARCH).respond(json=found(STATS))

    assert await price_of(marketcheck, country=country) == replace(PRICE, currency=currency)
    assert asked(route)[0]["country"] == country


@pytest.mark.parametrize("country", ["DE", "GB", "us", ""])
async def test_another_country(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, country: str
) -> None:
    """
    Prices of one market are not given out as those of another, and nobody is asked.
    """
    assert await price_of(marketcheck, country=country) is None
    assert respx_mock.calls.call_count == 0


@pytest.mark.parametrize(
    ("place", "country", "as_asked"),
    [
        ({"zip": "75001", "radius": 50}, "US", {"zip": "75001", "radius": "50"}),
        ({"zip": "75001", "radius": 50}, "CA", {}),
        (
            {"latitude": 43.6, "longitude": -79.4, "radius": 100},
            "CA",
            {"latitude": "43.6", "longitude": "-79.4", "radius": "100"},
        ),
        ({"latitude": 43.6}, "US", {}),
        ({"radius": 50}, "US", {}),
    ],
)
async def test_a_place(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    place: dict[str, Any],
    country: str,
    as_asked: dict[str, str],
) -> None:
    """
    A team may look around its own place; half a place is none, and a ZIP code is of the US.
    """
    route = respx_mock.get(SEARCH).respond(json=found(STATS))

    await price_of(a_marketcheck(http, **place), country=country)

    (query,) = asked(route)
    names = ("zip", "latitude", "longitude", "radius")
    assert {name: query[name] for name in names if name in query} == as_asked


# Few listings, or none


async def test_no_car_in_the_band(marketcheck: MarketCheck, respx_mock: respx.MockRouter) -> None:
    """
    Without a car of about this mileage, cars of any mileage are looked at, for one call more.
    """
    route = respx_mock.get(SEARCH)
    route.side_effect = [
        httpx.Response(200, json={"num_found": 0, "listings": []}),
        httpx.Response(200, json=found(STATS)),
    ]

    assert await price_of(marketcheck) == PRICE
    banded, wide = asked(route)
    assert banded.pop("miles_range") == "50000-60000"
    assert wide == banded


async def test_from_the_trim_to_any_car_of_the_name(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    First the trim goes, then the mileage; a third call is the last.
    """
    route = respx_mock.get(SEARCH).respond(json=few(0))

    price = await price_of(marketcheck, car=replace(COROLLA, trim_id="45963"), specs=LE)

    assert price is None
    assert [(q.get("trim"), q.get("miles_range")) for q in asked(route)] == [
        ("LE", "50000-60000"),
        (None, "50000-60000"),
        (None, None),
    ]


async def test_a_trim_with_enough_listings(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    Five priced listings are enough, and more calls would cost money.
    """
    route = respx_mock.get(SEARCH).respond(json=few(5))

    price = await price_of(marketcheck, car=replace(COROLLA, trim_id="45963"), specs=LE)

    assert price is not None
    assert price.comparables == 5
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("trim_id", "name"),
    [
        (None, "LE"),
        ("45963", None),
        ("45963", "Executive 4dr Sedan (2.0L 4cyl Turbo 6AM)"),
        ("45963", "1.8 L, 4 cyl, Automatic 4-spd"),
    ],
)
async def test_a_trim_that_is_not_asked_for(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, trim_id: str | None, name: str | None
) -> None:
    """
    A trim that nobody chose, or that has a description in the place of a name, costs no call.
    """
    route = respx_mock.get(SEARCH).respond(json=found(STATS))

    specs = replace(SPECS, trim_name=name)
    await price_of(marketcheck, car=replace(COROLLA, trim_id=trim_id), specs=specs)

    assert "trim" not in asked(route)[0]


@pytest.mark.parametrize(
    ("banded", "wide", "told"),
    [
        (few(1, median=6000), few(4, median=8000), (8000, 4)),
        (few(3, median=6000), few(1, median=8000), (6000, 3)),
        (few(3, median=6000), few(0), (6000, 3)),
    ],
)
async def test_the_best_of_little(
    marketcheck: MarketCheck,
    respx_mock: respx.MockRouter,
    banded: dict[str, Any],
    wide: dict[str, Any],
    told: tuple[int, int],
) -> None:
    """
    Where there is never enough, the price that stands on most listings is told, and on how many.
    """
    respx_mock.get(SEARCH).side_effect = [
        httpx.Response(200, json=banded),
        httpx.Response(200, json=wide),
    ]

    price = await price_of(marketcheck)

    assert price is not None
    assert (price.median, price.comparables) == told


async def test_a_second_call_that_fails(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    Few listings are better than none: what was paid for is not thrown away.
    """
    respx_mock.get(SEARCH).side_effect = [
        httpx.Response(200, json=few(2)),
        httpx.Response(503),
    ]

    price = await price_of(marketcheck)

    assert price is not None
    assert price.comparables == 2


async def test_nothing_known_and_a_second_call_that_fails(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    A failure is not taken for "no such car on sale".
    """
    respx_mock.get(SEARCH).side_effect = [httpx.Response(200, json=few(0)), httpx.Response(503)]

    with pytest.raises(ProviderUnavailable):
        await price_of(marketcheck)


# With the mock


async def test_the_articles_car() -> None:
    """
    The mocked market answers for the article's car with the article's figures.
    """
    transport = httpx.ASGITransport(app=Starlette(routes=routes()))
    async with httpx.AsyncClient(transport=transport) as http:
        channel = Channel(http, "marketcheck", 5.0)
        valuer = MarketCheck(channel, base_url="http://mocks/v2", api_key="mock")
        price = await valuer.value(COROLLA, SPECS, USED, "US", VIN)
        in_canada = await valuer.value(COROLLA, SPECS, USED, "CA", VIN)
        await valuer.check()

    assert price is not None
    assert (price.min, price.median, price.max, price.mean) == (1795, 7995, 849995, 8940)
    assert (price.typical_low, price.typical_high) == (6995, 8995)
    assert price.comparables == 901
    assert price.predicted is not None
    assert in_canada is not None
    assert in_canada.currency == "CAD"
    assert in_canada.predicted is None


async def test_how_it_is_named(http: httpx.AsyncClient) -> None:
    assert a_marketcheck(http).source == "marketcheck"
    assert a_marketcheck(http, source="mock:marketcheck").source == "mock:marketcheck"
