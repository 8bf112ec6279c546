"""
A made-up used-car market, the same on every day and every machine.

Each car has its listings, drawn once from its `model_id`. A price follows the
car's age, its mileage and its condition, with some noise, and is rounded as
people round. As on real sites, once in a while somebody types too many digits.

The market stands still in `TODAY`, so no answer changes with the calendar.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from statistics import mean, median, quantiles
from typing import TypedDict

from mocks.cars import KnownCar, car_with_id

TODAY = 2022
"""The model year that is new: no known car is younger."""

CONDITIONS = {"excellent": 1.08, "very good": 1.0, "good": 0.92, "fair": 0.80, "poor": 0.60}
"""What a condition does to the price, the best first."""

MILES_A_YEAR = 11_500
MILES_TO_HALVE = 232_000
KEPT_IN_FIRST_YEAR = 0.82
KEPT_PER_LATER_YEAR = 0.925
AGE_AT_WHICH_PRICES_STAY = 20
TYPOS = 1 / 150
COMPARABLE_MILES = 60_000
LEAST_PRICE = 500
TRADE_IN, PRIVATE_PARTY = 0.82, 0.92
"""What a dealer pays, and what private people pay, of a dealer's price."""


@dataclass(frozen=True)
class Listing:
    """A car for sale, at the price that its seller asks."""

    price: int
    mileage: int
    condition: str
    year: int


class Statistics(TypedDict):
    """What is asked for comparable cars, in whole US dollars; null where there are none."""

    min: int | None
    median: int | None
    max: int | None
    mean: int | None


class Parts(TypedDict):
    """What the median is made of; they add up to it."""

    base: int
    mileage: int
    condition: int


class Details(TypedDict):
    """What stands behind the statistics of dealers' prices, and what others pay."""

    kind: str
    basis: str
    count: int
    typical_low: int
    typical_high: int
    typical_percent: int
    adjustments: Parts
    trade_in: Statistics
    private_party: Statistics


class UnknownModel(LookupError):
    """No car has this id."""


@cache
def listings(model_id: str, times: int = 1) -> tuple[Listing, ...]:
    """Tell what is for sale of a car; in a market so many times as large."""
    car = _car(model_id)
    # Random seeds from a text in the same way everywhere; hash() would not.
    chance = Random(f"market of {model_id}")  # noqa: S311 - a market, not a secret
    return tuple(_listing(car, chance) for _ in range(times * chance.randint(30, 130)))


def value(model_id: str, mileage: int, condition: str) -> Statistics:
    """
    Sum up what is asked for cars like this one.

    A dealer's way: every listing is first brought to the asked mileage and
    condition. So more miles never raise the median and a better condition never
    lowers it, however few listings there are. A mileage far from that of every
    listing has no comparables. Typing errors stay in, as in the article's answer.
    """
    prices = _brought(model_id, mileage, condition)
    return _statistics(prices) if prices else Statistics(min=None, median=None, max=None, mean=None)


def details(model_id: str, mileage: int, condition: str) -> Details | None:
    """
    Tell what `value` stands on; None where it stands on nothing.

    The typical range holds eight of ten, so no typing error reaches it. A car of usual mileage
    in good condition is where the parts begin.
    """
    prices = _brought(model_id, mileage, condition)
    if not prices:
        return None
    tenths = quantiles(prices, n=10, method="inclusive")
    usual = _usual_mileage(TODAY - _car(model_id).year)
    base = _middle(model_id, usual, "good")
    driven = _middle(model_id, mileage, "good")
    return Details(
        kind="retail",
        basis="same_trim",
        count=len(prices),
        typical_low=_to_five(tenths[0]),
        typical_high=_to_five(tenths[-1]),
        typical_percent=80,
        adjustments=Parts(
            base=base,
            mileage=driven - base,
            condition=_middle(model_id, mileage, condition) - driven,
        ),
        trade_in=_statistics([_to_five(price * TRADE_IN) for price in prices]),
        private_party=_statistics([_to_five(price * PRIVATE_PARTY) for price in prices]),
    )


def _brought(model_id: str, mileage: int, condition: str) -> list[int]:
    """The prices of the comparable offers, each brought to this mileage and condition."""
    offers = listings(model_id)
    nearest = min(abs(offer.mileage - mileage) for offer in offers)
    return _prices(offers, mileage, condition) if nearest <= COMPARABLE_MILES else []


def _prices(offers: Sequence[Listing], mileage: int, condition: str) -> list[int]:
    asked = _worth_of_use(mileage, condition)
    return [
        _to_five(offer.price * asked / _worth_of_use(offer.mileage, offer.condition))
        for offer in offers
    ]


def _middle(model_id: str, mileage: int, condition: str) -> int:
    return round(median(_prices(listings(model_id), mileage, condition)))


def _statistics(prices: Sequence[int]) -> Statistics:
    return Statistics(
        min=min(prices), median=round(median(prices)), max=max(prices), mean=round(mean(prices))
    )


def _car(model_id: str) -> KnownCar:
    car = car_with_id(model_id)
    if car is None:
        raise UnknownModel(model_id)
    return car


def _listing(car: KnownCar, chance: Random) -> Listing:
    age = TODAY - car.year
    usual_mileage = _usual_mileage(age)
    mileage = round(usual_mileage * chance.lognormvariate(0, 0.35))
    condition = chance.choices(list(CONDITIONS), weights=[10, 30, 40, 15, 5])[0]

    fair = car.new_price * _kept(age)
    fair *= _worth_of_use(mileage, condition) / _worth_of_use(usual_mileage, "good")
    price = _as_people_ask(max(LEAST_PRICE, fair * chance.lognormvariate(0, 0.12)), chance)
    if chance.random() < TYPOS:
        price = price * 100 + 95  # 8499 becomes 849995
    return Listing(price=price, mileage=mileage, condition=condition, year=car.year)


def _usual_mileage(age: int) -> int:
    return 3_000 + MILES_A_YEAR * age


def _kept(age: int) -> float:
    """The part of the new price that a car of usual mileage keeps."""
    if age <= 0:
        return 1.0
    return KEPT_IN_FIRST_YEAR * KEPT_PER_LATER_YEAR ** (min(age, AGE_AT_WHICH_PRICES_STAY) - 1)


def _worth_of_use(mileage: int, condition: str) -> float:
    return math.exp2(-mileage / MILES_TO_HALVE) * CONDITIONS[condition]


def _as_people_ask(price: float, chance: Random) -> int:
    """Most ask 7995 or 8500, some 8299."""
    style = chance.random()
    if style < 0.55:
        asked = round(price / 1000) * 1000 - 5
    elif style < 0.85:
        asked = round(price / 500) * 500
    else:
        asked = round(price / 100) * 100 - 1
    return max(LEAST_PRICE, asked)


def _to_five(price: float) -> int:
    return round(price / 5) * 5
