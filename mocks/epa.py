"""
The EPA's fuel economy data: the file of all cars, and the web service for menus and single cars.

https://www.fueleconomy.gov/feg/ws/

The wire is the service's, with its oddities: XML unless JSON is asked for, numbers as strings, one
item alone is an object and not an array, and nothing is null. It takes no key and has no errors of
its own but HTML pages; that busy and refused days look like this is our guess.
"""

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mocks.scenarios import GOOD_KEY, Scenario, scenario_of

_FOLDER = Path(__file__).parent / "answers" / "epa"
_HOURS = {"EST": -5, "EDT": -4}

PAGES = {
    Scenario.refused: (403, "Forbidden"),
    Scenario.quota: (429, "Too Many Requests"),
    Scenario.busy: (429, "Too Many Requests"),
    Scenario.down: (503, "Service Unavailable"),
    Scenario.nonsense: (200, "Welcome to the portal"),
}

Row = Mapping[str, str]
Node = str | dict[str, "Node"] | list["Node"]
Answer = Callable[[Request], Awaitable[Response]]


def routes(
    *, scenario: Callable[[str], Scenario] = scenario_of, delay: float = 60.0
) -> list[Route]:
    """The EPA's paths. There is no key, so the day is that of the good one."""

    def endpoint(answer: Answer) -> Answer:
        async def answered(request: Request) -> Response:
            day = scenario(GOOD_KEY)
            if day in PAGES:
                return _page(*PAGES[day])
            if day is Scenario.slow:
                await asyncio.sleep(delay)
            return await answer(request)

        return answered

    paths: dict[str, Answer] = {
        "/feg/epadata/vehicles.csv": bulk,
        "/feg/epadata/vehicles.csv.zip": bulk_zip,
        "/ws/rest/vehicle/menu/year": years,
        "/ws/rest/vehicle/menu/make": makes,
        "/ws/rest/vehicle/menu/model": models,
        "/ws/rest/vehicle/menu/options": options,
        "/ws/rest/vehicle/{id}": vehicle,
    }
    return [Route(path, endpoint(answer), methods=["GET"]) for path, answer in paths.items()]


# The file


async def bulk(request: Request) -> Response:
    return Response((_FOLDER / "vehicles.csv").read_bytes(), media_type="text/csv")


async def bulk_zip(request: Request) -> Response:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(_FOLDER / "vehicles.csv", "vehicles.csv")
    return Response(packed.getvalue(), media_type="application/zip")


@cache
def rows() -> tuple[Row, ...]:
    with (_FOLDER / "vehicles.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def _emissions() -> dict[str, list[dict[str, Node]]]:
    found: dict[str, list[dict[str, Node]]] = json.loads(
        (_FOLDER / "emissions.json").read_text(encoding="utf-8")
    )
    return found


# The menus


async def years(request: Request) -> Response:
    found = sorted({row["year"] for row in rows()}, reverse=True)
    return _menu(request, ((year, year) for year in found))


async def makes(request: Request) -> Response:
    found = sorted({row["make"] for row in _chosen(request, "year")})
    return _menu(request, ((make, make) for make in found))


async def models(request: Request) -> Response:
    found = sorted({row["model"] for row in _chosen(request, "year", "make")})
    return _menu(request, ((model, model) for model in found))


async def options(request: Request) -> Response:
    found = _chosen(request, "year", "make", "model")
    return _menu(request, ((_option(row), row["id"]) for row in found))


def _chosen(request: Request, *columns: str) -> list[Row]:
    asked = {column: request.query_params.get(column, "") for column in columns}
    return [row for row in rows() if all(row[column] == asked[column] for column in columns)]


def _option(row: Row) -> str:
    parts = [row["trany"].replace("Automatic", "Auto").replace("Manual", "Man")]
    if row["cylinders"]:
        parts.append(f"{row['cylinders']} cyl")
    if row["displ"]:
        parts.append(f"{row['displ']} L")
    return ", ".join(parts)


def _menu(request: Request, items: Iterable[tuple[str, str]]) -> Response:
    found: list[Node] = [{"text": text, "value": value} for text, value in items]
    return _answer(request, "menuItems", {"menuItem": found} if found else None)


# A single car


async def vehicle(request: Request) -> Response:
    row = next((row for row in rows() if row["id"] == request.path_params["id"]), None)
    if row is None:
        return _page(404, "Not Found")
    record: dict[str, Node] = {
        **row,
        "battery": "-1",
        "cylDeact": "",
        "cylDeactYesNo": "No",
        "mpgRevised": "true" if int(row["year"]) < 2008 else "false",
        "createdOn": _iso(row["createdOn"]),
        "modifiedOn": _iso(row["modifiedOn"]),
    }
    if groups := _emissions().get(row["id"]):
        record["emissionsList"] = {"emissionsInfo": list(groups)}
    return _answer(request, "vehicle", record)


def _iso(text: str) -> str:
    """The file's `Tue Jan 01 00:00:00 EST 2013` as the web service writes it."""
    *day, zone, year = text.split()
    moment = datetime.strptime(f"{' '.join(day)} {year}", "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007
    return moment.replace(tzinfo=timezone(timedelta(hours=_HOURS[zone]))).isoformat()


# Both forms


def _answer(request: Request, name: str, content: dict[str, Node] | None) -> Response:
    as_json = "application/json" in request.headers.get("accept", "")
    if as_json or request.query_params.get("format") == "json":
        return JSONResponse(None if content is None else _as_json(content))
    root = ElementTree.Element(name)
    _fill(root, content or {})
    text = ElementTree.tostring(root, encoding="unicode")
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return Response(head + text, media_type="application/xml")


def _as_json(node: Node) -> Node:
    if isinstance(node, list):
        one_alone = len(node) == 1
        return _as_json(node[0]) if one_alone else [_as_json(one) for one in node]
    if isinstance(node, dict):
        return {name: _as_json(value) for name, value in node.items()}
    return node


def _fill(parent: ElementTree.Element, content: Mapping[str, Node]) -> None:
    for name, value in content.items():
        for one in value if isinstance(value, list) else [value]:
            child = ElementTree.SubElement(parent, name)
            if isinstance(one, dict):
                _fill(child, one)
            elif isinstance(one, str):
                child.text = one


def _page(status: int, title: str) -> Response:
    return HTMLResponse(f"<html><body><h1>{title}</h1></body></html>", status)
