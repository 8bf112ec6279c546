"""
The answers about a car: its trims, specs and prices, made from the core's values.
"""

from dataclasses import asdict
from datetime import date
from typing import Self

from pydantic import Field

from carvalue.core import appraisal as core
from carvalue.core import cars as core_cars
from carvalue.core import valuation as core_valuation
from carvalue.core.valuation import (
    Basis,
    Certainty,
    Condition,
    MileageUnit,
    PriceFlag,
    PriceKind,
)
from carvalue.web.fields import Instant, OutBody


class Trim(OutBody):
    """One version that a car is sold in."""

    trim_id: str
    name: str | None
    is_default: bool


class VinCar(OutBody):
    """The car that the VIN means."""

    make_id: str
    make: str
    model_id: str
    model: str
    year: int | None = Field(description="Null where the VIN leaves it open; see `years`.")
    years: list[int] = Field(description="A VIN's year code repeats every 30 years.")
    trim: str | None

    @classmethod
    def of(cls, car: core_cars.VinCar) -> Self:
        return cls(**asdict(car.make_model), year=car.year, years=list(car.years), trim=car.trim)


class Car(OutBody):
    """The confirmed car. `trim_assumed`: the user has not chosen the trim."""

    make_id: str
    make: str
    model_id: str
    model: str
    year: int
    trim_id: str | None
    trim: str | None
    trim_assumed: bool
    source: core.CarSource

    @classmethod
    def of(cls, confirmed: core.ConfirmedCar) -> Self:
        trim = confirmed.trim
        return cls(
            **asdict(confirmed.car.make_model),
            year=confirmed.car.year,
            trim_id=trim.trim_id if trim else confirmed.car.trim_id,
            trim=trim.name if trim else None,
            trim_assumed=confirmed.trim_assumed,
            source=confirmed.source,
        )


class FuelEconomy(OutBody):
    """US gallons."""

    city_l_per_100km: float | None
    highway_l_per_100km: float | None
    mixed_l_per_100km: float | None
    city_mpg_us: float | None
    highway_mpg_us: float | None
    mixed_mpg_us: float | None


class Specs(OutBody):
    """What the maker says. `source` names who told us; null is unknown."""

    trim_id: str
    body: str | None
    engine_position: str | None
    engine_type: str | None
    engine_displacement_cc: int | None
    engine_cylinders: int | None
    engine_power_kw: int | None
    engine_torque_nm: int | None
    fuel: str | None
    drive: str | None
    transmission: str | None
    seats: int | None
    doors: int | None
    weight_kg: int | None
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    wheelbase_mm: int | None
    fuel_capacity_l: float | None
    top_speed_kph: int | None
    seconds_to_100_kph: float | None
    co2_g_per_km: int | None
    fuel_economy: FuelEconomy
    make_country: str | None
    source: str
    source_updated_on: date | None
    corrected: list[str] = Field(
        description="Fields that the source gave in another unit than it says, mended here."
    )
    field_sources: dict[str, str] = Field(
        description="The source of each field that `source` does not know."
    )
    fetched_at: Instant | None
    cached: bool = Field(description="Kept from before: the source has not been asked now.")


class Adjustments(OutBody):
    """What the median is made of: these add up to it."""

    base: int = Field(description="A car of usual mileage, in usual condition.")
    mileage: int
    condition: int
    region: int


class KindOfPrice(OutBody):
    """The price of the same car in another kind of sale."""

    kind: PriceKind
    min: int
    median: int
    mean: int
    max: int


class Price(OutBody):
    """
    Whole units of `currency`. `max` and `mean` are raw: one absurd listing moves them; show the
    median and the typical range.
    """

    currency: str = Field(description="ISO 4217.", examples=["USD"])
    min: int
    median: int
    mean: int
    max: int
    typical_low: int | None
    typical_high: int | None
    typical_percent: int | None = Field(
        description="So many of a hundred such cars are asked for within the typical range."
    )
    wide_low: int | None = Field(description="Nine of ten such cars lie from here ...")
    wide_high: int | None = Field(description="... to here.")
    comparables: int | None = Field(description="How many cars it was compared with.")
    basis: Basis | None = Field(description="Which cars it was compared with.")
    as_of: date | None = Field(description="The day of the newest of them.")
    certainty: Certainty | None = Field(description="Null where too little is known of the price.")
    adjustments: Adjustments | None
    flags: list[PriceFlag] = Field(description="What to know of it before it is believed.")
    kind: PriceKind | None = Field(description="What kind of sale all these are prices of.")
    other_kinds: list[KindOfPrice] = Field(description="Other kinds of sale, never mixed in.")
    predicted: int | None = Field(description="For this very car, where a VIN was known.")
    fetched_at: Instant | None
    cached: bool = Field(description="Kept from before: the source has not been asked now.")


class ValuedCar(OutBody):
    """The car that a price is one of."""

    make_id: str
    make: str
    model_id: str
    model: str
    year: int
    trim_id: str | None
    trim: str | None


class Valuation(OutBody):
    """A price and all that it was asked for with. It never changes."""

    id: str
    appraisal_id: str
    car: ValuedCar | None = Field(description="Null of those that earlier versions made.")
    trim_id: str | None
    mileage: int
    mileage_unit: MileageUnit
    condition: Condition
    country: str
    price: Price
    source: str
    created_at: Instant

    @classmethod
    def of(cls, appraisal_id: str, made: core_valuation.Valuation) -> Self:
        car = made.car and ValuedCar(
            **asdict(made.car.make_model),
            year=made.car.year,
            trim_id=made.trim_id or made.car.trim_id,
            trim=made.trim,
        )
        return cls(
            id=made.id,
            appraisal_id=appraisal_id,
            car=car,
            trim_id=made.trim_id,
            mileage=made.usage.mileage,
            mileage_unit=made.usage.mileage_unit,
            condition=made.usage.condition,
            country=made.country,
            price=Price.model_validate(made.price),
            source=made.source,
            created_at=made.created_at,
        )
