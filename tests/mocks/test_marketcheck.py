"""
The mocked MarketCheck finds what is for sale, in MarketCheck's wire format with its oddities.
"""

import pytest

from mocks.marketcheck_market import squish
from tests.mocks.marketcheck_client import COROLLA, VIN, search

pytestmark = pytest.mark.anyio

COROLLAS = 1676
"""How many the US market offers of 2010."""
BAND = {"miles_range": "50000-60000"}
FIGURES = {"rows": "0", "stats": "price,miles"}


async def test_the_figures_of_the_article() -> None:
    """
    The article's car has the article's figures, with a typing error that is worth a house.
    """
    body = await search(**COROLLA, **BAND, **FIGURES)

    assert body["num_found"] == 925
    assert body["listings"] == []
    price = body["stats"]["price"]
    assert (price["count"], price["missing"]) == (901, 24)
    assert (price["min"], price["median"], price["max"]) == (1795, 7995, 849995)
    assert price["mean"] == 8940
    assert price["percentiles"]["25.0"] < price["median"] < price["percentiles"]["75.0"]
    assert 50_000 <= body["stats"]["miles"]["min"] <= body["stats"]["miles"]["max"] <= 60_000


async def test_the_absurd_listing() -> None:
    """
    It is a listing like any other, and the dearest.
    """
    body = await search(
        **COROLLA, miles_range="50000-60000", sort_by="price", sort_order="desc", rows="2"
    )

    prices = [listing["price"] for listing in body["listings"]]
    assert prices[0] == 849_995
    assert prices[1] < 20_000


async def test_the_same_market_every_day() -> None:
    """
    Two runs find the same cars: nothing depends on the day or on chance.
    """
    assert await search(**COROLLA, rows="50") == await search(**COROLLA, rows="50")


async def test_listings() -> None:
    """
    Ten are shown unless another number is asked for, and start leaves some out.
    """
    first = await search(**COROLLA)
    second = await search(**COROLLA, start="10", rows="5")
    all_of_them = await search(**COROLLA, rows="15")

    assert len(first["listings"]) == 10
    assert first["listings"] + second["listings"] == all_of_them["listings"]
    assert "stats" not in first
    assert "facets" not in first


async def test_numbers_that_are_texts() -> None:
    """
    Places and former prices are texts; what is not known is absent and never null.
    """
    body = await search(make="Toyota", year="2019", rows="50")

    for listing in body["listings"]:
        assert isinstance(listing["ref_price"], str)
        assert isinstance(listing["dealer"]["latitude"], str)
        assert listing.get("is_certified", 1) == 1
        assert None not in listing.values()


async def test_the_last_places() -> None:
    """
    Fifty listings at a time and the ten thousandth are as far as one can see.
    """
    last = await search(rows="50", start="9950", year="2010")

    assert len(last["listings"]) == 50
    assert (await search(422, rows="51"))["code"] == 422
    assert (await search(422, rows="50", start="9951"))["code"] == 422
    await search(400, rows="many")
    await search(400, start="-1")


@pytest.mark.parametrize(
    "query",
    [
        {"make": "toyota"},
        {"model": "COROLLA"},
        {"trim": "le"},
        {"trim": "Premium"},
        {"car_type": "Used"},
        {"car_type": "new"},
        {"year": "1910"},
        {"country": "DE"},
        {"ymmt": "2010|Toyota|corolla"},
        {"vin": "2T1BU4EE9AC999999"},
    ],
    ids=str,
)
async def test_a_value_that_is_spelt_otherwise(query: dict[str, str]) -> None:
    """
    Nothing is found, and that is no error.
    """
    body = await search(**{**COROLLA, **FIGURES, **query})

    assert body["num_found"] == 0
    assert body["stats"]["price"] == {"count": 0, "missing": 0}


@pytest.mark.parametrize(
    "query",
    [
        COROLLA,
        {**COROLLA, "trim": "LE"},
        {**COROLLA, "make": "Lexus,Toyota", "model": "Nothing, Corolla"},
        {**COROLLA, "car_type": "used"},
        {"ymmt": "2010|Toyota|Corolla|LE"},
        {"ymmt": "2010|Toyota|Corolla"},
        {"vins": VIN},
        {"vins": f"{VIN},{VIN}"},
        {"taxonomy_vins": squish(VIN)},
        {"make": "Toyota", "model": "Corolla", "year_range": "2010-2010"},
    ],
    ids=str,
)
async def test_ways_to_one_car(query: dict[str, str]) -> None:
    """
    A car is named, or meant by its VIN, which finds cars like it.
    """
    body = await search(**query)

    assert body["num_found"] == COROLLAS
    assert {listing["build"]["model"] for listing in body["listings"]} == {"Corolla"}


async def test_only_ten_vins_count() -> None:
    unknown = ",".join(f"2T1BU4EE9XX{number:06}" for number in range(10))

    assert (await search(vins=f"{unknown},{VIN}"))["num_found"] == 0
    assert (await search(vins=f"{VIN},{unknown}"))["num_found"] == COROLLAS


async def test_one_car_by_its_vin() -> None:
    """
    Every listing can be found by its own VIN, which is a sound one of its kind of car.
    """
    for listing in (await search(**COROLLA, rows="3"))["listings"]:
        body = await search(vin=listing["vin"])

        assert [found["vin"] for found in body["listings"]] == [listing["vin"]]
        assert squish(listing["vin"]) == squish(VIN)


@pytest.mark.parametrize(
    ("query", "field", "low", "high"),
    [
        ({"price_range": "5000-6000"}, "price", 5000, 6000),
        ({"price_range": "1-*"}, "price", 1, 1e9),
        ({"price_range": "*-5000"}, "price", 0, 5000),
        ({"miles_range": "60000-90000"}, "miles", 60_000, 90_000),
        ({"dom_range": "0-10"}, "dom", 0, 10),
    ],
)
async def test_ranges(query: dict[str, str], field: str, low: float, high: float) -> None:
    """
    Both ends belong to a range and one may be open; without a price a car is in no range of it.
    """
    body = await search(**COROLLA, **query, rows="50")

    assert body["num_found"] > 0
    assert all(low <= listing[field] <= high for listing in body["listings"])


@pytest.mark.parametrize("value", ["5000", "cheap", "1-2-3", "-", "a-b"])
async def test_no_range(value: str) -> None:
    await search(400, **COROLLA, price_range=value)


async def test_certified_cars_are_used_cars() -> None:
    certified = await search(make="Honda", year="2019", car_type="certified", rows="50")
    used = await search(make="Honda", year="2019", car_type="used")

    assert 0 < certified["num_found"] < used["num_found"]
    assert {listing["is_certified"] for listing in certified["listings"]} == {1}


async def test_two_countries() -> None:
    """
    Canada has prices of its own, and is left out unless it is asked for.
    """
    us = await search(**COROLLA)
    canada = await search(**COROLLA, country="CA", rows="50")
    both = await search(**COROLLA, country="all")

    assert both["num_found"] == us["num_found"] + canada["num_found"]
    assert {listing["dealer"]["country"] for listing in canada["listings"]} == {"CA"}


@pytest.mark.parametrize(
    "place", [{"zip": "75001"}, {"latitude": "32.96", "longitude": "-96.83"}], ids=str
)
async def test_around_a_place(place: dict[str, str]) -> None:
    """
    With a radius only cars nearby are found, the nearest first if one wants.
    """
    near = await search(**COROLLA, **place, radius="50", rows="50")
    by_distance = await search(**COROLLA, **place, sort_by="dist", rows="50")

    assert {listing["dealer"]["city"] for listing in near["listings"]} == {"Dallas"}
    distances = [listing["dist"] for listing in by_distance["listings"]]
    assert distances == sorted(distances)
    assert (await search(**COROLLA, **place))["num_found"] == COROLLAS


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"zip": "!"}, 422),
        ({"radius": "7001"}, 422),
        ({"latitude": "north", "longitude": "west"}, 400),
        ({"sort_by": "beauty"}, 422),
        ({"sort_by": "dist"}, 422),
        ({"facets": "beauty"}, 422),
        ({"facets": "make|a|b"}, 422),
    ],
    ids=str,
)
async def test_a_search_that_cannot_be(query: dict[str, str], status: int) -> None:
    await search(status, **COROLLA, **query)


async def test_facets() -> None:
    """
    Facets tell the names as they are spelt, the most frequent first.
    """
    body = await search(rows="0", year="2010", make="Toyota", facets="model,make|0|50|2")
    second = await search(rows="0", year="2010", make="Toyota", facets="model|1|1")

    assert body["facets"]["make"] == [{"item": "Toyota", "count": body["num_found"]}]
    models = body["facets"]["model"]
    assert models[0]["item"] == "Corolla"
    assert "4Runner" in {model["item"] for model in models}
    assert second["facets"]["model"] == models[1:2]


async def test_dearest_first_and_those_without_a_price_last() -> None:
    body = await search(**COROLLA, **BAND, sort_by="price", start="900", rows="2")

    assert body["listings"][0]["price"] == 849_995
    assert "price" not in body["listings"][1]
