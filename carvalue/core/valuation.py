"""
What a car is worth, and what that depends on.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

KM_PER_MILE = 1.609344
MAX_MILEAGE = 2_000_000
"""More than any car has driven, in either unit; more is a typing error."""


class Condition(StrEnum):
    """How well a car has been kept, best first."""

    excellent = "excellent"
    very_good = "very_good"
    good = "good"
    fair = "fair"
    poor = "poor"


class MileageUnit(StrEnum):
    """What a mileage is counted in."""

    mi = "mi"
    km = "km"


@dataclass(frozen=True, slots=True)
class Usage:
    """How far a car has been driven (0 to `MAX_MILEAGE`) and how well it has been kept."""

    mileage: int
    mileage_unit: MileageUnit
    condition: Condition

    @property
    def miles(self) -> int:
        """The mileage in whole miles."""
        if self.mileage_unit is MileageUnit.km:
            return round(self.mileage / KM_PER_MILE)
        return self.mileage


class Basis(StrEnum):
    """What a price stands on: which cars it was compared with, the likest first."""

    same_trim = "same_trim"
    same_year = "same_year"
    neighbouring_years = "neighbouring_years"
    model = "model"
    make_and_age = "make_and_age"


class Certainty(StrEnum):
    """How far a price is to be trusted, by how wide its range is."""

    high = "high"
    medium = "medium"
    low = "low"


class PriceFlag(StrEnum):
    """What to know of a price before it is believed."""

    outlier_in_range = "outlier_in_range"
    thin_data = "thin_data"
    old_data = "old_data"


@dataclass(frozen=True, slots=True)
class Adjustments:
    """What a price is made of, in whole units of its currency; they add up to its `median`."""

    base: int
    mileage: int = 0
    condition: int = 0
    region: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What a price stands on, where the valuer can say it.

    `comparables` is how many cars it was compared with, `as_of` the day of the newest of them.
    `typical_percent` of the asking prices of such cars lie within the typical range, 90 % within
    `wide_low` to `wide_high`.
    """

    basis: Basis
    comparables: int
    as_of: date
    certainty: Certainty
    adjustments: Adjustments
    typical_percent: int
    wide_low: int
    wide_high: int
    flags: tuple[PriceFlag, ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """
    A price distribution, in whole units of `currency` (ISO 4217).

    `min`, `median`, `max` and `mean` are as the source gave them: asking prices may hold
    typing errors, which reach `max` and pull `mean`. The typical range and the sample size are
    None where the source does not tell. `predicted` is what the source's own model says that
    this very car is worth, where a VIN was known. `fetched_at` is when the source was asked,
    `cached` whether for an earlier appraisal. `evidence` is what the price stands on, where the
    valuer says it.
    """

    currency: str
    min: int
    median: int
    max: int
    mean: int
    typical_low: int | None = None
    typical_high: int | None = None
    sample_size: int | None = None
    predicted: int | None = None
    source: str = ""
    fetched_at: datetime | None = None
    cached: bool = False
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Valuation:
    """A price and all that it was asked for with. It never changes; a new one is made."""

    id: str
    trim_id: str | None
    usage: Usage
    country: str
    price: Price
    source: str
    created_at: datetime
