"""
The article's specs API: one car asked for, strings read into typed specs.
"""

import json
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.errors import ProviderAnswerUnreadable, ProviderError, UnknownTrim
from carvalue.providers.http import Channel
from carvalue.providers.specs_api import SpecsAnswer, SpecsApi, sheet_from

pytestmark = pytest.mark.anyio

URL = "http://specs.test/specs"
COROLLA = MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla")

# As printed in the article: 26 keys, every value a string or null.
ARTICLE = {
    "model_id": "45963",
    "model_name": "Corolla",
    "model_trim": "LE",
    "model_year": "2010",
    "model_body": "Sedan",
    "model_engine_position": "Front",
    "model_engine_cc": "1800",
    "model_engine_cyl": "4",
    "model_engine_fuel": "Gasoline",
    "model_drive": "Front",
    "model_transmission_type": "Automatic",
    "model_seats": "5",
    "model_doors": "4",
    "model_weight_kg": "1245",
    "model_length_mm": "4539",
    "model_width_mm": "1760",
    "model_height_mm": "1466",
    "model_wheelbase_mm": "2601",
    "model_lkm_hwy": "6.9",
    "model_lkm_city": "9.0",
    "model_fuel_cap_l": "50",
    "model_mpg_hwy": "34",
    "model_mpg_city": "26",
    "model_mpg_mixed": None,
    "make_display": "Toyota",
    "make_country": "Japan",
}
LE = Trim("45963", "LE", is_default=True)
ARTICLE_SPECS = Specs(
    trim_id="45963",
    source="the-source",
    body="Sedan",
    engine_position="Front",
    engine_displacement_cc=1800,
    engine_cylinders=4,
    fuel="Gasoline",
    drive="Front",
    transmission="Automatic",
    seats=5,
    doors=4,
    weight_kg=1245,
    length_mm=4539,
    width_mm=1760,
    height_mm=1466,
    wheelbase_mm=2601,
    fuel_capacity_l=50.0,
    fuel_economy=FuelEconomy(
        city_l_per_100km=9.0,
        highway_l_per_100km=6.9,
        city_mpg_us=26.0,
        highway_mpg_us=34.0,
    ),
    make_country="Japan",
)


@pytest.fixture
def specs_api(http: httpx.AsyncClient) -> SpecsApi:
    return SpecsApi(
        Channel(http, "specs_api", 5.0),
        base_url="http://specs.test/",
        api_key="the-key",
        source="the-source",
    )


def specs_of(**changed: str | None) -> Specs:
    answer = SpecsAnswer.model_validate(ARTICLE | changed)
    return sheet_from(answer, source="the-source").specs


async def test_the_article(specs_api: SpecsApi, respx_mock: respx.MockRouter) -> None:
    """
    The article's request goes out to the letter, and its answer comes back as typed specs.
    """
    route = respx_mock.post(URL).respond(json=ARTICLE)

    sheet = await specs_api.specs(Car(COROLLA, 2010))

    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer the-key"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {
        "make": "Toyota",
        "model": "Corolla",
        "year": 2010,
        "upgrades": [],
    }
    assert sheet == SpecsSheet(trims=(LE,), specs=ARTICLE_SPECS)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "0",
        "0.0",
        "-1",
        "Not Available",
        "n/a",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e308",
    ],
)
def test_a_number_that_is_not_known(value: str | None) -> None:
    """
    What is not known is null: nobody is told of a car that weighs nothing.
    """
    specs = specs_of(model_weight_kg=value, model_lkm_city=value, model_fuel_cap_l=value)

    assert specs.weight_kg is None
    assert specs.fuel_economy.city_l_per_100km is None
    assert specs.fuel_capacity_l is None


@pytest.mark.parametrize("value", ["heavy", "1,245", "1245 kg", "0x4dd", "12-45"])
def test_a_number_that_is_none(value: str) -> None:
    """
    Nonsense is not guessed from.
    """
    assert specs_of(model_weight_kg=value).weight_kg is None


@pytest.mark.parametrize("value", [None, "", "  ", "Not Available", "not available", "N/A"])
def test_words_that_say_nothing(value: str | None) -> None:
    specs = specs_of(model_body=value, model_engine_fuel=value, model_trim=value)

    assert (specs.body, specs.fuel) == (None, None)


@pytest.mark.parametrize(
    ("value", "kg"), [("1245", 1245), (" 1245 ", 1245), ("1245.4", 1245), ("1245.6", 1246)]
)
def test_whole_numbers(value: str, kg: int) -> None:
    assert specs_of(model_weight_kg=value).weight_kg == kg


def test_less_than_a_half() -> None:
    """
    What would be rounded to 0 is not known either.
    """
    assert specs_of(model_engine_cyl="0.4").engine_cylinders is None


def test_nothing_is_averaged() -> None:
    """
    The article has no mixed consumption, so neither have we: city and highway are not averaged.
    """
    economy = specs_of(model_mpg_mixed=None).fuel_economy

    assert economy.mixed_mpg_us is None
    assert economy.mixed_l_per_100km is None
    assert specs_of(model_mpg_mixed="29").fuel_economy.mixed_mpg_us == 29.0


def test_an_answer_with_the_id_alone() -> None:
    """
    A rare car of which only the id is known can still be valued.
    """
    sheet = sheet_from(SpecsAnswer(model_id="7"), source="the-source")

    assert sheet == SpecsSheet(
        trims=(Trim("7", None, is_default=True),), specs=Specs(trim_id="7", source="the-source")
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"model_id": None},
        {"model_id": ""},
        {"model_id": 45963},
        {"model_id": ["45963"]},
        {"model_body": {"en": "Sedan"}},
        {"model_seats": True},
    ],
    ids=repr,
)
async def test_values_of_another_type(
    specs_api: SpecsApi, respx_mock: respx.MockRouter, changed: dict[str, Any]
) -> None:
    """
    An answer of another shape is a failure of the step, not half a car.
    """
    respx_mock.post(URL).respond(json=ARTICLE | changed)

    with pytest.raises(ProviderAnswerUnreadable):
        await specs_api.specs(Car(COROLLA, 2010))


@pytest.mark.parametrize(
    "body", [[], None, {}, "Corolla", [ARTICLE]], ids=lambda body: f"{body}"[:9]
)
async def test_another_answer(specs_api: SpecsApi, respx_mock: respx.MockRouter, body: Any) -> None:
    respx_mock.post(URL).respond(json=body)

    with pytest.raises(ProviderAnswerUnreadable):
        await specs_api.specs(Car(COROLLA, 2010))


async def test_an_unknown_car(specs_api: SpecsApi, respx_mock: respx.MockRouter) -> None:
    """
    A car that the API does not know is nothing found, not an outage.
    """
    respx_mock.post(URL).respond(404, json={"error": {"code": "not_found", "message": "No."}})

    assert await specs_api.specs(Car(COROLLA, 2010)) is None
    assert await specs_api.trims(COROLLA, 2010) == ()


async def test_the_trim_that_the_api_has_chosen(
    specs_api: SpecsApi, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(URL).respond(json=ARTICLE)

    assert await specs_api.trims(COROLLA, 2010) == (LE,)
    assert (await specs_api.specs(Car(COROLLA, 2010, trim_id="45963"))) is not None


async def test_another_trim(specs_api: SpecsApi, respx_mock: respx.MockRouter) -> None:
    """
    The API knows one trim of a car. Another one is refused: its specs would be of the wrong car.
    """
    respx_mock.post(URL).respond(json=ARTICLE)

    with pytest.raises(UnknownTrim):
        await specs_api.specs(Car(COROLLA, 2010, trim_id="45964"))


async def test_the_check_is_free(specs_api: SpecsApi, respx_mock: respx.MockRouter) -> None:
    """
    No car is asked for just to see whether the API is there: that would be paid for.
    """
    route = respx_mock.get(URL).respond(405)

    await specs_api.check()

    assert route.call_count == 1
    assert route.calls.last.request.content == b""


async def test_the_check_of_an_api_that_is_gone(
    specs_api: SpecsApi, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(URL).mock(side_effect=httpx.ConnectError)

    with pytest.raises(ProviderError):
        await specs_api.check()
