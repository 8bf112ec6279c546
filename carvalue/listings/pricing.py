"""
From what was learnt and the listings nearest to a car to its price.

`min`, `max` and `mean` are those of its comparables, each brought to this car's year and mileage as
a dealer does it, typing errors included. `median` and the ranges are what the listings together
say of this car, without those that nobody believes.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from carvalue.core.valuation import Adjustments, Basis, Price, PriceFlag
from carvalue.listings.market import stock_expected
from carvalue.listings.naming import Naming
from carvalue.listings.pooling import ABSURD, AT_MOST, LEAST_ABSURD, near_of, one_thread, pooled
from carvalue.listings.ranges import NO_MODEL
from carvalue.listings.rows import UNKNOWN
from carvalue.listings.store import Names, Stock
from carvalue.listings.training import Model

ENOUGH = 3
"""Comparables from which on no wider basis is looked for."""
NEIGHBOURS = 2
"""Years before and after that are neighbouring ones."""
TYPICAL, WIDE = 80, 90
LIKE_IT = 300
"""Listings of the model that are looked at, the nearest ones."""
_EPOCH = date(1970, 1, 1)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Listings(Protocol):
    """Where comparables come from."""

    @property
    def names(self) -> Names: ...

    def of_car(self, car: int, year: int, trim: int, *, at_most: int) -> Stock: ...

    def of_cars(self, cars: list[int], first: int, last: int, *, at_most: int) -> Stock: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """The car to be priced. `car` and `trim` are numbers of the store, -1 where it has none."""

    naming: Naming
    car: int
    trim: int
    year: int
    km: int


def price_of(wanted: Wanted, listings: Listings, model: Model, *, currency: str) -> Price | None:
    """The price of a car; None when there is not even a listing of its make and age."""
    stock = _stock_of(wanted, listings)
    basis, chosen = _basis(wanted, stock)
    if basis is None or chosen is None:
        return None
    names, market = listings.names, model.market
    residual = np.log(stock.price) - stock_expected(market, stock, names)
    day = market.day
    trim = market.trims.get(names.trims.get(wanted.trim, ""), 0.0)
    effects = market.effects(wanted.naming)

    def expected(km: int) -> float:
        at = (np.array([one]) for one in (wanted.year, km, day))
        return float(market.expected(effects, np.array([trim]), *at)[0])

    of_model = stock.car == wanted.car
    places = np.flatnonzero(of_model)[:AT_MOST]
    near = near_of(stock, residual).where(places)
    car = near_of(_one(wanted, day), np.zeros(1))
    with one_thread():
        found = pooled(model.likeness(wanted.naming.model_id), car, near, model.spread(wanted.year))
    believed = int((found.kept & (near.year == wanted.year)).sum())
    count = believed if len(places) else NO_MODEL
    middle = expected(wanted.km) + found.difference
    usual = expected(round(market.usual(wanted.year))) + found.difference
    estimate = _whole(middle)
    brought = np.exp(middle + residual[chosen] - found.difference)
    typical, wide = (
        [_whole(end) for end in model.ranges.range(level, count, middle, found.deviation)]
        for level in (TYPICAL, WIDE)
    )
    absurd = np.abs(residual[chosen] - found.difference) > _absurd(model, found.deviation)
    return Price(
        currency=currency,
        # The car itself is within what is asked for cars like it.
        min=min(round(float(brought.min())), estimate),
        median=estimate,
        max=max(round(float(brought.max())), estimate),
        mean=round(float(brought.mean())),
        typical_low=min(typical[0], estimate),
        typical_high=max(typical[1], estimate),
        typical_percent=TYPICAL,
        wide_low=min(wide[0], estimate),
        wide_high=max(wide[1], estimate),
        comparables=int(chosen.sum()),
        basis=basis,
        as_of=_EPOCH + timedelta(days=int(stock.day[chosen].max())),
        adjustments=Adjustments(base=_whole(usual), mileage=estimate - _whole(usual)),
        flags=(PriceFlag.outlier_in_range,) if absurd.any() else (),
    )


def _absurd(model: Model, deviation: float) -> float:
    return max(ABSURD * max(deviation, model.kernel.noise), LEAST_ABSURD)


def _one(wanted: Wanted, day: int) -> Stock:
    """The car as a stock of one, its price unknown; its line is the plain one."""
    values = (wanted.car, 0, wanted.trim, wanted.year, wanted.km, 1, day)
    return Stock(*(np.array([value], dtype=np.int64) for value in values))


def _stock_of(wanted: Wanted, listings: Listings) -> Stock:
    """The listings nearest to the car: of its model, or where there are none of its make."""
    if wanted.car != UNKNOWN:
        found = listings.of_car(wanted.car, wanted.year, wanted.trim, at_most=LIKE_IT)
        if len(found):
            return found
    make_id = wanted.naming.make_id
    cars = [car for car, one in listings.names.cars.items() if one.make_id == make_id]
    first, last = wanted.year - NEIGHBOURS, wanted.year + NEIGHBOURS
    return listings.of_cars(cars, first, last, at_most=LIKE_IT)


def _basis(wanted: Wanted, stock: Stock) -> tuple[Basis | None, Mask | None]:
    """The narrowest basis with enough comparables, and which they are."""
    if not len(stock):
        return None, None
    every = np.ones(len(stock), dtype=bool)
    if not (stock.car == wanted.car).any():
        return Basis.make_and_age, every
    apart = np.abs(stock.year - wanted.year)
    trimmed = (stock.trim == wanted.trim) & (wanted.trim != UNKNOWN) & (apart == 0)
    for basis, chosen in (
        (Basis.same_trim, trimmed),
        (Basis.same_year, apart == 0),
        (Basis.neighbouring_years, apart <= NEIGHBOURS),
    ):
        if chosen.sum() >= ENOUGH:
            return basis, chosen
    return Basis.model, every


def _whole(logarithm: float) -> int:
    return max(round(float(np.exp(min(logarithm, 30.0)))), 1)
