"""
How the mocked MarketCheck finds and shows what is for sale.

Values are matched as they are spelt. One that is spelt otherwise finds nothing, which is no error.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median, pstdev
from typing import Any

from mocks.cars import KnownCar, known_cars
from mocks.market import TODAY
from mocks.marketcheck_market import Offer, dealers, make_of, model_of, offers, squish, squish_of

MOST_ROWS = 50
LAST_ROW = 10_000
FIRST_VINS = 10
"""More in `vins` do not count."""
WIDEST_RADIUS = 7000
COUNTRIES = ("US", "CA")
PERCENTILES = (5, 25, 50, 75, 90, 95, 99)

_SEEN_AT = 1_664_600_400  # 2022-10-01T05:00:00Z: the market stands still in TODAY
_MILES_PER_DEGREE = 69.0

Query = Mapping[str, str]


class Refused(Exception):
    """A request that is answered with an error object."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


NUMBERS: Mapping[str, Callable[[Offer], int | None]] = {
    "price": lambda offer: offer.price,
    "miles": lambda offer: offer.miles,
    "dom": lambda offer: offer.dom,
    "year": lambda offer: offer.car.year,
}
FACETS: Mapping[str, Callable[[Offer], object]] = {
    "make": lambda offer: offer.make,
    "model": lambda offer: offer.model,
    "trim": lambda offer: offer.trim,
    "year": lambda offer: str(offer.car.year),
    "state": lambda offer: offer.dealer["state"],
}


def search(query: Query) -> dict[str, Any]:
    """What is for sale of what is asked for."""
    start, rows = whole(query, "start", 0), whole(query, "rows", 10)
    if rows > MOST_ROWS:
        raise Refused(422, f"rows must not exceed {MOST_ROWS}")
    if start + rows > LAST_ROW:
        raise Refused(422, f"Results beyond {LAST_ROW} are not served")
    place = _place(query)
    found = _sorted(_found(query, place), query, place)
    key = query["api_key"] if query.get("append_api_key", "true") != "false" else None
    answer: dict[str, Any] = {
        "num_found": len(found),
        "listings": [_listing(offer, place, key) for offer in found[start : start + rows]],
    }
    if names := _list(query, "facets"):
        answer["facets"] = dict(_facet(name, found) for name in names)
    if names := _list(query, "stats"):
        answer["stats"] = {
            name: _statistics([NUMBERS[name](offer) for offer in found])
            for name in names
            if name in NUMBERS
        }
    return answer


def complete(query: Query) -> dict[str, Any]:
    """Names that begin with the input, however it is spelt."""
    field, typed = query.get("field", ""), query.get("input", "").casefold()
    names: Mapping[str, Callable[[KnownCar], str | None]] = {
        "make": make_of,
        "model": model_of,
        "trim": lambda car: car.specs["model_trim"],
    }
    if field not in names:
        raise Refused(422, f"field must be one of {', '.join(names)}")
    makes = _list(query, "make")
    terms = {names[field](car) for car in known_cars() if not makes or make_of(car) in makes}
    return {"terms": sorted(t for t in terms if t and t.casefold().startswith(typed))[:10]}


def whole(query: Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, f"{name} must be a number")
    return int(text[:9])


def _found(query: Query, place: tuple[float, float] | None) -> list[Offer]:
    country = query.get("country", "US")
    wanted = COUNTRIES if country.casefold() == "all" else (country.upper(),)
    ranges = [
        (number, _range(query, f"{name}_range"))
        for name, number in NUMBERS.items()
        if query.get(f"{name}_range")
    ]
    radius = whole(query, "radius", WIDEST_RADIUS)
    if radius > WIDEST_RADIUS:
        raise Refused(422, f"radius must not exceed {WIDEST_RADIUS}")
    kind = query.get("car_type")

    def fits(offer: Offer) -> bool:
        if offer.country not in wanted or ("vin" in query and query["vin"] != offer.vin):
            return False
        if kind not in (None, "used") and not (kind == "certified" and offer.certified):
            return False  # nothing here is new, and "Used" is no type
        if place is not None and "radius" in query and _distance(offer, place) > radius:
            return False
        values = ((number(offer), span) for number, span in ranges)
        return all(value is not None and low <= value <= high for value, (low, high) in values)

    cars = [car for car in known_cars() if _is_meant(car, query)]
    return [offer for car in cars for offer in offers(car.model_id) if fits(offer)]


def _is_meant(car: KnownCar, query: Query) -> bool:
    named = (str(car.year), make_of(car), model_of(car), car.specs["model_trim"])
    for name, value in zip(("year", "make", "model", "trim"), named, strict=True):
        if query.get(name) and value not in _list(query, name):
            return False
    if together := _list(query, "ymmt"):
        parts = [one.split("|") for one in together]
        if not any(tuple(one) == named[: len(one)] for one in parts):
            return False
    alike = {squish(vin) for vin in _list(query, "vins")[:FIRST_VINS]}
    alike |= set(_list(query, "taxonomy_vins"))
    if vin := query.get("vin"):
        alike.add(squish(vin))
    return not alike or squish_of(car) in alike


def _list(query: Query, name: str) -> list[str]:
    return [value.strip() for value in query.get(name, "").split(",") if value.strip()]


def _range(query: Query, name: str) -> tuple[float, float]:
    low, dash, high = query[name].partition("-")
    try:
        if not dash:
            raise ValueError(name)
        return (
            -math.inf if low == "*" else int(low),
            math.inf if high == "*" else int(high),
        )
    except ValueError as error:
        raise Refused(400, f"{name} must be a range") from error


def _place(query: Query) -> tuple[float, float] | None:
    """Where the middle of the search is; a postal code stands for its part of the country."""
    if code := query.get("zip"):
        for dealer in (*dealers("US"), *dealers("CA")):
            if dealer["zip"][0] == code[0].upper():
                return float(dealer["latitude"]), float(dealer["longitude"])
        raise Refused(422, "zip is not valid")
    if "latitude" not in query or "longitude" not in query:
        return None
    try:
        return float(query["latitude"]), float(query["longitude"])
    except ValueError as error:
        raise Refused(400, "latitude and longitude must be numbers") from error


def _distance(offer: Offer, place: tuple[float, float]) -> float:
    """Miles, as on a flat map: near enough on one continent."""
    latitude, longitude = float(offer.dealer["latitude"]), float(offer.dealer["longitude"])
    across = (longitude - place[1]) * math.cos(math.radians((latitude + place[0]) / 2))
    return _MILES_PER_DEGREE * math.hypot(latitude - place[0], across)


def _sorted(found: list[Offer], query: Query, place: tuple[float, float] | None) -> Sequence[Offer]:
    name = query.get("sort_by")
    if name is None:
        return found
    by: Callable[[Offer], float | None]
    if name == "dist" and place is not None:
        by = lambda offer: _distance(offer, place)  # noqa: E731
    elif name in NUMBERS:
        by = NUMBERS[name]
    else:
        raise Refused(422, "sort_by is not a field to sort by")
    sign = -1 if query.get("sort_order", "asc") == "desc" else 1
    # Those that have no price come last in either order.
    return sorted(found, key=lambda offer: (by(offer) is None, sign * (by(offer) or 0)))


def _facet(asked: str, found: Iterable[Offer]) -> tuple[str, list[dict[str, Any]]]:
    """`field`, or `field|offset|limit|mincount`."""
    name, *numbers = asked.split("|")
    if name not in FACETS or not all(number.isdigit() for number in numbers):
        raise Refused(422, "facets has a field that is not one, or no numbers")
    offset, limit, least = (*map(int, numbers), *(0, 100, 1)[len(numbers) :])
    counted = Counter(value for offer in found if (value := FACETS[name](offer)))
    terms = [{"item": item, "count": n} for item, n in counted.most_common() if n >= least]
    return name, terms[offset : offset + limit]


def _statistics(values: Sequence[int | None]) -> dict[str, Any]:
    """Sums up the values that there are; of none there is no more to say than their number."""
    there = sorted(value for value in values if value is not None)
    counts: dict[str, Any] = {"count": len(there), "missing": len(values) - len(there)}
    if not there:
        return counts
    return counts | {
        "min": there[0],
        "max": there[-1],
        "sum": sum(there),
        "sum_of_squares": float(sum(value * value for value in there)),
        "mean": round(fmean(there), 2),
        "stddev": round(pstdev(there), 2),
        "median": float(median(there)),
        "percentiles": {f"{percent}.0": _percentile(there, percent) for percent in PERCENTILES},
    }


def _percentile(there: Sequence[int], percent: int) -> float:
    at = (len(there) - 1) * percent / 100
    low, high = there[math.floor(at)], there[math.ceil(at)]
    return round(low + (high - low) * (at - math.floor(at)), 2)


def _listing(offer: Offer, place: tuple[float, float] | None, key: str | None) -> dict[str, Any]:
    """
    A listing as MarketCheck shows it: what is not known is absent, and some numbers are texts.

    With a key it is written into the links of cached photos, as it is unless one asks not to.
    """
    car = offer.car
    first_seen = _SEEN_AT - offer.dom * 86400
    photo = f"https://dealer.example/photos/{offer.vin}.jpg"
    cached = f"https://api.marketcheck.com/v2/image/cache/car/{offer.vin}"
    shown: dict[str, Any] = {
        "id": f"{offer.vin}-{offer.dealer['id']}",
        "vin": offer.vin,
        "heading": f"{car.year} {offer.make} {offer.model} {offer.trim or ''}".strip(),
        "price": offer.price,
        "miles": offer.miles,
        "msrp": car.new_price if car.year == TODAY else None,
        "ref_price": None if offer.price is None else str(offer.price + 500),
        "dom": offer.dom,
        "dom_180": min(offer.dom, 180),
        "is_certified": 1 if offer.certified else None,
        "carfax_1_owner": offer.number % 3 == 0,
        "carfax_clean_title": offer.number % 7 != 0,
        "seller_type": "dealer",
        "inventory_type": "used",
        "stock_no": f"P{offer.number:06}",
        "vdp_url": f"https://dealer.example/cars/{offer.vin}",
        "source": "dealer.example",
        "data_source": "mc",
        "dist": round(_distance(offer, place), 2) if place else None,
        "first_seen_at": first_seen,
        "last_seen_at": _SEEN_AT,
        "media": {
            "photo_links": [photo],
            "photo_links_cached": [f"{cached}?api_key={key}" if key else cached],
        },
        "dealer": dict(offer.dealer),
        "build": build_of(car),
    }
    return {name: value for name, value in shown.items() if value is not None}


def build_of(car: KnownCar) -> dict[str, Any]:
    """What a VIN says of a car."""
    specs = car.specs
    litres = specs["model_engine_cc"]
    known = {
        "year": car.year,
        "make": make_of(car),
        "model": model_of(car),
        "trim": specs["model_trim"],
        "body_type": specs["model_body"],
        "transmission": specs["model_transmission_type"],
        "fuel_type": specs["model_engine_fuel"],
        "engine_size": round(int(litres) / 1000, 1) if litres else None,
        "cylinders": _int(specs["model_engine_cyl"]),
        "doors": _int(specs["model_doors"]),
        "std_seating": specs["model_seats"],
        "highway_mpg": _int(specs["model_mpg_hwy"]),
        "city_mpg": _int(specs["model_mpg_city"]),
    }
    return {name: value for name, value in known.items() if value is not None}


def _int(text: str | None) -> int | None:
    return int(text) if text else None
