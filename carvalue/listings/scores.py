"""
The figures of a back-test, with how sure they are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carvalue.listings.backtest import Told
from carvalue.listings.baselines import Baselines
from carvalue.listings.ranges import GROUPS, LEVELS, coverage, group_of

RESAMPLES = 300
"""Resamples of the bootstrap (Efron 1979), of which the middle 95 % are shown."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def report(told: Told, plain: Baselines | None) -> dict[str, Any]:
    """All figures; without baselines, those of the listings alone."""
    price = told.price
    valued = ~np.isnan(told.estimate)
    comparable = valued & (told.count >= 1)
    figures: dict[str, Any] = {
        "listings": len(price),
        "without_a_value": int((~valued).sum()),
        "all": _accuracy(told.estimate, price, valued),
        "with_a_comparable": _accuracy(told.estimate, price, comparable),
        "ranges": {str(level): _range(told, level, valued) for level in LEVELS},
        "by_comparables": _by_group(told, valued),
    }
    if plain is not None:
        figures["baselines"] = {
            "median": _accuracy(plain.median, price, comparable),
            "mean": _accuracy(plain.mean, price, comparable),
            "mileage_and_trim": _accuracy(plain.mileage_and_trim, price, comparable),
        }
        figures["ranges_compared"] = {
            str(level): _compared(told, plain, level, comparable) for level in LEVELS
        }
    return figures


def missed(estimate: Floats, price: Floats) -> Floats:
    """By how much of the price it was missed."""
    return np.asarray(np.abs(estimate - price) / price)


def _accuracy(estimate: Floats, price: Floats, chosen: Mask) -> dict[str, Any]:
    chosen = chosen & ~np.isnan(estimate)
    if not chosen.any():
        return {"listings": 0}
    errors = missed(estimate[chosen], price[chosen])
    return {
        "listings": int(chosen.sum()),
        "mdape": _interval(errors, lambda some: float(np.median(some))),
        "within_10": _interval(errors, lambda some: float((some <= 0.1).mean())),
        "within_20": _interval(errors, lambda some: float((some <= 0.2).mean())),
    }


def _interval(values: Floats, figure: Callable[[Floats], float]) -> dict[str, float]:
    chance = np.random.default_rng(1)
    drawn = [figure(values[chance.integers(0, len(values), len(values))]) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": figure(values), "from": float(low), "to": float(high)}


def _range(told: Told, level: int, chosen: Mask) -> dict[str, Any]:
    ends = told.ranges[level]
    low, high, price = ends.low[chosen], ends.high[chosen], told.price[chosen]
    if not len(price):
        return {"listings": 0}
    within = ((low <= price) & (price <= high)).astype(np.float64)
    return {
        "listings": len(price),
        "coverage": _interval(within, lambda some: float(some.mean())),
        "width": float(np.median((high - low) / told.estimate[chosen])),
    }


def _by_group(told: Told, valued: Mask) -> list[dict[str, Any]]:
    group = np.array([group_of(count) for count in told.count.tolist()])
    rows = []
    for start, name in zip(GROUPS, group_names(), strict=True):
        chosen = valued & (group == start)
        if chosen.any():
            row = _accuracy(told.estimate, told.price, chosen)
            row |= {f"range_{level}": _range(told, level, chosen) for level in LEVELS}
            rows.append({"comparables": name, **row})
    return rows


def group_names() -> list[str]:
    """What the groups by comparables are called."""
    names = ["none of the model"]
    for start, after in zip(GROUPS[1:], [*GROUPS[2:], None], strict=True):
        last = None if after is None else after - 1
        names.append(f"{start}+" if last is None else str(start) if last == start else
                     f"{start}-{last}")  # fmt: skip
    return names


def _compared(told: Told, plain: Baselines, level: int, chosen: Mask) -> dict[str, Any]:
    """
    Our ranges and plain ones: as they are, and made so wide that they cover as much as ours.

    `quantiles` are those of the others of the model and year; widened, every range is spread by
    one factor around its median, in logarithms. `around_the_median` is the median times two
    factors, the same for all cars. Both are widened knowing the prices, which favours them.
    """
    price, ends = told.price[chosen], told.ranges[level]
    ours = np.log(ends.low[chosen]), np.log(ends.high[chosen])
    covers = coverage(np.exp(ours[0]), np.exp(ours[1]), price)
    low, high = (np.log(end[chosen]) for end in plain.quantiles[level])
    middle, log = np.log(plain.median[chosen]), np.log(price)
    ratio = np.quantile(log - middle, ((1 - covers) / 2, (1 + covers) / 2))
    factor = _factor(low - middle, high - middle, log - middle, covers)
    widened = middle + factor * (low - middle), middle + factor * (high - middle)
    told_middle = np.log(told.estimate[chosen])
    plainly = {
        "ours": ours,
        "quantiles": (low, high),
        "quantiles_widened": widened,
        "around_the_median": (middle + ratio[0], middle + ratio[1]),
    }
    return {
        name: {
            "coverage": coverage(np.exp(some[0]), np.exp(some[1]), price),
            "width": _width(some[0], some[1], told_middle if name == "ours" else middle),
            "mean_log_width": float(np.mean(some[1] - some[0])),
        }
        for name, some in plainly.items()
    }


def _width(low: Floats, high: Floats, middle: Floats) -> float:
    return float(np.median((np.exp(high) - np.exp(low)) / np.exp(middle)))


def _factor(low: Floats, high: Floats, wanted: Floats, covers: float) -> float:
    """By how much ranges must be spread to cover such a share; what has no width never does."""
    factors: Sequence[float] = np.linspace(0.5, 60, 1191).tolist()
    for factor in factors:
        if ((factor * low <= wanted) & (wanted <= factor * high)).mean() >= covers:
            return factor
    return factors[-1]
