"""The mocked vPIC speaks vPIC's wire format, with its oddities."""

from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from starlette.applications import Starlette

from mocks.scenarios import Scenario
from mocks.vpic import check_digit, routes
from tests.contracts import assert_fits, contract

pytestmark = pytest.mark.anyio

PREFIX = "/api/vehicles"
DECODE = f"{PREFIX}/DecodeVinValues/{{vin}}"
MODELS = f"{PREFIX}/GetModelsForMakeYear/make/{{make}}/modelyear/{{year}}"
COROLLA = "2T1BU4EE9AC123456"


async def ask(
    path: str, *, scenario: Scenario = Scenario.ok, format: str = "json"
) -> httpx.Response:
    served = routes(scenario=lambda _: scenario, delay=0.01)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=served)), base_url="http://vpic"
    ) as client:
        return await client.get(f"{PREFIX}/{path}", params={"format": format} if format else {})


async def told(path: str, described: str) -> dict[str, Any]:
    answer = await ask(path)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert_fits("vpic_api", "GET", described, 200, body)
    return body


async def decoded(vin: str) -> dict[str, str]:
    (row,) = (await told(f"DecodeVinValues/{vin}", DECODE))["Results"]
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize(
    ("vin", "make", "model", "year"),
    [
        ("1FTMW1T88MFA00001", "FORD", "F-150", "2021"),
        ("3VV3B7AXXNM077525", "VOLKSWAGEN", "Tiguan", "2022"),
        (COROLLA, "TOYOTA", "Corolla", "2010"),
    ],
)
async def test_a_vin(vin: str, make: str, model: str, year: str) -> None:
    """
    A VIN gives one flat row: every key, all text, makes in capitals.
    """
    row = await decoded(vin)

    assert (row["Make"], row["Model"], row["ModelYear"]) == (make, model, year)
    assert row["ErrorCode"] == "0"
    assert row["BusType"] == "Not Applicable"
    assert len(row) >= 148
    assert row["VIN"] == vin


async def test_the_count_is_none_of_rows() -> None:
    body = await told(f"DecodeVinValues/{COROLLA}", DECODE)

    assert (body["Count"], len(body["Results"])) == (134, 1)
    assert body["SearchCriteria"] == f"VIN(s): {COROLLA}"


async def test_another_serial_number() -> None:
    """
    A car of the same kind is recognised, and a wrong check digit is only a warning.
    """
    right = await decoded("2T1BU4EE0AC654321")
    wrong = await decoded("2T1BU4EE0AC123456")

    assert check_digit("2T1BU4EE0AC654321") == "0"
    assert (right["Model"], right["ErrorCode"]) == ("Corolla", "0")
    assert (wrong["Model"], wrong["ErrorCode"]) == ("Corolla", "1")


@pytest.mark.parametrize(
    ("vin", "codes"),
    [
        ("11111111111111111", "7"),
        ("1M8GDM9AXKP042788", "7"),
        ("1FTMW1T8", "6,8"),
        ("WVWZZZ1KZAW000001", "1,7"),
        ("2TO1", "6,7,400"),
        ("4T1BE46K0UU123456", "1,7,11"),
        ("nonsense!", "6,7,400"),
    ],
)
async def test_a_vin_that_is_not_understood(vin: str, codes: str) -> None:
    """
    Anything is answered with 200 and a row; the codes say what is wrong.
    """
    row = await decoded(vin)

    assert row["ErrorCode"] == codes
    assert row["Make"] == ""
    assert row["ErrorText"].count(" - ") >= codes.count(",") + 1


async def test_which_characters_are_wrong() -> None:
    assert (await decoded("2TO1"))["AdditionalErrorText"] == "Invalid character(s): 3:O"


async def test_the_long_form() -> None:
    """
    As a list of variables, what is missing is null and not "".
    """
    described = f"{PREFIX}/DecodeVin/{{vin}}"
    rows = (await told(f"DecodeVin/{COROLLA}", described))["Results"]

    values = {row["Variable"]: row["Value"] for row in rows}
    assert values["Model Year"] == "2010"
    assert values["Suggested VIN"] is None
    assert {row["VariableId"] for row in rows if row["Variable"] == "Model Year"} == {29}


async def test_makes() -> None:
    body = await told("GetAllMakes", f"{PREFIX}/GetAllMakes")

    assert {"Make_ID": 441, "Make_Name": "TESLA"} in body["Results"]
    assert body["SearchCriteria"] is None
    assert body["Count"] == len(body["Results"])


async def test_models() -> None:
    """
    Two rows as they were recorded.
    """
    body = await told("GetModelsForMakeYear/make/tesla/modelyear/2020", MODELS)

    assert body["Results"] == [
        {"Make_ID": 441, "Make_Name": "TESLA", "Model_ID": 1685, "Model_Name": "Model S"},
        {"Make_ID": 441, "Make_Name": "TESLA", "Model_ID": 17834, "Model_Name": "Model 3"},
    ]


async def test_a_make_within_another() -> None:
    """
    Makes are found by a part of their name; an unknown one is nothing, with 200.
    """
    kia = await told("GetModelsForMakeYear/make/kia/modelyear/2015", MODELS)
    unknown = await told("GetModelsForMakeYear/make/trabant/modelyear/2015", MODELS)

    assert {row["Make_Name"] for row in kia["Results"]} == {"KIA", "MGS GRAND SPORT (MARDIKIAN)"}
    assert (unknown["Count"], unknown["Results"]) == (0, [])


@pytest.mark.parametrize(
    "path",
    [
        f"decodevinvalues/{COROLLA}",
        f"DECODEVINVALUES/{COROLLA}/",
        f"DecodeVinValuesExtended/{COROLLA}",
    ],
)
async def test_paths_are_patient(path: str) -> None:
    """
    Neither case nor a slash at the end matters.
    """
    assert (await ask(path)).json()["Results"][0]["Model"] == "Corolla"


@pytest.mark.parametrize("format", ["", "xml"])
async def test_xml_where_no_json_is_asked_for(format: str) -> None:
    answer = await ask(f"DecodeVinValues/{COROLLA}", format=format)

    assert answer.headers["content-type"].startswith("application/xml")
    root = ElementTree.fromstring(answer.text)
    assert root.findtext("Results/Result/Model") == "Corolla"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "DecodeVinValues/",
        "GetCars",
        "GetModelsForMakeYear/make/kia/modelyear/new",
        "GetModelsForMakeYear/make/kia",
    ],
)
async def test_no_such_path(path: str) -> None:
    """
    A path of no action, or of no VIN, is a 404 in JSON.
    """
    answer = await ask(path)

    assert answer.status_code == 404
    assert_fits("vpic_api", "GET", DECODE, 404, answer.json())


@pytest.mark.parametrize(
    ("scenario", "status", "kind"),
    [
        (Scenario.refused, 403, "text/html"),
        (Scenario.quota, 429, "application/json"),
        (Scenario.busy, 429, "application/json"),
        (Scenario.down, 503, "text/html"),
        (Scenario.nonsense, 200, "text/html"),
    ],
)
async def test_a_bad_day(scenario: Scenario, status: int, kind: str) -> None:
    answer = await ask("GetAllMakes", scenario=scenario)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(kind)
    if kind == "application/json":
        assert_fits("vpic_api", "GET", f"{PREFIX}/GetAllMakes", status, answer.json())
        assert answer.headers["retry-after"] == "1"


async def test_a_slow_day() -> None:
    answer = await ask("GetAllMakes", scenario=Scenario.slow)

    assert answer.elapsed.total_seconds() >= 0.01
    assert answer.json()["Results"]


def test_every_key_of_the_flat_row_is_described() -> None:
    flat = contract("vpic_api")["components"]["schemas"]["Flat"]

    assert len(flat["required"]) == len(set(flat["required"])) >= 143
