"""
CarQuery 0.3: makes, models and trims of cars, without a key.

https://www.carqueryapi.com/documentation/api-usage/

The wire is CarQuery's, with its oddities: one address and `cmd` in the query, numbers as text,
years as an object and a model as a list, JSONP on demand, errors with status 200, and a 403 for
the User-Agents of HTTP libraries. So are the records: those of 2016 and later hold US figures in
fields that are named after metric units. The cars are those of `mocks.cars`; what CarQuery has
beyond them is in `answers/carquery/`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mocks.cars import car_named, known_cars
from mocks.scenarios import GOOD_KEY, Scenario, scenario_of

PATH = "/api/0.3/"
MIN_YEAR, MAX_YEAR = "1941", "2021"
_FOLDER = Path(__file__).parent / "answers" / "carquery"
_LIBRARIES = ("python-", "go-http-client")

Trim = Mapping[str, str | None]
Query = Mapping[str, str]

IDENTITY = (
    "model_id", "model_make_id", "model_name", "model_trim", "model_year",
    "make_display", "make_country",
)  # fmt: skip
"""What is told without `full_results=1`; which fields it are is not documented."""

FIELDS = (
    "model_id", "model_make_id", "model_name", "model_trim", "model_year", "model_body",
    "model_engine_position", "model_engine_cc", "model_engine_cyl", "model_engine_type",
    "model_engine_valves_per_cyl", "model_engine_power_ps", "model_engine_power_rpm",
    "model_engine_torque_nm", "model_engine_torque_rpm", "model_engine_bore_mm",
    "model_engine_stroke_mm", "model_engine_compression", "model_engine_fuel",
    "model_top_speed_kph", "model_0_to_100_kph", "model_drive", "model_transmission_type",
    "model_seats", "model_doors", "model_weight_kg", "model_length_mm", "model_width_mm",
    "model_height_mm", "model_wheelbase_mm", "model_lkm_hwy", "model_lkm_mixed",
    "model_lkm_city", "model_fuel_cap_l", "model_sold_in_us", "model_co2",
    "model_make_display", "make_display", "make_country",
)  # fmt: skip

_EXACT = {
    "model": "model_name",
    "body": "model_body",
    "doors": "model_doors",
    "drive": "model_drive",
    "engine_position": "model_engine_position",
    "engine_type": "model_engine_type",
    "fuel_type": "model_engine_fuel",
    "seats": "model_seats",
    "sold_in_us": "model_sold_in_us",
    "year": "model_year",
}
_RANGES = {
    "cylinders": "model_engine_cyl",
    "lkm_hwy": "model_lkm_hwy",
    "power": "model_engine_power_ps",
    "top_speed": "model_top_speed_kph",
    "torque": "model_engine_torque_nm",
    "weight": "model_weight_kg",
    "year": "model_year",
}

# Name in `getModel`, the metric field that it is worked out of, the factor, the decimals.
_IN_US_UNITS = (
    ("model_engine_l", "model_engine_cc", 0.001, 1),
    ("model_engine_ci", "model_engine_cc", 0.0610237, 0),
    ("model_engine_bore_in", "model_engine_bore_mm", 1 / 25.4, 2),
    ("model_engine_stroke_in", "model_engine_stroke_mm", 1 / 25.4, 2),
    ("model_engine_power_hp", "model_engine_power_ps", 0.98632, 0),
    ("model_engine_power_kw", "model_engine_power_ps", 0.735499, 0),
    ("model_engine_torque_lbft", "model_engine_torque_nm", 0.737562, 0),
    ("model_engine_torque_kgm", "model_engine_torque_nm", 0.101972, 0),
    ("model_top_speed_mph", "model_top_speed_kph", 0.621371, 0),
    ("model_weight_lbs", "model_weight_kg", 2.204623, 0),
    ("model_length_in", "model_length_mm", 1 / 25.4, 1),
    ("model_width_in", "model_width_mm", 1 / 25.4, 1),
    ("model_height_in", "model_height_mm", 1 / 25.4, 1),
    ("model_wheelbase_in", "model_wheelbase_mm", 1 / 25.4, 1),
    ("model_fuel_cap_g", "model_fuel_cap_l", 0.264172, 1),
)


class Refused(Exception):
    """A question that is answered with `{"error": ...}` and status 200."""


def routes(
    *,
    scenario: Callable[[str], Scenario] = scenario_of,
    delay: float = 60.0,
    refuse_libraries: bool = True,
) -> list[Route]:
    """
    Serve `/api/0.3/`; `delay` is how many seconds the slow scenario takes.

    `refuse_libraries` is whether an HTTP library that does not say who uses it gets a 403.
    """

    async def answered(request: Request) -> Response:
        agent = request.headers.get("user-agent", "").strip().casefold()
        if refuse_libraries and (not agent or agent.startswith(_LIBRARIES)):
            return _forbidden()
        match scenario(GOOD_KEY):  # there is no key to choose by
            case Scenario.refused | Scenario.quota | Scenario.busy:
                return _forbidden()  # it knows no other way to send somebody away
            case Scenario.down:
                return HTMLResponse(
                    "<html><body><h1>503 Service Unavailable</h1></body></html>", 503
                )
            case Scenario.nonsense:
                return HTMLResponse("<html><body><h1>It works!</h1></body></html>")
            case Scenario.slow:
                await anyio.sleep(delay)
            case Scenario.ok | Scenario.later:
                pass
        query = dict(request.query_params)
        try:
            body = answer_to(query)
        except Refused as refused:
            body = {"error": str(refused)}
        return _told(body, query.get("callback"))

    return [Route(PATH, answered, methods=["GET"])]


def answer_to(query: Query) -> object:
    """The JSON that answers a query. Raises `Refused`."""
    match query.get("cmd"):
        case "getYears":
            return {"Years": {"min_year": MIN_YEAR, "max_year": MAX_YEAR}}
        case "getMakes":
            return {"Makes": _makes(query)}
        case "getModels":
            return {"Models": _models(query)}
        case "getTrims":
            return {"Trims": _trims(query)}
        case "getModel":
            return _model(query)
        case "GetFieldValues":
            return {"Values": _values(query)}
        case _:
            raise Refused("Unknown command.")


def _told(body: object, callback: str | None) -> Response:
    text = json.dumps(body, separators=(",", ":"))
    if callback is None:
        return Response(text, media_type="application/json")
    # To the letter: old clients cut off the first two characters and the last two.
    return Response(f"{callback}({text});", media_type="text/javascript")


def _forbidden() -> Response:
    return HTMLResponse("<html><body><h1>403 Forbidden</h1></body></html>", 403)


def _makes(query: Query) -> list[dict[str, str | None]]:
    makes: dict[str, dict[str, str | None]] = {}
    for trim in _filtered({key: query[key] for key in ("year", "sold_in_us") if key in query}):
        make_id = slug(trim["make_display"] or "")
        makes[make_id] = {
            "make_id": make_id,
            "make_display": trim["make_display"],
            "make_is_common": "1",
            "make_country": trim["make_country"],
        }
    return [makes[make_id] for make_id in sorted(makes)]


def _models(query: Query) -> list[dict[str, str | None]]:
    if not query.get("make"):
        raise Refused("The make is missing.")
    wanted = ("make", "year", "sold_in_us", "body")
    found = _filtered({key: query[key] for key in wanted if key in query})
    names = {trim["model_name"]: trim["model_make_id"] for trim in found}
    return [
        {"model_name": name, "model_make_id": make_id}
        for name, make_id in sorted(names.items(), key=lambda model: model[0] or "")
    ]


def _trims(query: Query) -> list[Trim]:
    # What the real one does then is not known; it has some 70,000 trims.
    if not any(query.get(key) for key in ("make", "model", "keyword", "body", "year")):
        raise Refused("Please narrow your search.")
    full = query.get("full_results", "1") == "1"
    return [
        trim if full else {field: trim[field] for field in IDENTITY} for trim in _filtered(query)
    ]


def _model(query: Query) -> list[dict[str, object]]:
    trim = next((one for one in all_trims() if one["model_id"] == query.get("model")), None)
    if trim is None:
        return []
    recorded = _read("recorded")["models"].get(trim["model_id"])
    return [{**trim, **(recorded or _in_us_units(trim))}]


def _values(query: Query) -> list[dict[str, str]]:
    field = _EXACT.get(query.get("field_name", ""))
    if field is None:
        raise Refused("Unknown field.")
    values = {trim[field] for trim in all_trims()}
    return [{"value": value} for value in sorted(value for value in values if value)]


def _filtered(query: Query) -> list[Trim]:
    return [trim for trim in all_trims() if _fits(trim, query)]


def _fits(trim: Trim, query: Query) -> bool:
    for key, wanted in query.items():
        if wanted in ("", "-1"):  # any
            continue
        if key == "make" and slug(trim["model_make_id"] or "") != slug(wanted):
            return False
        if key == "keyword":
            names = f"{trim['make_display']} {trim['model_name']} {trim['model_trim']}"
            if wanted.casefold() not in names.casefold():
                return False
        if key in _EXACT and (trim[_EXACT[key]] or "").casefold() != wanted.casefold():
            return False
        side, _, name = key.partition("_")
        if side in ("min", "max") and name in _RANGES:
            value, bound = _number(trim[_RANGES[name]]), _number(wanted)
            if bound is None:
                raise Refused(f"{key} is not a number.")
            if value is None or (value < bound if side == "min" else value > bound):
                return False
    return True


def _in_us_units(trim: Trim) -> dict[str, object]:
    # Worked out as if every record were metric: those that are not come out converted twice.
    told: dict[str, object] = {}
    for name, metric, factor, decimals in _IN_US_UNITS:
        value = _number(trim[metric])
        told[name] = None if value is None else f"{value * factor:.{decimals}f}"
    for where in ("hwy", "city", "mixed"):
        litres = _number(trim[f"model_lkm_{where}"])
        told[f"model_mpg_{where}"] = f"{235.2146 / litres:.0f}" if litres else None
    each, cylinders = (
        _number(trim["model_engine_valves_per_cyl"]),
        _number(trim["model_engine_cyl"]),
    )
    told["model_engine_valves"] = f"{each * cylinders:.0f}" if each and cylinders else None
    return {**told, "ExtColors": [], "IntColors": []}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def slug(name: str) -> str:
    return name.casefold().replace(" ", "-")


@cache
def all_trims() -> tuple[Trim, ...]:
    """Every trim, recorded ones last."""
    return (*_trims_of_known_cars(), *_read("recorded")["trims"])


def _trims_of_known_cars() -> Iterator[Trim]:
    ours = _read("trims")
    figures: dict[str, Trim] = {}
    for engine in ours["engines"]:
        for _, car_id in _cars_of(engine):
            figures[car_id] = engine["figures"]
    whole: dict[str, Trim] = {}
    for car in known_cars():
        blank: dict[str, str | None] = dict.fromkeys(FIELDS)
        known = {key: value for key, value in car.specs.items() if key in blank}
        named = {
            "model_make_id": slug(car.make),
            "model_name": ours["renamed"].get(car.model, car.model),
            "model_trim": car.specs["model_trim"] or "",
            "model_engine_position": car.specs["model_engine_position"] or "",
            "model_sold_in_us": "1",
            "model_make_display": car.make,
        }
        whole[car.model_id] = {**blank, **known, **named, **figures.get(car.model_id, {})}
    yield from whole.values()
    for more in ours["trims"]:
        for nth, car_id in _cars_of(more):
            own = {"model_id": str(more["first_id"] + nth), "model_trim": more["trim"]}
            yield {**whole[car_id], **more["figures"], **own}


def _cars_of(entry: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The cars of an entry's model years, as many years after its first."""
    first, last = entry["years"]
    for year in range(first, last + 1):
        car = car_named(str(entry["make"]), str(entry["model"]), year)
        if car is not None:
            yield year - first, car.model_id


@cache
def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read
