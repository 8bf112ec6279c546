"""
CarQuery: how it is asked, and what it calls a car.
"""

import json
from typing import Any

import pytest
import respx

from carvalue.core.cars import Car, MakeModel, Trim
from carvalue.core.errors import ProviderAnswerUnreadable, UnknownTrim
from carvalue.providers.carquery import CarQuery, Make, same_model, unwrapped
from tests.providers.carquery_answers import A_VIPER, AGENT, URL, VIPER

pytestmark = pytest.mark.anyio

COROLLA = MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla")
FOUR_RUNNER = MakeModel("toyota", "Toyota", "toyota-4-runner", "4-Runner")


def trim(model_id: str, **known: Any) -> dict[str, Any]:
    return {"model_id": model_id, "model_trim": "", "model_year": "2009"} | known


def commands(respx_mock: respx.MockRouter) -> list[str]:
    return [call.request.url.params["cmd"] for call in respx_mock.calls]


async def test_what_is_sent(carquery: CarQuery, respx_mock: respx.MockRouter) -> None:
    """
    One call brings a car's trims with all their figures, wherever the car was sold.
    """
    route = respx_mock.get(URL).respond(json={"Trims": [VIPER]})

    sheet = await carquery.specs(Car(A_VIPER, 2009))

    assert sheet is not None
    assert sheet.specs.trim_id == "11459"
    assert route.call_count == 1
    request = route.calls.last.request
    assert dict(request.url.params) == {
        "cmd": "getTrims",
        "make": "dodge",
        "model": "Viper",
        "year": "2009",
        "full_results": "1",
        "sold_in_us": "",
    }
    assert request.headers["user-agent"] == AGENT


async def test_a_make_of_two_words(carquery: CarQuery, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(URL).respond(json={"Trims": [VIPER]})

    await carquery.trims(MakeModel("aston-martin", "Aston Martin", "x", "DB9"), 2009)

    assert route.calls.last.request.url.params["make"] == "aston-martin"


JSON = json.dumps({"Trims": [VIPER]})


@pytest.mark.parametrize(
    "body",
    [
        JSON,
        f"?({JSON});",
        f"jQuery1102.cb_$1({JSON})",
        f" ?( {JSON} ) ; \n",
        f"({JSON})",
        "\ufeff" + JSON,
    ],
    ids=["plain", "?", "jquery", "blanks", "no name", "bom"],
)
async def test_json_in_a_call(carquery: CarQuery, respx_mock: respx.MockRouter, body: str) -> None:
    """
    The JSON is found whether it stands alone or in a call, whatever it says it is.
    """
    respx_mock.get(URL).respond(text=body, headers={"Content-Type": "text/html"})

    assert await carquery.trims(A_VIPER, 2009) == (Trim("11459", "SRT-10", is_default=True),)


def test_brackets_within_the_json() -> None:
    assert unwrapped(b'?({"a":"x);(y"});') == b'{"a":"x);(y"}'
    assert unwrapped(b'[{"a":"f(x);"}]') == b'[{"a":"f(x);"}]'


async def test_the_default_trim(carquery: CarQuery, respx_mock: respx.MockRouter) -> None:
    """
    The trim that most is known of is the default; of two such the older entry, in any order.
    """
    rows = [
        trim("30"),
        trim("12", model_body="Coupe", model_seats="2"),
        trim("9", model_body="Coupe", model_seats="4", model_trim=None),
        trim("11", model_body="Coupe", model_doors="2"),
    ]
    for order in (rows, rows[::-1]):
        respx_mock.get(URL).respond(json={"Trims": order})

        trims = await carquery.trims(A_VIPER, 2009)

        assert [one.trim_id for one in trims] == [row["model_id"] for row in order]
        assert [one.trim_id for one in trims if one.is_default] == ["9"]
        assert trims[0].name is None


async def test_the_trim_that_was_chosen(mocked_carquery: CarQuery) -> None:
    """
    The user's trim has its own engine; one of another car is refused.
    """
    trims = await mocked_carquery.trims(COROLLA, 2010)
    xrs = next(one for one in trims if one.name == "XRS")

    sheet = await mocked_carquery.specs(Car(COROLLA, 2010, xrs.trim_id))

    assert sheet is not None
    assert sheet.trims == trims
    assert (sheet.specs.trim_id, sheet.specs.engine_displacement_cc) == (xrs.trim_id, 2362)
    with pytest.raises(UnknownTrim):
        await mocked_carquery.specs(Car(COROLLA, 2010, "11459"))


async def test_the_articles_corolla(mocked_carquery: CarQuery) -> None:
    """
    The car that this product started from is in CarQuery under the same id.
    """
    sheet = await mocked_carquery.specs(Car(COROLLA, 2010))

    assert sheet is not None
    assert sheet.specs.trim_id == "45963"
    assert sheet.specs.source == "carquery"
    assert (sheet.specs.weight_kg, sheet.specs.engine_power_kw) == (1245, 99)
    assert sheet.specs.corrected == ()


async def test_a_car_that_is_not_known(mocked_carquery: CarQuery) -> None:
    """
    Nothing found is nothing found: no make, no model, no year.
    """
    for car in (
        Car(MakeModel("trabant", "Trabant", "trabant-601", "601"), 2010),
        Car(MakeModel("toyota", "Toyota", "toyota-corona", "Corona"), 2010),
        Car(COROLLA, 1950),
    ):
        assert await mocked_carquery.specs(car) is None
        assert await mocked_carquery.trims(car.make_model, car.year) == ()


async def test_a_name_that_is_spelt_otherwise(mocked_carquery: CarQuery) -> None:
    """
    The catalogue's 4-Runner is CarQuery's 4Runner.
    """
    sheet = await mocked_carquery.specs(Car(FOUR_RUNNER, 2010))

    assert sheet is not None
    assert sheet.specs.body == "SUV"


async def test_such_a_name_is_looked_for_once(
    carquery: CarQuery, respx_mock: respx.MockRouter
) -> None:
    """
    Once found, CarQuery's name for a model is known: calls are slow there.
    """
    respx_mock.get(URL, params={"cmd": "getTrims", "model": "4-Runner"}).respond(json={"Trims": []})
    respx_mock.get(URL, params={"cmd": "getModels"}).respond(
        json={"Models": [{"model_name": "4Runner", "model_make_id": "toyota"}]}
    )
    respx_mock.get(URL, params={"cmd": "getTrims", "model": "4Runner"}).respond(
        json={"Trims": [trim("7")]}
    )

    for _ in range(2):
        assert len(await carquery.trims(FOUR_RUNNER, 2009)) == 1

    assert commands(respx_mock) == ["getTrims", "getModels", "getTrims", "getTrims"]


async def test_a_make_that_is_spelt_otherwise(
    carquery: CarQuery, respx_mock: respx.MockRouter
) -> None:
    """
    A make whose id is no slug of its name is found by its name.
    """
    respx_mock.get(URL, params={"cmd": "getMakes"}).respond(
        json={"Makes": {"1": {"make_id": "rover_land", "make_display": "Land Rover"}}}
    )
    respx_mock.get(URL, params={"make": "rover_land", "cmd": "getModels"}).respond(
        json={"Models": [{"model_name": "LR2"}]}
    )
    respx_mock.get(URL, params={"make": "rover_land", "cmd": "getTrims"}).respond(
        json={"Trims": [trim("7")]}
    )
    respx_mock.get(URL, params={"cmd": "getModels"}).respond(json={"Models": []})
    respx_mock.get(URL, params={"cmd": "getTrims"}).respond(json={"Trims": []})

    lr2 = MakeModel("land-rover", "Land Rover", "land-rover-lr2", "LR2")
    assert [one.trim_id for one in await carquery.trims(lr2, 2009)] == ["7"]


@pytest.mark.parametrize(
    ("make", "model", "names", "found"),
    [
        ("Ford", "F-150", ["F 150", "F-250"], "F 150"),
        ("BMW", "3-Series", ["3 Series", "3"], "3 Series"),
        ("BMW", "3 Series", ["1", "3", "5"], "3"),
        ("Mercedes-Benz", "CLA-Class", ["CLA", "CLS"], "CLA"),
        ("Mazda", "Mazda3", ["3", "5"], "3"),
        ("Renault", "Mégane", ["Megane"], "Megane"),
        ("BMW", "328i", ["3 Series"], None),
        ("Mazda", "3", ["Mazda3", "3 Series"], None),
        ("Ford", "Mustang", [], None),
    ],
)
def test_names(make: str, model: str, names: list[str], found: str | None) -> None:
    """
    A second reading minds neither case nor punctuation, and gives up where two names fit.
    """
    assert same_model(MakeModel("x", make, "x", model), names) == found


@pytest.mark.parametrize("broken", [None, 7, "trim", [], {}, {"model_id": None}], ids=repr)
async def test_a_broken_record(
    carquery: CarQuery, respx_mock: respx.MockRouter, broken: Any
) -> None:
    """
    One broken record does not cost the others; nothing but broken ones is no "nothing found".
    """
    respx_mock.get(URL).respond(json={"Trims": [broken, VIPER]})
    assert len(await carquery.trims(A_VIPER, 2009)) == 1

    respx_mock.get(URL).respond(json={"Trims": [broken]})
    with pytest.raises(ProviderAnswerUnreadable):
        await carquery.trims(A_VIPER, 2009)


async def test_a_record_of_another_year(carquery: CarQuery, respx_mock: respx.MockRouter) -> None:
    """
    A filter that CarQuery did not apply does not bring the user another year's car.
    """
    respx_mock.get(URL).respond(json={"Trims": [trim("7", model_year="1999"), VIPER]})

    assert [one.trim_id for one in await carquery.trims(A_VIPER, 2009)] == ["11459"]


async def test_makes_and_models(mocked_carquery: CarQuery) -> None:
    assert Make("land-rover", "Land Rover") in await mocked_carquery.makes(2008)
    assert {"Corolla", "4Runner"} <= set(await mocked_carquery.models("toyota", 2010))
