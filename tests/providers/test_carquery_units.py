"""
CarQuery's records: what is read of them, and what of it is in the wrong unit.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from carvalue.core.cars import FuelEconomy, Specs
from carvalue.providers.carquery_units import Record, body_of, fuel_of, in_us_units, specs_from
from mocks.carquery import all_trims

ANSWERS = Path("mocks/answers/carquery/recorded.json")
RECORDED = {row["model_id"]: row for row in json.loads(ANSWERS.read_text("utf-8"))["trims"]}

VIPER, CC, ILX, CT = (RECORDED[id] for id in ("11459", "72869", "69703", "75188"))

# A pickup of 2.6 t as CarQuery would tell it in metric units.
HEAVY_PICKUP = {
    "model_id": "1",
    "model_make_id": "ford",
    "model_name": "F-250",
    "model_year": "2012",
    "model_body": "Pickup",
    "model_engine_fuel": "Gasoline",
    "model_drive": "4WD",
    "model_weight_kg": "2903",
    "model_lkm_hwy": "14.7",
    "model_lkm_city": "19.6",
    "model_fuel_cap_l": "132",
}


def specs_of(row: dict[str, Any], **changed: Any) -> Specs:
    return specs_from(Record.model_validate(row | changed), source="the-source")


def is_bad(row: dict[str, Any], **changed: Any) -> bool:
    return in_us_units(Record.model_validate(row | changed))


def test_a_clean_record() -> None:
    """
    A Viper comes out as CarQuery has it; its mixed consumption, above both others, does not.
    """
    assert specs_of(VIPER) == Specs(
        trim_id="11459",
        source="the-source",
        body="Roadster",
        engine_position="Front",
        engine_type="V",
        engine_displacement_cc=8285,
        engine_cylinders=10,
        engine_power_kw=372,
        engine_torque_nm=711,
        fuel="Gasoline",
        drive="Rear",
        transmission="Manual",
        seats=2,
        doors=2,
        weight_kg=1602,
        length_mm=4470,
        width_mm=1950,
        height_mm=1220,
        wheelbase_mm=2520,
        fuel_capacity_l=70.0,
        top_speed_kph=314,
        seconds_to_100_kph=3.9,
        fuel_economy=FuelEconomy(
            city_l_per_100km=18.1,
            highway_l_per_100km=10.7,
            city_mpg_us=13.0,
            highway_mpg_us=22.0,
        ),
        make_country="USA",
    )


def test_a_record_in_us_units() -> None:
    """
    A Volkswagen of 3,369 kg is one of 3,369 lb: the figures are converted, and it is said which.
    """
    specs = specs_of(CC)

    assert specs.weight_kg == 1528
    assert specs.fuel_capacity_l == 71.9
    assert specs.engine_torque_nm == 281
    assert specs.engine_power_kw == 149
    assert specs.fuel_economy == FuelEconomy(
        city_l_per_100km=10.7,
        highway_l_per_100km=7.6,
        mixed_l_per_100km=9.4,
        city_mpg_us=22.0,
        highway_mpg_us=31.0,
        mixed_mpg_us=25.0,
    )
    assert set(specs.corrected) == {
        "weight_kg",
        "fuel_capacity_l",
        "engine_torque_nm",
        "engine_power_kw",
        "fuel_economy",
    }


def test_the_words_of_such_a_record() -> None:
    """
    Drive, fuel and body are told in the words of the clean records; a size is no body.
    """
    specs = specs_of(CC)

    assert (specs.drive, specs.fuel, specs.body) == ("Front", "Gasoline", None)
    assert specs.transmission == "Automated Manual"
    assert specs.engine_position is None


@pytest.mark.parametrize("row", [ILX, CT], ids=lambda row: row["model_name"])
def test_other_recorded_ones(row: dict[str, Any]) -> None:
    """
    So is a hybrid found that burns less in town than on the highway.
    """
    specs = specs_of(row)

    assert specs.weight_kg is not None
    assert 1300 < specs.weight_kg < 1450
    assert specs.fuel_economy.highway_mpg_us == float(row["model_lkm_hwy"])
    assert specs.corrected


def test_only_what_is_known_is_corrected() -> None:
    specs = specs_of(CC, model_weight_kg=None, model_fuel_cap_l="")

    assert "weight_kg" not in specs.corrected
    assert "fuel_capacity_l" not in specs.corrected


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"model_make_id": "Ford", "model_year": "2017"},
        {"model_weight_kg": "4400"},
        {"model_lkm_hwy": None, "model_lkm_city": None},
        {"model_body": "SUV", "model_weight_kg": "3200"},
        {
            "model_make_id": "Ford",
            "model_year": "2017",
            "model_drive": "Four Wheel Drive",
            "model_body": "Standard Pickup Trucks",
        },
    ],
    ids=repr,
)
def test_a_heavy_pickup_in_metric_units(changed: dict[str, Any]) -> None:
    """
    Weight alone condemns no record: litres that are lower on the highway speak for it.
    """
    specs = specs_of(HEAVY_PICKUP, **changed)

    assert specs.corrected == ()
    assert specs.weight_kg == int(changed.get("model_weight_kg", "2903"))


@pytest.mark.parametrize(
    "changed",
    [
        # a Prius burns less in town
        {"model_lkm_hwy": "4.9", "model_lkm_city": "4.6"},
        # single wrong figures
        {"model_lkm_hwy": "66"},
        {"model_lkm_hwy": "13.0", "model_lkm_city": "12.0"},
        {"model_weight_kg": "16020"},
        # newer, but in metric units
        {"model_make_id": "Dodge", "model_year": "2017"},
    ],
    ids=repr,
)
def test_one_sign_is_not_enough(changed: dict[str, Any]) -> None:
    """
    A hybrid, a slip of the keyboard or a newer record is no record in US units yet.
    """
    assert not is_bad(VIPER, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"model_weight_kg": None},
        {"model_lkm_hwy": None, "model_lkm_city": None, "model_lkm_mixed": None},
        {"model_make_id": "volkswagen"},
        {"model_year": "2015"},
        {"model_body": None},
        {"model_drive": "Front", "model_body": "Sedan", "model_engine_fuel": "Gasoline"},
        {
            "model_weight_kg": None,
            "model_lkm_hwy": None,
            "model_lkm_city": None,
            "model_lkm_mixed": None,
        },
    ],
    ids=repr,
)
def test_no_sign_is_needed(changed: dict[str, Any]) -> None:
    """
    What one sign does not say, the others do.
    """
    assert is_bad(CC, **changed)


@pytest.mark.parametrize(
    ("key", "field", "values"),
    [
        ("model_weight_kg", "weight_kg", ["1", "16020", "nan", "inf", "-5", "0", "heavy", "1,602"]),
        ("model_engine_cc", "engine_displacement_cc", ["0", "5", "99999", "8285 cc"]),
        ("model_engine_cyl", "engine_cylinders", ["0", "40", "V10"]),
        ("model_seats", "seats", ["0", "-1", "99"]),
        ("model_doors", "doors", ["0", "44"]),
        ("model_length_mm", "length_mm", ["44", "44700"]),
        ("model_top_speed_kph", "top_speed_kph", ["3", "3140"]),
        ("model_0_to_100_kph", "seconds_to_100_kph", ["0.1", "390"]),
        ("model_engine_power_ps", "engine_power_kw", ["1", "50600", "1e999"]),
        ("model_engine_torque_nm", "engine_torque_nm", ["1", "71100"]),
        ("model_fuel_cap_l", "fuel_capacity_l", ["0.5", "7000"]),
        ("model_co2", "co2_g_per_km", ["1", "9999"]),
    ],
)
def test_a_figure_that_no_car_has(key: str, field: str, values: list[str]) -> None:
    """
    What cannot be is not known: nobody is told of a car of 16 t, or of 0 seats.
    """
    for value in values:
        assert getattr(specs_of(VIPER, **{key: value}), field) is None, value


def test_a_consumption_that_no_car_has() -> None:
    economy = specs_of(
        VIPER, model_lkm_hwy="0.1", model_lkm_city="181", model_lkm_mixed="-"
    ).fuel_economy

    assert economy == FuelEconomy()


@pytest.mark.parametrize("value", [None, "", " ", 7.5, True, [], {"en": "Front"}, "Not Available"])
def test_values_of_another_kind(value: Any) -> None:
    """
    A value that is no text costs itself and nothing else; a number counts as its text.
    """
    specs = specs_of(VIPER, model_drive=value, model_seats=value, model_weight_kg=value)

    assert specs.drive in (None, "7.5")
    assert specs.seats in (None, 8)
    assert specs.weight_kg is None
    assert specs.length_mm == 4470


def test_an_electric_car_burns_nothing() -> None:
    """
    What the newer records say of electric cars are miles per gallon of an equivalent.
    """
    specs = specs_of(CC, model_engine_fuel="Electric", model_engine_cc="0")

    assert specs.fuel_economy == FuelEconomy()
    assert specs.engine_displacement_cc is None


@pytest.mark.parametrize(
    ("said", "drive"),
    [
        ("Front", "Front"),
        ("Front Wheel Driv", "Front"),
        ("Rear Wheel Drive", "Rear"),
        ("All Wheel Drive", "AWD"),
        ("AWD", "AWD"),
        ("Four Wheel Drive", "4WD"),
        ("4WD", "4WD"),
        ("Not Available", None),
    ],
)
def test_drives(said: str, drive: str | None) -> None:
    assert specs_of(VIPER, model_drive=said).drive == drive


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ("Sedan", "Sedan"),
        ("SUV", "SUV"),
        ("Station Wagon", "Wagon"),
        ("Midsize Station Wagons", "Wagon"),
        ("Sport Utility Vehicles", "SUV"),
        ("Standard Pickup Trucks", "Pickup"),
        ("Compact Cars", None),
        ("Mini Compact Cars", None),
        ("Subcompact Cars", None),
        ("Midsize Cars", None),
        ("Large Cars", None),
        ("Two Seaters", None),
        (None, None),
    ],
)
def test_bodies(said: str | None, body: str | None) -> None:
    assert body_of(said) == body


@pytest.mark.parametrize(
    ("said", "fuel"),
    [
        ("Gasoline", "Gasoline"),
        ("Gasoline - Premium", "Gasoline"),
        ("Premium", "Gasoline"),
        ("Premium Unleaded (Required)", "Gasoline"),
        ("Regular Unleaded", "Gasoline"),
        ("Flex-Fuel (Premium Unleaded Reco", "Flex Fuel"),
        ("FlexFuel", "Flex Fuel"),
        ("Gasoline / Electric Hybrid", "Hybrid"),
        ("Diesel / Electric Hybrid", "Diesel Hybrid"),
        ("Diesel", "Diesel"),
        ("Electric", "Electric"),
        (None, None),
    ],
)
def test_fuels(said: str | None, fuel: str | None) -> None:
    """
    A grade is no fuel of its own.
    """
    assert fuel_of(said) == fuel


def test_a_hybrid_by_its_trim() -> None:
    assert specs_of(CT).fuel == "Hybrid"


@pytest.mark.parametrize(("said", "kind"), [("in-line", "Inline"), ("boxer", "Boxer"), ("V", "V")])
def test_engines(said: str, kind: str) -> None:
    assert specs_of(VIPER, model_engine_type=said).engine_type == kind


def test_no_clean_car_is_judged() -> None:
    """
    Of some 800 cars in metric units, pickups, hybrids and vans among them, all stay as they are.
    """
    clean = [Record.model_validate(row) for row in all_trims() if row["model_id"] not in RECORDED]

    assert len(clean) > 800
    assert [one.model_id for one in clean if in_us_units(one)] == []
