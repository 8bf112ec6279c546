"""
The mocked MarketCheck knows VINs: what a car is, what it is worth, how its name is spelt.
"""

import pytest

from mocks.marketcheck_market import car_of_vin, offers
from tests.mocks.marketcheck_client import COMPLETE, COROLLA, LEGACY, PREDICTION, VIN, asked, search

pytestmark = pytest.mark.anyio

DECODE = "/decode/car/{vin}/specs"


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
    await search(**COROLLA, append_api_key="false", beauty="great")


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
