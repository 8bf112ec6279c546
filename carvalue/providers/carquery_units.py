"""
What a record of CarQuery says: its figures, its words, and the unit that the figures are in.

Records that CarQuery took over from about model year 2016 on hold US figures in fields that are
named after metric units: `model_weight_kg` in pounds, `model_lkm_hwy` in miles per gallon,
`model_fuel_cap_l` in gallons, `model_engine_torque_nm` in pound-feet, `model_engine_power_ps` in
horsepower. That is nowhere documented; it shows in the records.
"""

import re
from dataclasses import dataclass, fields
from typing import Annotated

from pydantic import BeforeValidator, Field

from carvalue.core.cars import FuelEconomy, Specs
from carvalue.providers.http import Answer

KW_PER_PS = 0.73549875
KW_PER_HP = 0.74569987
NM_PER_LB_FT = 1.35581795
KG_PER_LB = 0.45359237
L_PER_GALLON = 3.785411784
MPG_L = 235.214583
"""Miles per US gallon times litres per 100 km."""

FEWEST_SIGNS = 3
"""The weight of signs from which on a record is taken for one in US units; see `in_us_units`."""
FIRST_BAD_YEAR = 2016
HIGHEST_L_PER_100KM = 20.0
"""On a highway; a car that burns more is one whose miles per gallon are told."""
FEWEST_MPG = 12.0
"""On a highway, of any car that is not a Bugatti."""
LONGEST_WORD = 60


def _plain(value: object) -> str | None:
    """A value as text; None where it is empty, or of a type that no value of CarQuery's has."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)[:200].strip()
    return None if text.casefold() in ("", "not available", "n/a", "null") else text


Text = Annotated[str | None, BeforeValidator(_plain)]


class Record(Answer):
    """
    One trim. CarQuery sends every value as text or null; a value of another kind is not known.

    `getModel` adds US units to it, which are only converted, and twice where they already are.
    """

    model_id: Annotated[str, BeforeValidator(_plain), Field(min_length=1, max_length=100)]
    model_make_id: Text = None
    model_name: Text = None
    model_trim: Text = None
    model_year: Text = None
    model_body: Text = None
    model_engine_position: Text = None
    model_engine_cc: Text = None
    model_engine_cyl: Text = None
    model_engine_type: Text = None
    model_engine_power_ps: Text = None
    model_engine_torque_nm: Text = None
    model_engine_fuel: Text = None
    model_top_speed_kph: Text = None
    model_0_to_100_kph: Text = None
    model_drive: Text = None
    model_transmission_type: Text = None
    model_seats: Text = None
    model_doors: Text = None
    model_weight_kg: Text = None
    model_length_mm: Text = None
    model_width_mm: Text = None
    model_height_mm: Text = None
    model_wheelbase_mm: Text = None
    model_lkm_hwy: Text = None
    model_lkm_mixed: Text = None
    model_lkm_city: Text = None
    model_fuel_cap_l: Text = None
    model_co2: Text = None
    make_country: Text = None

    @property
    def filled(self) -> int:
        """How many values are known."""
        return len(self.model_dump(exclude_none=True))


@dataclass(frozen=True, slots=True)
class _Figures:
    """The figures that a unit can be wrong of, named as in `Specs`."""

    engine_power_kw: float | None
    engine_torque_nm: float | None
    weight_kg: float | None
    fuel_capacity_l: float | None


def specs_from(record: Record, *, source: str) -> Specs:
    """
    Typed specs of one record, in the units that their names say.

    A figure that no car has is unknown, and so is a mixed consumption outside of city and highway.
    """
    bad = in_us_units(record)
    body, fuel = body_of(record.model_body), fuel_of(record.model_engine_fuel, record.model_trim)
    figures = _figures(record, us=bad)
    economy = FuelEconomy() if fuel == "Electric" else _economy(record, us=bad)
    corrected = [one.name for one in fields(figures) if getattr(figures, one.name) is not None]
    if economy != FuelEconomy():
        corrected.append("fuel_economy")
    return Specs(
        trim_id=record.model_id,
        source=source,
        body=body,
        engine_position=_word(record.model_engine_position),
        engine_type=_known(_ENGINES, record.model_engine_type),
        engine_displacement_cc=_whole(record.model_engine_cc, 50, 20_000),
        engine_cylinders=_whole(record.model_engine_cyl, 1, 16),
        engine_power_kw=_rounded(figures.engine_power_kw),
        engine_torque_nm=_rounded(figures.engine_torque_nm),
        fuel=fuel,
        drive=_known(_DRIVES, record.model_drive),
        transmission=_word(record.model_transmission_type),
        seats=_whole(record.model_seats, 1, 20),
        doors=_whole(record.model_doors, 1, 8),
        weight_kg=_rounded(figures.weight_kg),
        length_mm=_whole(record.model_length_mm, 2000, 8000),
        width_mm=_whole(record.model_width_mm, 1000, 2600),
        height_mm=_whole(record.model_height_mm, 800, 3500),
        wheelbase_mm=_whole(record.model_wheelbase_mm, 1400, 5500),
        fuel_capacity_l=figures.fuel_capacity_l,
        top_speed_kph=_whole(record.model_top_speed_kph, 40, 500),
        seconds_to_100_kph=_within(_number(record.model_0_to_100_kph), 1.5, 90),
        co2_g_per_km=_whole(record.model_co2, 10, 900),
        fuel_economy=economy,
        make_country=_word(record.make_country),
        corrected=tuple(corrected) if bad else (),
    )


def in_us_units(record: Record) -> bool:
    """
    Whether the figures of a record are US ones in spite of their names.

    No sign is trusted alone, as there are single wrong figures, hybrids that burn less in town,
    and pickups of 2.6 t. Signs are added up, and `FEWEST_SIGNS` are needed:

    - 2: model year 2016 or later and a make in capitals, as in the records that were taken over;
    - 1: words of the EPA's ("Compact Cars", "Front Wheel Driv", "Premium Unleaded (Required)");
    - 2: highway above 20, which as l/100 km no car burns;
    - 2: highway above city (but not by far), and enough to be miles per gallon;
    - 2: too heavy in kg for its body (4.5 t for pickups, vans and SUVs and where the body is not
      said, 3 t for the others), or 1: a car above 2.5 t;
    - minus 3: highway below city and at most 20, as litres are and miles per gallon are not;
    - minus 2: too light in pounds for any car.
    """
    highway, city = _number(record.model_lkm_hwy), _number(record.model_lkm_city)
    weight = _number(record.model_weight_kg)
    make, year = record.model_make_id or "", _number(record.model_year)
    signs = 0
    if year and year >= FIRST_BAD_YEAR and make != make.casefold():
        signs += 2
    if _in_words_of_the_epa(record):
        signs += 1
    if highway and highway > HIGHEST_L_PER_100KM:
        signs += 2
    if highway and city:
        if highway >= FEWEST_MPG and 1 < highway / city < 2:
            signs += 2
        elif highway < city and highway <= HIGHEST_L_PER_100KM:
            signs -= 3
    if weight:
        is_car = body_of(record.model_body) in _CARS or _is_epa_car(record.model_body)
        if weight > _heaviest(record):
            signs += 2
        elif is_car and weight > 2500:
            signs += 1
        elif weight < 1750:
            signs -= 2
    return signs >= FEWEST_SIGNS


# Figures


def _figures(record: Record, *, us: bool) -> _Figures:
    power, torque = _number(record.model_engine_power_ps), _number(record.model_engine_torque_nm)
    weight, tank = _number(record.model_weight_kg), _number(record.model_fuel_cap_l)
    litres = _within(_times(tank, L_PER_GALLON if us else 1), 4, 400)
    return _Figures(
        engine_power_kw=_within(_times(power, KW_PER_HP if us else KW_PER_PS), 4, 1600),
        engine_torque_nm=_within(_times(torque, NM_PER_LB_FT if us else 1), 10, 3000),
        weight_kg=_within(_times(weight, KG_PER_LB if us else 1), 250, _heaviest(record)),
        fuel_capacity_l=None if litres is None else round(litres, 1),
    )


def _economy(record: Record, *, us: bool) -> FuelEconomy:
    city, highway, mixed = (
        _litres(_number(said), us=us)
        for said in (record.model_lkm_city, record.model_lkm_hwy, record.model_lkm_mixed)
    )
    if mixed and city and highway and not min(city, highway) <= mixed <= max(city, highway):
        mixed = None
    return FuelEconomy(
        city_l_per_100km=_tenths(city),
        highway_l_per_100km=_tenths(highway),
        mixed_l_per_100km=_tenths(mixed),
        # Whole miles, as CarQuery's `getModel` and the EPA tell them.
        city_mpg_us=_mpg(city),
        highway_mpg_us=_mpg(highway),
        mixed_mpg_us=_mpg(mixed),
    )


def _litres(said: float | None, *, us: bool) -> float | None:
    return _within(MPG_L / said if us and said else said, 0.8, 50)


def _mpg(litres: float | None) -> float | None:
    return None if litres is None else float(round(MPG_L / litres))


def _tenths(litres: float | None) -> float | None:
    return None if litres is None else round(litres, 1)


def _heaviest(record: Record) -> float:
    """The kg that a car with such a body may weigh."""
    return 3000 if body_of(record.model_body) in _CARS or _is_epa_car(record.model_body) else 4500


def _number(text: str | None) -> float | None:
    """A figure above 0. NaN and infinity are within no bounds."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < 1_000_000 else None


def _within(number: float | None, least: float, most: float) -> float | None:
    return number if number is not None and least <= number <= most else None


def _whole(text: str | None, least: float, most: float) -> int | None:
    return _rounded(_within(_number(text), least, most))


def _rounded(number: float | None) -> int | None:
    return None if number is None else round(number)


def _times(number: float | None, factor: float) -> float | None:
    return None if number is None else number * factor


# Words. Both kinds of records are told in the words of the older ones; the values that there are
# come from the drop-down lists that GetFieldValues fills.

_DRIVES = {
    "front": "Front",
    "front wheel driv": "Front",
    "front wheel drive": "Front",
    "rear": "Rear",
    "rear wheel driv": "Rear",
    "rear wheel drive": "Rear",
    "all wheel driv": "AWD",
    "all wheel drive": "AWD",
    "awd": "AWD",
    "four wheel driv": "4WD",
    "four wheel drive": "4WD",
    "4wd": "4WD",
}
_ENGINES = {
    "in-line": "Inline",
    "inline": "Inline",
    "boxer": "Boxer",
    "electric": "Electric",
    "dual-disk rotary": "Rotary",
    "single": "Single",
}
_BODIES = {
    "station wagon": "Wagon",
    "small station wagons": "Wagon",
    "midsize station wagons": "Wagon",
    "sport utility vehicles": "SUV",
    "small pickup trucks": "Pickup",
    "standard pickup trucks": "Pickup",
    "minivans": "Minivan",
    "cargo vans": "Van",
    "passenger vans": "Van",
}
_CARS = ("Sedan", "Coupe", "Hatchback", "Wagon", "Convertible", "Roadster")
# https://www.ecfr.gov/current/title-40/section-600.315-08: sizes, which say nothing of the body.
_SIZES = re.compile(
    r"(two ?seaters|(mini ?|sub)?compact cars|mid-?size cars|large cars|special purpose.*)", re.I
)
_EPA_FUELS = re.compile(r"(premium|regular|mid-?grade)( unleaded)?\b|flex-fuel \(", re.I)


def body_of(said: str | None) -> str | None:
    """The body; None for the EPA's classes of size."""
    return None if said and _SIZES.fullmatch(said) else _known(_BODIES, said)


def fuel_of(said: str | None, trim: str | None = None) -> str | None:
    """The fuel without its grade. Newer records tell only in the trim that a car is a hybrid."""
    text = (said or "").casefold()
    if "hybrid" in text:
        return "Diesel Hybrid" if "diesel" in text else "Hybrid"
    if text.startswith("flex"):
        return "Flex Fuel"
    if text.startswith("gasoline") or _EPA_FUELS.match(text):
        return "Hybrid" if "electric hybrid" in (trim or "").casefold() else "Gasoline"
    return _word(said)


def _in_words_of_the_epa(record: Record) -> bool:
    body = (record.model_body or "").casefold()
    return bool(
        " wheel driv" in (record.model_drive or "").casefold()
        or _SIZES.fullmatch(body)
        or (body in _BODIES and body != "station wagon")
        or _EPA_FUELS.match(record.model_engine_fuel or "")
    )


def _is_epa_car(said: str | None) -> bool:
    """Whether a class of size is one of cars; those of special purpose are not."""
    return bool(said and _SIZES.fullmatch(said) and not said.casefold().startswith("special"))


def _known(words: dict[str, str], said: str | None) -> str | None:
    return words.get(said.casefold()) or _word(said) if said else None


def _word(said: str | None) -> str | None:
    return said if said and len(said) <= LONGEST_WORD else None
