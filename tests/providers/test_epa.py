"""
The EPA's data as a specs source: which trims and which specs a car has.
"""

from datetime import date

import pytest

from carvalue.core.cars import FuelEconomy, Specs, Trim
from carvalue.core.errors import ProviderAnswerUnreadable, ProviderUnavailable, UnknownTrim
from carvalue.core.ports import SpecsSource
from carvalue.providers.epa import Epa
from tests.providers.epa_records import SAMPLE, Rows, a_car, a_record, make_model, sample

pytestmark = pytest.mark.anyio


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
