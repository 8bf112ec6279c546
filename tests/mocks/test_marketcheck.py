"""The mocked MarketCheck speaks MarketCheck's wire format, with its oddities and its limits."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mocks.marketcheck import routes
from mocks.marketcheck_market import car_of_vin, offers, squish
from mocks.scenarios import Scenario
from tests.contracts import assert_fits

pytestmark = pytest.mark.anyio

SEARCH = "/search/car/active"
PREDICTION = "/predict/car/us/marketcheck_price"
LEGACY = "/predict/car/price"
COMPLETE = "/search/car/auto-complete"
DECODE = "/decode/car/{vin}/specs"
VIN = "2T1BU4EE9AC123456"
COROLLAS = 1676
"""How many the US market offers of 2010."""
COROLLA = {"year": "2010", "make": "Toyota", "model": "Corolla"}
BAND = {"miles_range": "50000-60000"}
FIGURES = {"rows": "0", "stats": "price,miles"}


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


def marketcheck(key: str | None = "mock", **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**options))),
        base_url="http://marketcheck/v2",
        params={"api_key": key} if key else {},
    )


async def asked(path: str, query: dict[str, str], status: int = 200) -> Any:
    """The body of an answer that fits the contract."""
    async with marketcheck() as client:
        answer = await client.get(path.format(vin=query.pop("_vin", VIN)), params=query)
    assert answer.status_code == status, answer.text
    assert_fits("marketcheck", "GET", path, status, answer.json())
    return answer.json()


async def search(status: int = 200, /, **query: str) -> Any:
    return await asked(SEARCH, query, status)


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
    await search(rows="50", start="9950", make="Toyota")
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
    certified = await search(make="Honda", car_type="certified", rows="50")
    used = await search(make="Honda", car_type="used")

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


# The key


@pytest.mark.parametrize(
    ("query", "told"),
    [({}, True), ({"append_api_key": "true"}, True), ({"append_api_key": "false"}, False)],
    ids=str,
)
async def test_the_key_in_links(query: dict[str, str], told: bool) -> None:
    """
    Links of cached photos hold the caller's key, unless one asks not to.
    """
    body = await search(**COROLLA, **query)

    assert ("api_key=mock" in json.dumps(body)) is told


@pytest.mark.parametrize("path", [SEARCH, COMPLETE, PREDICTION, LEGACY, f"/decode/car/{VIN}/specs"])
@pytest.mark.parametrize("key", [None, "", "stranger", "mock-refused"])
async def test_no_key_of_ours(path: str, key: str | None) -> None:
    """
    The gateway refuses before it looks at anything else, and its errors have no code.
    """
    async with marketcheck(key) as client:
        answer = await client.get(path)

    assert answer.status_code == 401
    assert list(answer.json()) == ["message"]
    assert_fits("marketcheck", "GET", SEARCH, 401, answer.json())


# Predictions


async def test_a_prediction() -> None:
    """
    One car is worth less the further it drove, and less at an independent dealer's.
    """
    usual = await asked(PREDICTION, {"vin": VIN, "miles": "70000", "dealer_type": "franchise"})
    further = await asked(PREDICTION, {"vin": VIN, "miles": "150000"})
    independent = await asked(
        PREDICTION, {"vin": VIN, "miles": "70000", "dealer_type": "independent", "zip": "75001"}
    )
    certified = await asked(PREDICTION, {"vin": VIN, "miles": "70000", "is_certified": "true"})

    assert 3000 < further["marketcheck_price"] < usual["marketcheck_price"] < 12000
    assert independent["marketcheck_price"] < usual["marketcheck_price"]
    assert certified["marketcheck_price"] > usual["marketcheck_price"]
    assert usual["msrp"] == 16800


async def test_a_prediction_for_an_old_car() -> None:
    """
    What a car cost new is not known of every car.
    """
    old = (await search(make="Acura", model="Integra", year="1999", rows="1"))["listings"][0]

    assert (await asked(PREDICTION, {"vin": old["vin"]}))["msrp"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"vin": VIN, "append_api_key": "false"}, 400),
        ({"vin": VIN, "country": "US"}, 400),
        ({"vin": VIN, "miles": "far"}, 400),
        ({"vin": VIN, "dealer_type": "private"}, 422),
    ],
    ids=str,
)
async def test_a_prediction_that_cannot_be(query: dict[str, str], status: int) -> None:
    """
    A parameter that is not known is refused; the search overlooks it.
    """
    await asked(PREDICTION, query, status)
    await search(append_api_key="false", beauty="great")


@pytest.mark.parametrize("path", [PREDICTION, LEGACY, DECODE])
@pytest.mark.parametrize(
    "vin", ["1HGCM82633A004352", VIN[:16], VIN[:8] + "0" + VIN[9:], VIN.lower(), "unknown"]
)
async def test_a_vin_that_is_not_found(path: str, vin: str) -> None:
    """
    Of another car, too short, or with a wrong check digit: all the same 422.
    """
    query = {"vin": vin, "_vin": vin} | ({"car_type": "used"} if path == LEGACY else {})

    assert await asked(path, query, 422) == {"code": 422, "message": f"{vin} not found"}


async def test_the_older_prediction() -> None:
    """
    It takes a VIN, or the four words of a name.
    """
    by_vin = await asked(LEGACY, {"car_type": "used", "vin": VIN, "miles": "70000"})
    by_name = await asked(LEGACY, {"car_type": "used", **COROLLA, "trim": "LE", "miles": "70000"})

    assert by_vin == by_name
    bounds = by_vin["price_range"]
    assert bounds["lower_bound"] < by_vin["predicted_price"] < bounds["upper_bound"]
    await asked(LEGACY, {"vin": VIN}, 400)
    await asked(LEGACY, {"car_type": "used", **COROLLA}, 422)


async def test_what_a_vin_says() -> None:
    body = await asked(DECODE, {"_vin": VIN})

    assert (body["year"], body["make"], body["model"], body["trim"]) == (
        2010,
        "Toyota",
        "Corolla",
        "LE",
    )


async def test_the_vins_of_cars_on_sale() -> None:
    """
    No VIN is on sale twice, and each means the car that it is on.
    """
    for model_id in ("45963", "42631", "42713"):
        for offer in offers(model_id):
            assert car_of_vin(offer.vin) == offer.car
        assert len({offer.vin for offer in offers(model_id)}) == len(offers(model_id))


# Names


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ({"field": "model", "input": "corol"}, ["Corolla"]),
        ({"field": "make", "input": "to"}, ["Toyota"]),
        ({"field": "make", "input": "RAM"}, ["RAM"]),
        ({"field": "model", "input": "c", "make": "Mazda"}, ["CX-5"]),
        ({"field": "model", "input": "zeppelin"}, []),
    ],
    ids=str,
)
async def test_the_beginning_of_a_name(query: dict[str, str], terms: list[str]) -> None:
    """
    However it is typed, the names come as they are spelt in the index.
    """
    assert (await asked(COMPLETE, query))["terms"] == terms


async def test_the_beginning_of_something_else() -> None:
    await asked(COMPLETE, {"field": "beauty", "input": "a"}, 422)


# Bad days and limits


async def test_a_day_out_of_order() -> None:
    """
    The gateway's page is no JSON.
    """
    async with marketcheck("mock-down") as client:
        answer = await client.get(SEARCH)

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_nonsense_answer() -> None:
    async with marketcheck("mock-nonsense") as client:
        answer = await client.get(SEARCH)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with marketcheck("mock-slow", delay=0.15) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get(SEARCH, params=COROLLA), 0.05)
        answer = await client.get(SEARCH, params=COROLLA)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("scenario", "message", "wait"),
    [
        (Scenario.busy, "API rate limit exceeded", 1),
        (Scenario.quota, "Monthly API quota exhausted", 20 * 86400),
    ],
)
async def test_two_kinds_of_429(scenario: Scenario, message: str, wait: int) -> None:
    """
    One is over in a second, the other when the month is.
    """
    clock = Clock(datetime(2026, 11, 11, tzinfo=UTC))
    async with marketcheck(f"mock-{scenario}", clock=clock) as client:
        answer = await client.get(SEARCH)

    assert answer.status_code == 429
    assert answer.json() == {"message": message}
    assert answer.headers["retry-after"] == str(wait)
    assert_fits("marketcheck", "GET", SEARCH, 429, answer.json())


async def test_a_months_quota() -> None:
    """
    The headers count down; when nothing is left, the next month brings new calls.
    """
    clock = Clock(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
    async with marketcheck(monthly_quota=2, clock=clock) as client:
        left = [
            (await client.get(SEARCH, params=COROLLA)).headers["quota-remaining"] for _ in range(2)
        ]
        refused = await client.get(SEARCH, params=COROLLA)
        clock.now = datetime(2027, 1, 1, tzinfo=UTC)
        again = await client.get(SEARCH, params=COROLLA)

    assert left == ["1", "0"]
    assert refused.status_code == 429
    assert refused.json() == {"message": "Monthly API quota exhausted"}
    assert refused.headers["quota-limit"] == "2"
    assert refused.headers["quota-remaining"] == "0"
    assert refused.headers["quota-reset-time"] == "2027-01-01T00:00:00Z"
    assert refused.headers["retry-after"] == "3600"
    assert again.status_code == 200


async def test_calls_in_a_second() -> None:
    """
    A refused call counts for nothing, and a second later the next one is taken.
    """
    clock = Clock(datetime(2026, 11, 11, tzinfo=UTC))
    async with marketcheck(per_second=1, monthly_quota=9, clock=clock) as client:
        first = await client.get(SEARCH, params=COROLLA)
        second = await client.get(SEARCH, params=COROLLA)
        clock.now = clock.now.replace(second=1)
        third = await client.get(SEARCH, params=COROLLA)

    assert [answer.status_code for answer in (first, second, third)] == [200, 429, 200]
    assert second.json() == {"message": "API rate limit exceeded"}
    assert second.headers["ratelimit-remaining"] == "0"
    assert second.headers["ratelimit-reset-time"] == "2026-11-11T00:00:01Z"
    assert third.headers["quota-remaining"] == "7"


async def test_each_key_has_its_own_quota() -> None:
    async with marketcheck(monthly_quota=1) as client:
        answers = [
            await client.get(SEARCH, params={**COROLLA, "api_key": key})
            for key in ("mock", "mock-later", "mock")
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_no_limits() -> None:
    """
    Without limits there is nothing to say about them.
    """
    async with marketcheck() as client:
        answer = await client.get(SEARCH, params=COROLLA)

    assert not [name for name in answer.headers if name.startswith(("quota", "ratelimit"))]
