"""
How far a price is to be trusted, by rules that are the same for every source.

Whoever knows the single prices behind one flags more than can be seen from its figures; that stays.
"""

from dataclasses import replace
from datetime import date, timedelta
from math import log
from statistics import NormalDist

from carvalue.core.valuation import Certainty, Price, PriceFlag

FAR = 5.0
"""
An end of the raw range this many times the median, or this part of it, is an outlier: cars alike
in model, year and mileage do not differ by that, an added or a missing digit does.
"""
THIN = 5
"""Fewer comparables are thin data."""
OLD = timedelta(days=180)
"""Prices that are older are old data: used cars lose about a tenth of their price in that time."""
SURE, UNSURE = 1.35, 1.75
"""How many times its lower end the upper end of a range of 80 % is, where certainty is high, and
from where on it is low."""


def judged(price: Price, *, today: date) -> Price:
    """The price with its flags, and with its certainty where its typical range is known."""
    seen = {
        PriceFlag.outlier_in_range: _outlying(price),
        PriceFlag.thin_data: price.comparables is not None and price.comparables < THIN,
        PriceFlag.old_data: price.as_of is not None and today - price.as_of > OLD,
    }
    flags = tuple(flag for flag, is_so in seen.items() if is_so or flag in price.flags)
    return replace(price, flags=flags, certainty=_certainty(price, flags))


def _outlying(price: Price) -> bool:
    return price.max > FAR * price.median or FAR * price.min < price.median


def _certainty(price: Price, flags: tuple[PriceFlag, ...]) -> Certainty | None:
    """None where the range is not known, unless the data themselves forbid trust."""
    unsure = PriceFlag.thin_data in flags or PriceFlag.old_data in flags
    low, high, percent = price.typical_low, price.typical_high, price.typical_percent
    if low is None or high is None or percent is None:
        return Certainty.low if unsure else None
    wide = log(high / max(low, 1)) * _deviations(80) / _deviations(percent)
    if wide > log(UNSURE):
        return Certainty.low
    return Certainty.high if wide <= log(SURE) and not unsure else Certainty.medium


def _deviations(percent: int) -> float:
    """How many standard deviations on each side of the middle hold this part of all (1 to 99 %)."""
    return NormalDist().inv_cdf(0.5 + percent / 200)
