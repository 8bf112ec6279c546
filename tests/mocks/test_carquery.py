"""The mocked CarQuery speaks CarQuery's wire format, with its oddities."""

import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mocks.carquery import FIELDS, all_trims, routes
from mocks.cars import known_cars
from mocks.scenarios import Scenario
from tests.contracts import assert_fits

pytestmark = pytest.mark.anyio

PATH = "/api/0.3/"
AGENT = "carvalue (tests)"


async def ask(
    agent: str = AGENT, scenario: Scenario = Scenario.ok, refuse: bool = True, **query: str
) -> httpx.Response:
    served = routes(scenario=lambda _: scenario, delay=0.01, refuse_libraries=refuse)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=served)),
        base_url="http://carquery",
        headers={"User-Agent": agent},
    ) as client:
        return await client.get(PATH, params=query)


async def told(**query: str) -> Any:
    answer = await ask(**query)
    assert answer.status_code == 200
    assert_fits("carquery", "GET", PATH, 200, answer.json())
    return answer.json()


async def trims(**query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await told(cmd="getTrims", **query))["Trims"]
    return found


async def test_the_years() -> None:
    """
    The years are an object of two texts, no list.
    """
    assert await told(cmd="getYears") == {"Years": {"min_year": "1941", "max_year": "2021"}}


async def test_makes() -> None:
    makes = (await told(cmd="getMakes", year="2008", sold_in_us="1"))["Makes"]

    assert {
        "make_id": "land-rover",
        "make_display": "Land Rover",
        "make_is_common": "1",
        "make_country": "UK",
    } in makes
    assert len({make["make_id"] for make in makes}) == len(makes)


async def test_models() -> None:
    """
    Models have names and no ids, and some are spelt as no catalogue does.
    """
    models = (await told(cmd="getModels", make="toyota", year="2010"))["Models"]

    names = [model["model_name"] for model in models]
    assert {"Corolla", "4Runner"} <= set(names)
    assert names == sorted(names)


async def test_the_trims_of_a_car() -> None:
    """
    A car comes in several trims, each with all fields, of which many are null.
    """
    found = await trims(make="toyota", model="corolla", year="2010", full_results="1")

    assert [trim["model_trim"] for trim in found] == ["LE", "S", "XRS"]
    assert found[0]["model_id"] == "45963"
    assert all(list(trim) == list(FIELDS) for trim in found)
    assert found[0]["model_lkm_mixed"] is None


async def test_trims_without_their_figures() -> None:
    found = await trims(make="toyota", model="corolla", year="2010", full_results="0")

    assert len(found) == 3
    assert "model_body" not in found[0]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"make": "dodge", "model": "Viper"}, {"11459"}),
        ({"make": "Volkswagen", "model": "CC", "year": "-1"}, {"72869"}),
        ({"keyword": "viper", "min_power": "500"}, {"11459"}),
        ({"keyword": "viper", "max_power": "500"}, set()),
        ({"model": "Viper", "body": "roadster", "doors": "2", "drive": "Rear"}, {"11459"}),
        ({"model": "Viper", "min_year": "2010"}, set()),
        ({"model": "Viper", "sold_in_us": ""}, {"11459"}),
        ({"model": "Viper", "sold_in_us": "0"}, set()),
        ({"make": "trabant"}, set()),
    ],
    ids=repr,
)
async def test_filters(query: dict[str, str], ids: set[str]) -> None:
    """
    Filters combine, an empty one or -1 is none, and nothing found is an empty list.
    """
    assert {trim["model_id"] for trim in await trims(**query)} == ids


async def test_a_record_in_us_units() -> None:
    """
    A record of 2018 holds pounds and miles per gallon under metric names.
    """
    (cc,) = await trims(make="volkswagen", model="CC", year="2018")

    assert (cc["model_weight_kg"], cc["model_lkm_hwy"]) == ("3369", "31.0")
    assert (cc["model_drive"], cc["model_body"]) == ("Front Wheel Driv", "Compact Cars")
    assert cc["model_make_id"] == "Volkswagen"


async def test_a_model_is_a_list() -> None:
    """
    One trim comes in a list, with figures in US units beside the metric ones.
    """
    (viper,) = await told(cmd="getModel", model="11459")

    assert (viper["model_weight_kg"], viper["model_weight_lbs"]) == ("1602", "3532")
    assert (viper["model_mpg_hwy"], viper["ExtColors"]) == ("22", [])
    assert await told(cmd="getModel", model="1") == []


async def test_converted_twice() -> None:
    """
    What was in US units already is converted all the same.
    """
    (cc,) = await told(cmd="getModel", model="72869")

    assert (cc["model_weight_lbs"], cc["model_mpg_hwy"]) == ("7427", "8")


async def test_field_values() -> None:
    values = (await told(cmd="GetFieldValues", field_name="body"))["Values"]

    assert {"value": "Sedan"} in values
    assert {"value": "Compact Cars"} in values


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"cmd": "getCars"},
        {"cmd": "getModels"},
        {"cmd": "getTrims"},
        {"cmd": "GetFieldValues", "field_name": "colour"},
        {"cmd": "getTrims", "make": "dodge", "min_power": "much"},
    ],
    ids=repr,
)
async def test_an_error(query: dict[str, str]) -> None:
    """
    An error comes with status 200.
    """
    assert set(await told(**query)) == {"error"}


@pytest.mark.parametrize("callback", ["?", "jQuery_1.done"])
@pytest.mark.parametrize(
    "query",
    [{"cmd": "getYears"}, {"cmd": "getModel", "model": "11459"}, {"cmd": "wrong"}],
    ids=repr,
)
async def test_json_in_a_call(callback: str, query: dict[str, str]) -> None:
    """
    With a callback the JSON stands in its call, to the byte: old clients cut it out by position.
    """
    plain = (await ask(**query)).text
    wrapped = (await ask(callback=callback, **query)).text

    assert wrapped == f"{callback}({plain});"
    assert json.loads(wrapped[len(callback) + 1 : -2]) == json.loads(plain)


@pytest.mark.parametrize(
    "agent", ["", "python-httpx/0.28.1", "python-requests/2", "Go-http-client/2"]
)
async def test_a_library_is_turned_away(agent: str) -> None:
    """
    Who does not say who it is gets a page, not JSON; the switch lets it in.
    """
    answer = await ask(agent, cmd="getYears")

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert (await ask(agent, refuse=False, cmd="getYears")).status_code == 200


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        (Scenario.refused, 403),
        (Scenario.quota, 403),
        (Scenario.busy, 403),
        (Scenario.down, 503),
        (Scenario.nonsense, 200),
    ],
)
async def test_a_bad_day(scenario: Scenario, status: int) -> None:
    """
    On a bad day there is a page in the place of JSON.
    """
    answer = await ask(scenario=scenario, cmd="getYears")

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_slow_day() -> None:
    answer = await ask(scenario=Scenario.slow, cmd="getYears")

    assert answer.elapsed.total_seconds() >= 0.01
    assert answer.json()["Years"]


def test_every_car_that_the_other_mocks_know() -> None:
    """
    Every car of the specs service is in CarQuery under its id, with the same figures.
    """
    found = {trim["model_id"]: trim for trim in all_trims()}

    for car in known_cars():
        trim = found[car.model_id]
        assert trim["model_weight_kg"] == car.specs["model_weight_kg"]
        assert (trim["model_year"], trim["make_display"]) == (str(car.year), car.make)
    assert len(found) == len(all_trims()) > len(known_cars())
