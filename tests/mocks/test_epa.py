"""The mocked EPA serves the sample as a file and car by car, in XML and in JSON."""

import asyncio
import csv
import io
import zipfile
from xml.etree import ElementTree

import httpx
import pytest
from starlette.applications import Starlette

from mocks.cars import known_cars
from mocks.epa import routes
from mocks.scenarios import Scenario
from tests.contracts import assert_fits

pytestmark = pytest.mark.anyio

JSON = {"accept": "application/json"}
MENU, VEHICLE = "/ws/rest/vehicle/menu", "/ws/rest/vehicle/{id}"
E150 = "/ws/rest/vehicle/31873"
ADDRESSES = ["/feg/epadata/vehicles.csv", "/feg/epadata/vehicles.csv.zip", f"{MENU}/year", E150]


def epa(day: Scenario = Scenario.ok, delay: float = 60.0) -> httpx.AsyncClient:
    app = Starlette(routes=routes(scenario=lambda key: day, delay=delay))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://epa")


async def test_the_file() -> None:
    """
    The file has a row of 84 columns for every car that the other mocks know, and more.
    """
    async with epa() as client:
        answer = await client.get("/feg/epadata/vehicles.csv")

    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) >= 60
    assert all(len(row) == 84 and None not in row for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    assert {car.make for car in known_cars()} <= {row["make"] for row in rows}
    kinds = {row["atvType"] for row in rows}
    assert {"EV", "Hybrid", "Plug-in Hybrid", "Diesel", "FFV", ""} <= kinds


async def test_the_packed_file() -> None:
    """
    The archive has the same file in it.
    """
    async with epa() as client:
        plain = await client.get("/feg/epadata/vehicles.csv")
        packed = await client.get("/feg/epadata/vehicles.csv.zip")

    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.namelist() == ["vehicles.csv"]
        assert archive.read("vehicles.csv") == plain.content


async def test_from_the_year_to_the_car() -> None:
    """
    The menus lead to a car: year, make, model, and an option whose value is the car's id.
    """
    asked: dict[str, str] = {}
    async with epa() as client:
        for name, choice in [("year", "2010"), ("make", "Toyota"), ("model", "Corolla")]:
            answer = await client.get(f"{MENU}/{name}", params=asked, headers=JSON)
            assert_fits("epa", "GET", f"{MENU}/{name}", 200, answer.json())
            items = answer.json()["menuItem"]
            items = items if isinstance(items, list) else [items]
            assert choice in [item["value"] for item in items]
            asked[name] = choice
        answer = await client.get(f"{MENU}/options", params=asked, headers=JSON)
        assert_fits("epa", "GET", f"{MENU}/options", 200, answer.json())
        options = answer.json()["menuItem"]
        assert "Auto 4-spd, 4 cyl, 1.8 L" in [item["text"] for item in options]
        car = await client.get(f"/ws/rest/vehicle/{options[0]['value']}", headers=JSON)

    assert_fits("epa", "GET", VEHICLE, 200, car.json())
    assert car.json()["model"] == "Corolla"


async def test_the_years_come_newest_first() -> None:
    """
    A menu of years begins with this year's cars.
    """
    async with epa() as client:
        answer = await client.get(f"{MENU}/year", headers=JSON)

    years = [item["value"] for item in answer.json()["menuItem"]]
    assert years == sorted(years, reverse=True)


async def test_one_item_is_no_array() -> None:
    """
    A menu with one item has an object where the others have an array.
    """
    async with epa() as client:
        answer = await client.get(
            f"{MENU}/options",
            params={"year": "2012", "make": "Ford", "model": "E150 Van FFV"},
            headers=JSON,
        )

    assert answer.json() == {"menuItem": {"text": "Auto 4-spd, 8 cyl, 4.6 L", "value": "31873"}}
    assert_fits("epa", "GET", f"{MENU}/options", 200, answer.json())


async def test_nothing_is_null() -> None:
    """
    A menu without items is null, or an empty element.
    """
    async with epa() as client:
        in_json = await client.get(f"{MENU}/make", params={"year": "1900"}, headers=JSON)
        in_xml = await client.get(f"{MENU}/make", params={"year": "1900"})

    assert in_json.json() is None
    assert_fits("epa", "GET", f"{MENU}/make", 200, in_json.json())
    assert list(ElementTree.fromstring(in_xml.text)) == []


async def test_a_recorded_car() -> None:
    """
    In JSON every scalar is a string, the dates are ISO, and a single emission group is an object.
    """
    async with epa() as client:
        answer = await client.get(E150, headers=JSON)

    body = answer.json()
    assert_fits("epa", "GET", VEHICLE, 200, body)
    assert body["city08"] == "13"
    assert body["co2TailpipeGpm"] == "592.4666666666667"
    assert body["createdOn"] == "2013-01-01T00:00:00-05:00"
    assert body["modifiedOn"] == "2016-09-26T00:00:00-04:00"
    assert body["emissionsList"]["emissionsInfo"]["efid"] == "CFMXT04.65H9"


async def test_a_car_with_two_emission_groups() -> None:
    """
    Two emission groups are an array.
    """
    async with epa() as client:
        answer = await client.get("/ws/rest/vehicle/10065", headers=JSON)

    assert_fits("epa", "GET", VEHICLE, 200, answer.json())
    assert len(answer.json()["emissionsList"]["emissionsInfo"]) == 2


async def test_xml_unless_json_is_asked_for() -> None:
    """
    Who says nothing gets XML with the same names and values.
    """
    async with epa() as client:
        in_xml = await client.get(E150)
        in_json = await client.get(E150, headers=JSON)
        by_parameter = await client.get(E150, params={"format": "json"})

    assert in_xml.headers["content-type"].startswith("application/xml")
    root = ElementTree.fromstring(in_xml.text)
    assert root.tag == "vehicle"
    read = {child.tag: child.text or "" for child in root if not len(child)}
    assert read == {name: text for name, text in in_json.json().items() if isinstance(text, str)}
    assert by_parameter.json() == in_json.json()


async def test_every_car_of_the_sample() -> None:
    """
    The contract holds for each of them.
    """
    async with epa() as client:
        file = await client.get("/feg/epadata/vehicles.csv")
        for row in csv.DictReader(io.StringIO(file.text)):
            answer = await client.get(f"/ws/rest/vehicle/{row['id']}", headers=JSON)
            assert_fits("epa", "GET", VEHICLE, 200, answer.json())


@pytest.mark.parametrize("id", ["1", "none", "31873.0"])
async def test_a_car_that_there_is_not(id: str) -> None:
    """
    An unknown id is answered with a page for people.
    """
    async with epa() as client:
        answer = await client.get(f"/ws/rest/vehicle/{id}", headers=JSON)

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("day", "status"),
    [
        (Scenario.refused, 403),
        (Scenario.quota, 429),
        (Scenario.busy, 429),
        (Scenario.down, 503),
        (Scenario.nonsense, 200),
        (Scenario.later, 200),
    ],
)
async def test_a_bad_day(day: Scenario, status: int, address: str) -> None:
    """
    A bad day is a page for people, whatever was asked for; nothing here comes later.
    """
    async with epa(day) as client:
        answer = await client.get(address, headers=JSON)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html") is (day is not Scenario.later)


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with epa(Scenario.slow, delay=0.2) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get(E150), 0.1)
        answer = await client.get(E150)

    assert answer.status_code == 200
