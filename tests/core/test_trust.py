"""
What every price is judged by, whoever gave it.
"""

from dataclasses import replace
from datetime import date

import pytest

from carvalue.core.trust import judged
from carvalue.core.valuation import Certainty, Price, PriceFlag

TODAY = date(2026, 11, 26)
PLAIN = Price("USD", min=6000, median=8000, max=11000, mean=8100)
RANGED = replace(PLAIN, typical_low=7000, typical_high=9000, typical_percent=80, comparables=40)


def test_the_article() -> None:
    """
    A maximum of 849,995 beside a median of 7,995 is named for what it is; nothing is cut off.
    """
    article = Price("USD", min=1795, median=7995, max=849995, mean=8940)

    price = judged(article, today=TODAY)

    assert price.flags == (PriceFlag.outlier_in_range,)
    assert (price.min, price.median, price.max, price.mean) == (1795, 7995, 849995, 8940)
    assert price.certainty is None


@pytest.mark.parametrize(
    ("low", "high", "flagged"),
    [(1600, 40000, False), (1599, 8000, True), (8000, 40001, True), (8000, 8000, False)],
)
def test_an_outlier_in_the_raw_range(low: int, high: int, flagged: bool) -> None:
    """
    An end five times the median, or a fifth of it, may still be a car; what is further is not.
    """
    price = judged(replace(PLAIN, min=low, max=high), today=TODAY)

    assert (PriceFlag.outlier_in_range in price.flags) is flagged


def test_what_the_source_has_flagged() -> None:
    """
    A source that knows the single prices sees outliers that the figures do not show.
    """
    told = replace(PLAIN, flags=(PriceFlag.outlier_in_range,))

    assert judged(told, today=TODAY).flags == (PriceFlag.outlier_in_range,)


@pytest.mark.parametrize(("count", "flagged"), [(None, False), (1, True), (4, True), (5, False)])
def test_thin_data(count: int | None, flagged: bool) -> None:
    """
    Fewer than five comparables are few; a source that does not count is not accused of it.
    """
    price = judged(replace(PLAIN, comparables=count), today=TODAY)

    assert (PriceFlag.thin_data in price.flags) is flagged


@pytest.mark.parametrize(
    ("as_of", "flagged"),
    [(None, False), (TODAY, False), (date(2026, 5, 30), False), (date(2026, 5, 29), True)],
)
def test_old_data(as_of: date | None, flagged: bool) -> None:
    """
    Prices of which the newest is more than 180 days old are old.
    """
    price = judged(replace(PLAIN, as_of=as_of), today=TODAY)

    assert (PriceFlag.old_data in price.flags) is flagged


@pytest.mark.parametrize(
    ("low", "high", "percent", "certainty"),
    [
        (7000, 9000, 80, Certainty.high),
        (7000, 9500, 80, Certainty.medium),
        (5000, 9000, 80, Certainty.low),
        (7500, 8500, 50, Certainty.high),
        (7000, 9000, 50, Certainty.medium),
        (6100, 10990, 50, Certainty.low),
        (0, 9000, 80, Certainty.low),
        (7000, 9000, None, None),
    ],
)
def test_certainty(low: int, high: int, percent: int | None, certainty: Certainty | None) -> None:
    """
    The wider the typical range, the less certain; a range of half of all cars is narrower than
    one of eight in ten, and counts for it.
    """
    wide = replace(RANGED, typical_low=low, typical_high=high, typical_percent=percent)

    assert judged(wide, today=TODAY).certainty is certainty


def test_thin_or_old_data_are_never_certain() -> None:
    """
    A narrow range that stands on three cars, or on last year's, is no high certainty.
    """
    assert judged(RANGED, today=TODAY).certainty is Certainty.high
    assert judged(replace(RANGED, comparables=3), today=TODAY).certainty is Certainty.medium
    old = replace(RANGED, as_of=date(2025, 11, 1))
    assert judged(old, today=TODAY).certainty is Certainty.medium
    assert judged(replace(PLAIN, comparables=3), today=TODAY).certainty is Certainty.low
