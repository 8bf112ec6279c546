"""
What anybody could tell with a spreadsheet, to compare with.

Each is told by the other listings of the same model and year, the listing itself left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carvalue.listings.ranges import LEVELS
from carvalue.listings.store import Stock

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Baselines:
    """
    Prices by the median, by the mean, and by the median of the same trim brought to the mileage.

    `quantiles` are the plain ranges between quantiles of the others, by level. All nan where there
    are no others.
    """

    median: Floats
    mean: Floats
    mileage_and_trim: Floats
    quantiles: dict[int, tuple[Floats, Floats]]


def baselines(stock: Stock) -> Baselines:
    """The baselines of all listings of a stock."""
    nothing = np.full(len(stock), np.nan)
    told = Baselines(
        nothing.copy(),
        nothing.copy(),
        nothing.copy(),
        {level: (nothing.copy(), nothing.copy()) for level in LEVELS},
    )
    group = np.unique(np.column_stack([stock.car, stock.year]), axis=0, return_inverse=True)[1]
    order = np.argsort(group.ravel(), kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(group.ravel()[order])) + 1)
    price = stock.price.astype(np.float64)
    km = _filled(stock, groups)
    slope = _slope(price, km, groups)
    for places in groups:
        if len(places) < 2:
            continue
        prices, trims = price[places], stock.trim[places]
        for at, place in enumerate(places.tolist()):
            others = np.delete(prices, at)
            told.median[place] = np.median(others)
            told.mean[place] = others.mean()
            brought = others * np.exp(slope * (km[place] - np.delete(km[places], at)))
            same = np.delete(trims, at) == trims[at]
            told.mileage_and_trim[place] = np.median(brought[same] if same.any() else brought)
            for level, (low, high) in told.quantiles.items():
                tail = (1 - level / 100) / 2
                low[place], high[place] = np.quantile(others, (tail, 1 - tail))
    return told


def _filled(stock: Stock, groups: list[NDArray[np.int64]]) -> Floats:
    """The mileages; unknown ones are the group's median."""
    km = np.where(stock.km < 0, np.nan, stock.km).astype(np.float64)
    for places in groups:
        known = km[places][~np.isnan(km[places])]
        km[places] = np.where(
            np.isnan(km[places]), np.median(known) if len(known) else 0.0, km[places]
        )
    return km


def _slope(price: Floats, km: Floats, groups: list[NDArray[np.int64]]) -> float:
    """What a kilometre takes off the logarithm, within the groups of all cars."""
    log, driven = np.log(price), km.copy()
    for places in groups:
        log[places] -= np.median(log[places])
        driven[places] -= np.median(driven[places])
    sound = np.abs(log) < 1
    squares = float((driven[sound] ** 2).sum())
    return float((driven[sound] * log[sound]).sum()) / squares if squares else 0.0
