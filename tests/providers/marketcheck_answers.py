"""
MarketCheck's answers in its wire format, and an adapter that reads them.
"""

from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import respx

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.valuation import Basis, Condition, MileageUnit, Price, PriceKind, Usage
from carvalue.providers.http import Channel
from carvalue.providers.marketcheck import MarketCheck

TODAY = date(2026, 11, 26)
BASE = "http://marketcheck.test/v2"
SEARCH = f"{BASE}/search/car/active"
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
SPECS = Specs(trim_id="45963", source="specs")
USED = Usage(58000, MileageUnit.mi, Condition.very_good)
VIN = "2T1BU4EE9AC123456"
STATS: dict[str, Any] = {
    "count": 1250,
    "missing": 34,
    "min": 1795,
    "median": 7995.0,
    "max": 849995,
    "mean": 8940.4,
    "percentiles": {"5.0": 3200.0, "25.0": 6100.0, "75.0": 10990.0, "90.0": 14500.0},
}
FIGURES = Price(
    "USD",
    min=1795,
    median=7995,
    max=849995,
    mean=8940,
    typical_low=6100,
    typical_high=10990,
    typical_percent=50,
    comparables=1250,
    kind=PriceKind.retail,
)
PRICE = replace(FIGURES, basis=Basis.same_year, as_of=TODAY)


def found(stats: object, num_found: object = 1284) -> dict[str, Any]:
    return {"num_found": num_found, "listings": [], "stats": {"price": stats, "miles": {}}}


def a_marketcheck(http: httpx.AsyncClient, **options: Any) -> MarketCheck:
    channel = Channel(http, "marketcheck", 5.0)
    return MarketCheck(channel, base_url=BASE, api_key="the-key", today=lambda: TODAY, **options)


async def price_of(
    valuer: MarketCheck,
    *,
    car: Car = COROLLA,
    specs: Specs = SPECS,
    country: str = "US",
    vin: str | None = None,
) -> Price | None:
    return await valuer.value(car, specs, USED, country, vin)


def asked(route: respx.Route) -> list[dict[str, str]]:
    return [dict(call.request.url.params) for call in route.calls]
