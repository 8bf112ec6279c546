"""
The EPA's data as a specs source: trims, specs, and what they add to another source's specs.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, Trim
from carvalue.core.catalog import key_of
from carvalue.core.errors import ProviderAnswerUnreadable, ProviderUnavailable, UnknownTrim
from carvalue.core.ports import SpecsSource
from carvalue.providers.epa import Epa, EpaVehicle, specs_from
from carvalue.providers.epa_csv import document_of, read_rows
from tests.servers import ROOT

pytestmark = pytest.mark.anyio

SAMPLE = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"


class Rows:
    """EpaRows in memory."""

    def __init__(self, *records: Mapping[str, Any]) -> None:
        self.records = records

    async def of_make(self, make_key: str, year: int) -> Sequence[str]:
        return [
            document_of(one)
            for one in self.records
            if (key_of(one["make"]), one["year"]) == (make_key, year)
        ]

    async def any(self) -> bool:
        return bool(self.records)


@pytest.fixture(scope="module")
def epa() -> Epa:
    return Epa(Rows(*sample(SAMPLE)))


def sample(path: Path) -> list[Mapping[str, Any]]:
    rows = read_rows(path.read_bytes().splitlines(keepends=True))
    return [row.record for row in rows if row.record is not None]


def a_record(**columns: object) -> dict[str, Any]:
    return {"id": 1, "year": 2010, "make": "Toyota", "model": "Corolla", **columns}


def a_car(make: str, model: str, year: int, trim_id: str | None = None) -> Car:
    return Car(make_model(make, model), year, trim_id)


def make_model(make: str, model: str) -> MakeModel:
    return MakeModel(key_of(make), make, f"{key_of(make)}-{key_of(model)}", model)


def vehicle(**columns: object) -> EpaVehicle:
    return EpaVehicle.model_validate_json(json.dumps(a_record(**columns)))


def test_it_is_a_specs_source(epa: Epa) -> None:
    """
    It can stand wherever specs are asked for.
    """
    source: SpecsSource = epa

    assert source


async def test_the_trims_of_a_corolla(epa: Epa) -> None:
    """
    Each engine with each transmission is a trim, named so that an owner knows which is theirs.
    """
    trims = await epa.trims(make_model("Toyota", "Corolla"), 2010)

    assert sorted(trim.name or "" for trim in trims) == [
        "1.8 L, 4 cyl, Automatic 4-spd, front-wheel drive",
        "1.8 L, 4 cyl, Manual 5-spd, front-wheel drive",
        "2.4 L, 4 cyl, Automatic (S5), front-wheel drive",
        "2.4 L, 4 cyl, Manual 5-spd, front-wheel drive",
    ]
    (default,) = [trim for trim in trims if trim.is_default]
    assert default.name == "1.8 L, 4 cyl, Automatic 4-spd, front-wheel drive"


async def test_the_specs_of_a_recorded_car(epa: Epa) -> None:
    """
    A published record, its miles per gallon and grams per mile in metric units too.
    """
    sheet = await epa.specs(a_car("Ford", "E-150", 2012))

    assert sheet is not None
    assert sheet.trims == (
        Trim("epa-31873", "4.6 L, 8 cyl, Automatic 4-spd, rear-wheel drive", is_default=True),
    )
    assert sheet.specs == Specs(
        trim_id="epa-31873",
        source="epa",
        trim_name="4.6 L, 8 cyl, Automatic 4-spd, rear-wheel drive",
        engine_displacement_cc=4600,
        engine_cylinders=8,
        fuel="Gasoline",
        drive="Rear",
        transmission="Automatic 4-spd",
        co2_g_per_km=368,
        fuel_economy=FuelEconomy(18.1, 13.8, 15.7, 13, 17, 15),
        source_updated_on=date(2016, 9, 26),
    )


async def test_the_specs_of_a_chosen_trim(epa: Epa) -> None:
    """
    Who chooses the manual one gets the specs of the manual one.
    """
    trims = await epa.trims(make_model("Toyota", "Corolla"), 2010)
    (manual,) = [one for one in trims if one.name and one.name.startswith("1.8 L, 4 cyl, Manual")]

    sheet = await epa.specs(a_car("Toyota", "Corolla", 2010, manual.trim_id))

    assert sheet is not None
    assert sheet.specs.trim_id == manual.trim_id
    assert sheet.specs.transmission == "Manual 5-spd"
    assert len(sheet.trims) == 4


async def test_a_trim_that_the_car_does_not_come_in(epa: Epa) -> None:
    """
    A trim of another car is not silently replaced.
    """
    with pytest.raises(UnknownTrim):
        await epa.specs(a_car("Toyota", "Corolla", 2010, "epa-31873"))


async def test_a_car_that_the_epa_does_not_have(epa: Epa) -> None:
    """
    Not knowing a car is an answer, not a failure.
    """
    unknown = a_car("Opel", "Astra", 2010)

    assert await epa.trims(unknown.make_model, 2010) == []
    assert await epa.specs(unknown) is None
    assert await epa.specs_like(unknown, Specs(trim_id="1", source="other")) is None


async def test_before_anything_is_imported() -> None:
    """
    An empty table knows of no car, which is not the same as a car that is not sold.
    """
    empty = Epa(Rows())

    with pytest.raises(ProviderUnavailable, match="carvalue specs import"):
        await empty.check()
    with pytest.raises(ProviderUnavailable, match="carvalue specs import"):
        await empty.specs(a_car("Toyota", "Corolla", 2010))


async def test_after_an_import(epa: Epa) -> None:
    """
    With data in the table all is well.
    """
    await epa.check()


async def test_a_record_that_was_damaged() -> None:
    """
    A broken table is a failure with a way out, not a crash.
    """
    with pytest.raises(ProviderAnswerUnreadable, match="import them again"):
        await Epa(Rows(a_record(cylinders="many"))).specs(a_car("Toyota", "Corolla", 2010))


# Names


@pytest.mark.parametrize(
    ("make", "model", "year", "expected"),
    [
        ("Mercedes Benz", "C-Class", 2016, {"C300", "C300 4matic"}),
        ("Mini", "Cooper", 2010, {"Mini Cooper"}),
        ("MINI", "Clubman", 2010, {"Mini Cooper Clubman"}),
        ("Land-Rover", "Range Rover", 2008, {"Range Rover"}),
        ("Smart", "ForTwo", 2010, {"fortwo coupe"}),
        ("Dodge", "Ram", 2008, {"Ram 1500 Pickup 4WD", "Ram 1500 Pickup 2WD"}),
        ("Ram", "1500", 2008, {"Ram 1500 Pickup 4WD", "Ram 1500 Pickup 2WD"}),
        ("Dodge", "Ram", 2018, {"1500 4WD"}),
        ("Mazda", "Mazda3", 2016, {"3 4-Door 2WD"}),
        ("BMW", "328i", 2015, {"328i", "328i xDrive"}),
        ("BMW", "3 Series", 2015, {"328i", "328i xDrive"}),
        ("Toyota", "4-Runner", 2013, {"4Runner 4WD"}),
        ("Toyota", "corolla hybrid", 2022, {"Corolla Hybrid"}),
        ("Chevrolet", "Suburban", 1996, {"C1500 Suburban 2WD"}),
        ("Plymouth", "Voyager", 1996, {"Town and Country/Voyager/Grand Voy. 2WD"}),
    ],
)
async def test_names_that_are_spelt_in_another_way(
    make: str, model: str, year: int, expected: set[str]
) -> None:
    """
    The names people use find the EPA's, whatever blanks, dashes, trims and drives these have.
    """
    records = {f"epa-{one['id']}": one for one in sample(SAMPLE)}

    trims = await Epa(Rows(*records.values())).trims(make_model(make, model), year)

    assert {records[trim.trim_id]["model"] for trim in trims} == expected


async def test_trims_that_differ_in_nothing_but_their_fuel() -> None:
    """
    What tells two records apart is in their names, as far as the data say it.
    """
    same = {"displ": 5.4, "cylinders": 8, "trany": "Automatic 6-spd"}
    rows = Rows(
        a_record(**same, fuelType1="Regular Gasoline"),
        a_record(**same, fuelType1="Premium Gasoline") | {"id": 2},
        a_record(displ=4.6) | {"id": 3},
    )

    trims = await Epa(rows).trims(make_model("Toyota", "Corolla"), 2010)

    assert {trim.trim_id: trim.name for trim in trims} == {
        "epa-1": "5.4 L, 8 cyl, Automatic 6-spd, Corolla, Regular Gasoline",
        "epa-2": "5.4 L, 8 cyl, Automatic 6-spd, Corolla, Premium Gasoline",
        "epa-3": "4.6 L",
    }


# Values


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


# What another source knows


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
