"""
MarketCheck: what this very car is worth, told by its VIN.
"""

from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from carvalue.providers.marketcheck import MarketCheck, PredictionAnswer, predicted_from
from tests.providers.marketcheck_answers import (
    BASE,
    PRICE,
    SEARCH,
    STATS,
    VIN,
    a_marketcheck,
    asked,
    found,
    price_of,
)

pytestmark = pytest.mark.anyio

PREDICTION = f"{BASE}/predict/car/us/marketcheck_price"


async def test_a_car_whose_vin_is_known(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    MarketCheck's model is told the VIN and the exact mileage, and no parameter that it refuses.
    """
    respx_mock.get(SEARCH).respond(json=found(STATS))
    route = respx_mock.get(PREDICTION).respond(json={"marketcheck_price": 7850, "msrp": None})
    valuer = a_marketcheck(http, dealer_type="independent", zip="75001", radius=50)

    price = await price_of(valuer, vin=VIN.lower())

    assert price == replace(PRICE, predicted=7850)
    assert asked(route) == [
        {
            "api_key": "the-key",
            "vin": VIN,
            "miles": "58000",
            "dealer_type": "independent",
            "zip": "75001",
        }
    ]


@pytest.mark.parametrize(
    ("country", "vin", "options"),
    [
        ("CA", VIN, {}),
        ("US", VIN, {"predict": False}),
        ("US", None, {}),
        ("US", "", {}),
        ("US", VIN[:16], {}),
        ("US", VIN + "7", {}),
        ("US", "OIQ" + VIN[3:], {}),
        ("US", VIN[:16] + "&", {}),
    ],
)
async def test_no_prediction(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    country: str,
    vin: str | None,
    options: dict[str, Any],
) -> None:
    """
    What would not help is not paid for: another country, no VIN, or predictions turned off.
    """
    respx_mock.get(SEARCH).respond(json=found(STATS))

    price = await price_of(a_marketcheck(http, **options), country=country, vin=vin)

    assert price is not None
    assert price.predicted is None
    assert respx_mock.calls.call_count == 1


async def test_no_prediction_without_prices(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter
) -> None:
    """
    A prediction alone is no distribution of prices, so it is not asked for.
    """
    respx_mock.get(SEARCH).respond(json={"num_found": 0, "listings": []})

    assert await price_of(marketcheck, vin=VIN) is None
    assert respx_mock.calls.call_count == 2


@pytest.mark.parametrize(
    ("value", "predicted"),
    [
        (27850, 27850),
        (27850.6, 27851),
        ("27850", 27850),
        (0, None),
        (-5, None),
        (None, None),
        ("unknown", None),
        ({}, None),
        (True, None),
    ],
    ids=repr,
)
def test_what_is_predicted(value: object, predicted: int | None) -> None:
    """
    A car is not predicted to cost nothing.
    """
    answer = PredictionAnswer.model_validate({"marketcheck_price": value})

    assert predicted_from(answer) == predicted
