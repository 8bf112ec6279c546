"""
Cars, their trims and their specs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class MakeModel:
    """A make and a model, without a year. The ids are the catalogue's own, stable slugs."""

    make_id: str
    make: str
    model_id: str
    model: str

    def __str__(self) -> str:
        return f"{self.make} {self.model}"


@dataclass(frozen=True, slots=True)
class Car:
    """A make and model with its model year, and the trim where one was chosen."""

    make_model: MakeModel
    year: int
    trim_id: str | None = None

    def __str__(self) -> str:
        return f"{self.make_model} {self.year}"


@dataclass(frozen=True, slots=True)
class VinCar:
    """
    The car that a VIN means.

    The year code of a VIN repeats every 30 years, so there may be two `years`, or none where the
    VIN's market does not use the code. `trim` is its name, where the maker says it.
    """

    make_model: MakeModel
    years: tuple[int, ...]
    trim: str | None = None

    @property
    def year(self) -> int | None:
        """The model year, if it can only be this one."""
        return self.years[0] if len(self.years) == 1 else None


@dataclass(frozen=True, slots=True)
class Trim:
    """One version that a car is sold in; `trim_id` is the specs source's own id."""

    trim_id: str
    name: str | None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class FuelEconomy:
    """
    How far the car gets; US gallons, as its maker says.

    None is unknown, never 0. Nothing is averaged: a source without a mixed figure has none.
    """

    city_l_per_100km: float | None = None
    highway_l_per_100km: float | None = None
    mixed_l_per_100km: float | None = None
    city_mpg_us: float | None = None
    highway_mpg_us: float | None = None
    mixed_mpg_us: float | None = None


@dataclass(frozen=True, slots=True)
class Specs:
    """
    What the maker says of a car in one trim. None is unknown, never 0.

    `corrected` names the fields that the source gave in a wrong unit, and that we converted.
    `field_sources` names the source of each field that `source` did not know. `fetched_at` is when
    the source was asked, `cached` whether for an earlier appraisal.
    """

    trim_id: str
    source: str
    trim_name: str | None = None
    body: str | None = None
    engine_position: str | None = None
    engine_type: str | None = None
    engine_displacement_cc: int | None = None
    engine_cylinders: int | None = None
    engine_power_kw: int | None = None
    engine_torque_nm: int | None = None
    fuel: str | None = None
    drive: str | None = None
    transmission: str | None = None
    seats: int | None = None
    doors: int | None = None
    weight_kg: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    wheelbase_mm: int | None = None
    fuel_capacity_l: float | None = None
    top_speed_kph: int | None = None
    seconds_to_100_kph: float | None = None
    co2_g_per_km: int | None = None
    fuel_economy: FuelEconomy = FuelEconomy()
    make_country: str | None = None
    source_updated_on: date | None = None
    corrected: tuple[str, ...] = ()
    field_sources: Mapping[str, str] = field(default_factory=dict)
    fetched_at: datetime | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class SpecsSheet:
    """What a specs source knows of a car: every trim, and the specs of the one in question."""

    trims: tuple[Trim, ...]
    specs: Specs
