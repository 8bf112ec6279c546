"""
The EPA's data beside another source: which record is meant, and what it adds.
"""

from typing import Any

import pytest

from carvalue.core.cars import FuelEconomy, Specs
from carvalue.providers.epa import Epa
from tests.providers.epa_records import Rows, a_car, a_record

pytestmark = pytest.mark.anyio


def known(**facts: Any) -> Specs:
    return Specs(trim_id="45963", source="carquery", **facts)


async def test_what_another_source_lacks(epa: Epa) -> None:
    """
    Engine and transmission of another source's trim find the record, which knows the rest.
    """
    corolla = a_car("Toyota", "Corolla", 2010, "45963")

    found = await epa.specs_like(
        corolla,
        known(engine_displacement_cc=1798, engine_cylinders=4, transmission="Manual"),
    )

    assert found is not None
    assert found.source == "epa"
    assert found.fuel_economy == FuelEconomy(9.0, 6.7, 7.8, 26, 35, 30)
    assert found.co2_g_per_km == 184


@pytest.mark.parametrize(
    ("displacement", "cylinders", "found"),
    [
        (1700, 4, True),
        (1900, 4, True),
        (1699, 4, False),
        (1901, 4, False),
        (1798, 6, False),
        (None, 4, True),
        (1798, None, True),
    ],
)
async def test_engines_that_differ(
    displacement: int | None, cylinders: int | None, found: bool
) -> None:
    """
    The EPA rounds to 0.1 l, so 100 cc are no difference; more is another engine.
    """
    epa = Epa(Rows(a_record(displ=1.8, cylinders=4, comb08=30)))

    specs = await epa.specs_like(
        a_car("Toyota", "Corolla", 2010),
        known(engine_displacement_cc=displacement, engine_cylinders=cylinders),
    )

    assert (specs is not None) is found


@pytest.mark.parametrize(
    ("facts", "mpg"),
    [
        ({"transmission": "Manual"}, 30),
        ({"transmission": "6-speed manual"}, 30),
        ({"transmission": "Automatic", "drive": "Front"}, 29),
        ({"transmission": "CVT", "drive": "Front Wheel Driv"}, 29),
        ({"transmission": "Automated Manual", "drive": "AWD"}, 27),
        ({"transmission": "Automatic", "drive": "All Wheel Drive"}, 27),
        ({"transmission": "Automatic", "drive": "4WD"}, 27),
        ({"transmission": "Automatic"}, None),
        ({"fuel": "Diesel"}, 40),
        ({"fuel": "Hybrid"}, 50),
        ({"fuel": "Premium Unleaded (Recommended)", "transmission": "manual"}, 30),
        ({"fuel": "Electric"}, 110),
        ({}, None),
    ],
)
async def test_facts_that_find_a_record(facts: dict[str, str], mpg: int | None) -> None:
    """
    The words of any source count; where two records fit equally well, nothing is guessed.
    """
    gas = {"fuelType1": "Regular Gasoline", "displ": 2.0}
    auto, front = "Automatic (S6)", "Front-Wheel Drive"
    records = [
        gas | {"trany": "Manual 5-spd", "drive": front, "comb08": 30},
        gas | {"trany": auto, "drive": front, "comb08": 29},
        gas | {"trany": "Auto(AM-S7)", "drive": "4-Wheel or All-Wheel Drive", "comb08": 27},
        {"fuelType1": "Diesel", "displ": 2.0, "trany": auto, "drive": front, "comb08": 40},
        gas | {"atvType": "Hybrid", "trany": "Automatic (A1)", "drive": "2-Wheel Drive"}
        | {"comb08": 50},
        {"fuelType1": "Electricity", "trany": "Automatic (A1)", "drive": front, "comb08": 110},
    ]  # fmt: skip
    rows = Rows(*(a_record(**one) | {"id": at} for at, one in enumerate(records, start=1)))

    specs = await Epa(rows).specs_like(
        a_car("Toyota", "Corolla", 2010), known(**{"fuel": "Gasoline", **facts})
    )

    assert specs is not None
    assert specs.fuel_economy.mixed_mpg_us == mpg


async def test_records_that_agree_in_part() -> None:
    """
    Of two records that fit equally well only what both say is told.
    """
    rows = Rows(
        a_record(displ=1.8, cylinders=4, comb08=29, city08=26, fuelType1="Regular Gasoline"),
        a_record(displ=1.8, cylinders=4, comb08=30, city08=26, fuelType1="Regular Gasoline")
        | {"id": 2},
    )

    specs = await Epa(rows).specs_like(a_car("Toyota", "Corolla", 2010), known())

    assert specs is not None
    assert (specs.engine_displacement_cc, specs.engine_cylinders, specs.fuel) == (
        1800,
        4,
        "Gasoline",
    )
    assert specs.fuel_economy == FuelEconomy(city_l_per_100km=9.0, city_mpg_us=26)


async def test_an_electric_version_beside_an_engine(epa: Epa) -> None:
    """
    A car with an engine is never told the consumption of its electric sister.
    """
    golf = a_car("Volkswagen", "Golf", 2016)

    found = await epa.specs_like(golf, known(engine_displacement_cc=1798, transmission="Automatic"))

    assert found is not None
    assert found.fuel_economy.mixed_mpg_us == 29
    assert found.fuel == "Gasoline"
