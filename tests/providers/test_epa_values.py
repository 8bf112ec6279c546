"""
The EPA's data: what is read of a record.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carvalue.core.cars import FuelEconomy
from carvalue.providers.epa import Epa, EpaVehicle, specs_from
from tests.providers.epa_records import a_car, a_record

pytestmark = pytest.mark.anyio


def vehicle(**columns: object) -> EpaVehicle:
    return EpaVehicle.model_validate_json(json.dumps(a_record(**columns)))


async def test_an_electric_car(epa: Epa) -> None:
    """
    Its miles per gallon are of gasoline with as much energy, so there are no litres to tell.
    """
    sheet = await epa.specs(a_car("Nissan", "Leaf", 2021))

    assert sheet is not None
    assert sheet.trims[0].name == "electric, Automatic (A1), front-wheel drive"
    assert sheet.specs.fuel == "Electric"
    assert sheet.specs.fuel_economy == FuelEconomy(
        city_mpg_us=123, highway_mpg_us=99, mixed_mpg_us=111
    )
    assert sheet.specs.engine_displacement_cc is None
    assert sheet.specs.engine_cylinders is None
    assert sheet.specs.co2_g_per_km is None


@pytest.mark.parametrize(
    ("columns", "fuel", "litres"),
    [
        ({"fuelType1": "Regular Gasoline"}, "Gasoline", 9.0),
        ({"fuelType1": "Premium Gasoline"}, "Gasoline", 9.0),
        ({"fuelType1": "Diesel", "atvType": "Diesel"}, "Diesel", 9.0),
        ({"fuelType1": "Regular Gasoline", "atvType": "Hybrid"}, "Hybrid", 9.0),
        ({"fuelType1": "Regular Gasoline", "atvType": "Plug-in Hybrid"}, "Plug-in hybrid", 9.0),
        ({"fuelType1": "Natural Gas", "atvType": "CNG"}, "Natural gas", None),
        ({"fuelType1": "Hydrogen", "atvType": "FCV"}, "Hydrogen", None),
        ({"atvType": "EV"}, "Electric", None),
        ({}, None, None),
    ],
)
def test_fuels(columns: dict[str, str], fuel: str | None, litres: float | None) -> None:
    """
    Litres are told of what is sold in litres.
    """
    specs = specs_from(vehicle(city08=26, **columns))

    assert specs.fuel == fuel
    assert specs.fuel_economy.city_l_per_100km == litres
    assert specs.fuel_economy.city_mpg_us == 26


@pytest.mark.parametrize(
    ("said", "drive"),
    [
        ("Front-Wheel Drive", "Front"),
        ("Rear-Wheel Drive", "Rear"),
        ("4-Wheel Drive", "4WD"),
        ("Part-time 4-Wheel Drive", "4WD"),
        ("All-Wheel Drive", "AWD"),
        ("4-Wheel or All-Wheel Drive", "4WD or AWD"),
        ("2-Wheel Drive", "2WD"),
        ("6-Wheel Drive", "6-Wheel Drive"),
        (None, None),
    ],
)
def test_drives(said: str | None, drive: str | None) -> None:
    """
    Drives have the words that the other sources use; new ones come as they are.
    """
    assert specs_from(vehicle(drive=said)).drive == drive


@pytest.mark.parametrize(
    ("columns", "grams"),
    [
        ({"co2TailpipeGpm": 296.2, "co2": 300}, 184),
        ({"co2": 300}, 186),
        ({"co2": -1, "co2TailpipeGpm": 0}, None),
        ({"co2TailpipeGpm": 99_999}, None),
    ],
)
def test_co2(columns: dict[str, float], grams: int | None) -> None:
    """
    Grams per kilometre from grams per mile; what is not available is unknown, never 0 or -1.
    """
    assert specs_from(vehicle(**columns)).co2_g_per_km == grams


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "displ": st.floats(allow_nan=False, allow_infinity=False),
            "cylinders": st.integers(-1000, 1000),
            "city08": st.integers(-1000, 1000),
            "comb08": st.integers(-1000, 1000),
            "co2": st.integers(-(10**6), 10**6),
            "co2TailpipeGpm": st.floats(allow_nan=False, allow_infinity=False),
            "fuelType1": st.text(),
            "drive": st.text(),
            "trany": st.text(),
        },
    )
)
def test_figures_that_no_car_has(columns: dict[str, Any]) -> None:
    """
    Whatever stands in the table, what is told is a figure that a car can have, or nothing.
    """
    specs = specs_from(vehicle(**columns))

    assert specs.engine_displacement_cc is None or 0 < specs.engine_displacement_cc <= 20_000
    assert specs.engine_cylinders is None or 0 < specs.engine_cylinders <= 16
    assert specs.co2_g_per_km is None or 0 <= specs.co2_g_per_km < 1500
    assert specs.fuel_economy.city_mpg_us is None or 0 < specs.fuel_economy.city_mpg_us <= 300
    assert specs.fuel_economy.mixed_l_per_100km is None or (
        0.7 < specs.fuel_economy.mixed_l_per_100km < 236
    )
