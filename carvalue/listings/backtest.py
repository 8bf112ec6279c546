"""
How well prices would have been told: each listing by all the others, and the newest by the older.

A listing's own price is never seen when it is told: not by the market that it is compared with,
not by its ranges, not by the rule that leaves absurd listings out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carvalue.listings.columns import ListingsUnreadable
from carvalue.listings.market import stock_expected
from carvalue.listings.pooling import one_thread
from carvalue.listings.pricing import NEIGHBOURS
from carvalue.listings.ranges import LEVELS, NO_MODEL
from carvalue.listings.store import Names, Stock
from carvalue.listings.training import FEWEST, Model, cars_of, leave_one_out, lots, train

FOLDS = 5
"""Parts of the stock; the market that a listing is told by is learnt from the other parts."""
NEWEST = 0.2
"""The share of listings that the back-test by time tells."""
CALIBRATED_ON = 3_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of ranges; nan where there is none."""

    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Told:
    """
    Listings with their prices, and what was told of them without knowing it.

    `estimate` is nan where nothing can be told. `count` is how many others there are of the same
    model and year, -1 where there are none of the model. `ranges` by level, 80 and 90.
    """

    stock: Stock
    estimate: Floats
    ranges: dict[int, Ends]
    count: Ints

    @property
    def price(self) -> Floats:
        return self.stock.price.astype(np.float64)


Advanced = Callable[[float], None]


def told_by_others(
    stock: Stock, names: Names, *, seed: int = 1, advanced: Advanced = lambda share: None
) -> Told:
    """
    Every listing, told by all the others.

    The market and the ranges come from four fifths of the stock, of which the listing is none; the
    listings that it is compared with are all but itself. `advanced` hears how much is done.
    """
    # Drawn otherwise than what training holds back.
    part = (lots(stock, seed + 1_000) * FOLDS).astype(np.int64)
    by_car = cars_of(stock)
    told = _nothing(stock)
    for fold in range(FOLDS):
        test = np.flatnonzero(part == fold)
        model = train(stock.where(part != fold), names, seed=seed, on=CALIBRATED_ON)
        advanced((fold + 0.5) / FOLDS)
        _tell(told, model, stock, names, by_car, test)
        advanced((fold + 1) / FOLDS)
    return told


def told_by_older(stock: Stock, names: Names, *, seed: int = 1) -> Told:
    """
    The newest listings, told by those of the days before all of them.

    Raises `ListingsUnreadable` when there are too few, or all are of one day.
    """
    first = int(np.quantile(stock.day, 1 - NEWEST))
    older = np.flatnonzero(stock.day < first)
    test = np.flatnonzero(stock.day >= first)
    if len(older) < FEWEST or not len(test):
        raise ListingsUnreadable("There are too few days to compare the newest with the older.")
    model = train(stock.where(older), names, seed=seed, on=CALIBRATED_ON)
    by_car = cars_of(stock)
    before = {car: places[stock.day[places] < first] for car, places in by_car.items()}
    told = _nothing(stock)
    _tell(told, model, stock, names, before, test)
    ranges = {level: Ends(ends.low[test], ends.high[test]) for level, ends in told.ranges.items()}
    return Told(stock.where(test), told.estimate[test], ranges, told.count[test])


def _nothing(stock: Stock) -> Told:
    nothing = np.full(len(stock), np.nan)
    ranges = {level: Ends(nothing.copy(), nothing.copy()) for level in LEVELS}
    return Told(stock, nothing.copy(), ranges, np.full(len(stock), NO_MODEL))


def _tell(
    told: Told, model: Model, stock: Stock, names: Names, by_car: dict[int, Ints], test: Ints
) -> None:
    expected = stock_expected(model.market, stock, names)
    residual = np.log(stock.price) - expected
    with one_thread():
        found = leave_one_out(model, stock, names, residual, by_car, test)
    cars = stock.car[test].tolist()
    others = np.array(
        [int((by_car[car] != place).sum()) for place, car in zip(test.tolist(), cars, strict=True)]
    )
    told.count[test] = np.where(others > 0, found.count, NO_MODEL)
    known = (others > 0) | _has_make(stock, names, by_car, test)
    middle = expected[test] + found.difference
    told.estimate[test] = np.where(known, np.exp(middle), np.nan)
    for level, ends in told.ranges.items():
        reaches = [
            model.ranges.range(level, count, 0.0, 1.0) for count in told.count[test].tolist()
        ]
        low, high = np.array(reaches).T
        ends.low[test] = np.where(known, np.exp(middle + low * found.deviation), np.nan)
        ends.high[test] = np.where(known, np.exp(middle + high * found.deviation), np.nan)


def _has_make(stock: Stock, names: Names, by_car: dict[int, Ints], test: Ints) -> NDArray[np.bool_]:
    """Whether there are other listings of the make, about as old."""
    there: dict[tuple[str, int], list[int]] = {}
    for car, places in by_car.items():
        for place in places.tolist():
            key = names.cars[car].make_id, int(stock.year[place])
            there.setdefault(key, []).append(place)
    found = np.zeros(len(test), dtype=bool)
    for at, place in enumerate(test.tolist()):
        make, year = names.cars[int(stock.car[place])].make_id, int(stock.year[place])
        near = range(year - NEIGHBOURS, year + NEIGHBOURS + 1)
        found[at] = any(one != place for other in near for one in there.get((make, other), ())[:2])
    return found
