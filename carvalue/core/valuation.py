"""
What a car is worth, and what that depends on.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from carvalue.core.cars import Car

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
    """How far a price is to be trusted, by how wide its typical range is and what it stands on."""

    high = "high"
    medium = "medium"
    low = "low"


class PriceFlag(StrEnum):
    """What to know of a price before it is believed."""

    outlier_in_range = "outlier_in_range"
    thin_data = "thin_data"
    old_data = "old_data"


class PriceKind(StrEnum):
    """What kind of sale a price is one of: to a dealer, among private people, by a dealer."""

    trade_in = "trade_in"
    private_party = "private_party"
    retail = "retail"


@dataclass(frozen=True, slots=True)
class Adjustments:
    """What a price is made of, in whole units of its currency; they add up to its `median`."""

    base: int
    mileage: int = 0
    condition: int = 0
    region: int = 0

    @property
    def total(self) -> int:
        return self.base + self.mileage + self.condition + self.region


@dataclass(frozen=True, slots=True)
class KindOfPrice:
    """The price of the same car in another kind of sale, in the same currency."""

    kind: PriceKind
    min: int
    median: int
    max: int
    mean: int


@dataclass(frozen=True, slots=True)
class Price:
    """
    A price distribution, in whole units of `currency` (ISO 4217).

    `min`, `median`, `max` and `mean` are as the source gave them: asking prices may hold
    typing errors, which reach `max` and pull `mean`. All else is None where the source does not
    tell it. `typical_percent` of the asking prices of such cars lie within `typical_low` to
    `typical_high`, 90 % within `wide_low` to `wide_high`. `comparables` is how many cars it was
    compared with, `basis` which, `as_of` the day of the newest of them. `kind` is what kind of
    sale all these are prices of; those of others stand apart, in `other_kinds`. `predicted` is
    what the source's own model says that this very car is worth, where a VIN was known.
    `fetched_at` is when the source was asked, `cached` whether for an earlier appraisal.
    """

    currency: str
    min: int
    median: int
    max: int
    mean: int
    typical_low: int | None = None
    typical_high: int | None = None
    typical_percent: int | None = None
    wide_low: int | None = None
    wide_high: int | None = None
    comparables: int | None = None
    basis: Basis | None = None
    as_of: date | None = None
    certainty: Certainty | None = None
    adjustments: Adjustments | None = None
    flags: tuple[PriceFlag, ...] = ()
    kind: PriceKind | None = None
    other_kinds: tuple[KindOfPrice, ...] = ()
    predicted: int | None = None
    source: str = ""
    fetched_at: datetime | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Valuation:
    """
    A price and all that it was asked for with. It never changes; a new one is made.

    `car` and the name of its `trim` are unknown of those made by earlier versions.
    """

    id: str
    trim_id: str | None
    usage: Usage
    country: str
    price: Price
    source: str
    created_at: datetime
    car: Car | None = None
    trim: str | None = None
