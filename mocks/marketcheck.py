"""
MarketCheck's Cars API, as far as carvalue asks for it and a little more.

https://docs.marketcheck.com/docs/api/cars/inventory/inventory-search

The wire is MarketCheck's, with its oddities: the key goes in the query and comes back in links
unless one asks not to, a name that is spelt otherwise finds nothing, some numbers are texts, and
two kinds of 429 tell a rush from a month's quota. What is for sale is in
`mocks.marketcheck_market`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mocks.cars import KnownCar, known_cars
from mocks.marketcheck_limits import Limits
from mocks.marketcheck_market import car_of_vin, make_of, model_of, predicted_price
from mocks.marketcheck_search import Query, Refused, build_of, complete, search, whole
from mocks.scenarios import Scenario, scenario_of

USUAL_MILES = 50_000
"""What a prediction takes the car to have driven that is not told how far."""
MSRP_FROM = 2000
"""Of older cars the price when new is not known."""
PREDICTION_PARAMETERS = frozenset(
    {"api_key", "vin", "miles", "dealer_type", "zip", "city", "state", "is_certified"}
)

_DOWN = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


def routes(
    *,
    scenario: Callable[[str], Scenario] = scenario_of,
    delay: float = 60.0,
    monthly_quota: int | None = None,
    per_second: int | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Route]:
    """
    MarketCheck's paths, to be mounted where its own would be.

    `monthly_quota` and `per_second` are the limits of each key, None is without; `clock` tells
    the seconds since 1970. `delay` is how long the slow scenario takes, in seconds.
    """
    limits = Limits(monthly_quota, per_second, clock)

    def endpoint(
        answer: Callable[[Query], Mapping[str, Any]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            key = request.query_params.get("api_key")
            if not key:
                return JSONResponse({"message": "No API key found in request"}, 401)
            match scenario(key):
                case Scenario.refused:
                    return JSONResponse({"message": "Invalid authentication credentials"}, 401)
                case Scenario.down:
                    return HTMLResponse(_DOWN, 503)
                case Scenario.nonsense:
                    return HTMLResponse("<html><body>Welcome to the portal</body></html>")
                case Scenario.quota:
                    admission = limits.used_up(key)
                case Scenario.busy:
                    admission = limits.busy(key)
                case day:
                    if day is Scenario.slow:
                        await asyncio.sleep(delay)
                    admission = limits.admit(key)
            if admission.refusal:
                return JSONResponse({"message": admission.refusal}, 429, admission.headers)
            query = {**request.query_params, **request.path_params}
            try:
                found = await asyncio.to_thread(answer, query)
            except Refused as refused:
                body = {"code": refused.status, "message": refused.message}
                return JSONResponse(body, refused.status, admission.headers)
            return JSONResponse(dict(found), headers=admission.headers)

        return answered

    return [
        Route("/v2/search/car/active", endpoint(search)),
        Route("/v2/search/car/auto-complete", endpoint(complete)),
        Route("/v2/predict/car/us/marketcheck_price", endpoint(marketcheck_price)),
        Route("/v2/predict/car/price", endpoint(legacy_price)),
        Route("/v2/decode/car/{vin}/specs", endpoint(decode)),
    ]


def marketcheck_price(query: Query) -> Mapping[str, Any]:
    """What MarketCheck's model says of one car; a parameter that it does not know is refused."""
    if unknown := sorted(query.keys() - PREDICTION_PARAMETERS):
        raise Refused(400, f"Unknown parameter: {unknown[0]}")
    car = _car_of(query)
    dealer_type = query.get("dealer_type", "franchise")
    if dealer_type not in ("franchise", "independent"):
        raise Refused(422, "dealer_type must be franchise or independent")
    price = predicted_price(
        car,
        whole(query, "miles", USUAL_MILES),
        independent=dealer_type == "independent",
        certified=query.get("is_certified") == "true",
    )
    return {
        "marketcheck_price": price,
        "msrp": car.new_price if car.year >= MSRP_FROM else None,
    }


def legacy_price(query: Query) -> Mapping[str, Any]:
    """The older prediction, which takes a car by its name, too."""
    if query.get("car_type") not in ("used", "new"):
        raise Refused(400, "car_type must be used or new")
    car = _car_of(query) if query.get("vin") else _car_named(query)
    miles = whole(query, "miles", USUAL_MILES)
    certified = query.get("is_certified") == "true"
    price = predicted_price(car, miles, independent=False, certified=certified)
    return {
        "predicted_price": price,
        "price_range": {"lower_bound": round(price * 0.87), "upper_bound": round(price * 1.17)},
        "specs": {
            "year": car.year,
            "make": make_of(car),
            "model": model_of(car),
            "miles": miles,
            "is_certified": certified,
        },
    }


def decode(query: Query) -> Mapping[str, Any]:
    return build_of(_car_of(query))


def _car_of(query: Query) -> KnownCar:
    vin = query.get("vin", "")
    if not vin:
        raise Refused(400, "vin is required")
    if car := car_of_vin(vin):
        return car
    raise Refused(422, f"{vin} not found")


def _car_named(query: Query) -> KnownCar:
    asked = tuple(query.get(name) for name in ("year", "make", "model", "trim"))
    for car in known_cars():
        if asked == (str(car.year), make_of(car), model_of(car), car.specs["model_trim"]):
            return car
    raise Refused(422, "vin, or year, make, model and trim of a known car, are required")
