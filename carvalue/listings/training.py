"""
Learning a market: its curve, how far listings tell of each other, and how far all that misses.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from carvalue.listings.columns import ListingsUnreadable
from carvalue.listings.market import Market, fit_market, stock_expected
from carvalue.listings.pooling import (
    AT_MOST,
    Kernel,
    Likeness,
    Near,
    believed,
    covariance,
    near_of,
    nearest,
    noise_of,
    one_thread,
    pooled,
)
from carvalue.listings.ranges import NO_MODEL, Ranges, fit_ranges
from carvalue.listings.store import Names, Stock

FEWEST = 200
"""Listings below which there is no market to learn."""
MOST = 300_000
"""Listings that the market is learnt from; of more, so many by chance."""
HELD_BACK = 0.2
"""The share of listings that ranges are learnt from, and the market for them is not."""
CALIBRATED_ON = 6_000
FITTED_ON = 60
"""Models that the kernel is fitted on."""
_MODEL_SIZES = (4, 150)
_TRIES = 150
_MOST_MISSED = 0.4
"""A logarithm by which a price is missed; more counts as much."""
AGES = (3, 7, 12, 20)
"""Ages at which sellers begin to differ more from each other."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Done = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Model:
    """All that was learnt. `spreads` are how sellers differ, by the groups of age in `AGES`."""

    market: Market
    kernel: Kernel
    spreads: tuple[float, ...]
    ranges: Ranges

    def likeness(self, model_id: str) -> Likeness:
        """How alike the listings of a model are."""
        level, pace = self.market.unsure(model_id)
        return Likeness(self.kernel, level**0.5, pace**0.5, self.market.year)

    def spread(self, year: int) -> float:
        return self.spreads[int(np.searchsorted(AGES, self.market.year - year, side="right"))]


def train(
    stock: Stock, names: Names, *, seed: int = 1, on: int = CALIBRATED_ON,
    done: Done = lambda step: None,
) -> Model:  # fmt: skip
    """
    Learn the market of these listings, the same way every time.

    What is held back goes by the listings themselves, so that one more changes nothing for the
    others. `done` hears what has been done. Raises `ListingsUnreadable` when there are too few.
    """
    if len(stock) < FEWEST:
        raise ListingsUnreadable(
            f"There are {len(stock)} listings; a market is learnt from {FEWEST} or more."
        )
    with one_thread():
        return _trained(stock, names, lots(stock, seed), on, done)


def _trained(stock: Stock, names: Names, lot: Floats, on: int, done: Done) -> Model:
    # What is learnt of the misses must come from listings that the market was not learnt from.
    held = lot < HELD_BACK
    market = fit_market(stock.where(~held), names)
    residual = np.log(stock.price) - stock_expected(market, stock, names)
    done("market")
    by_car = cars_of(stock)
    kernel = fit_kernel(stock, names, residual, by_car)
    done("likeness")
    plain = Model(market, kernel, (kernel.noise,) * (len(AGES) + 1), Ranges({}))
    chosen = np.argsort(lot)[: min(on, int(held.sum()))]
    told = leave_one_out(plain, stock, names, residual, by_car, chosen)
    spreads = _spreads(market, stock.year[chosen], told.missed)
    model = replace(plain, spreads=spreads)
    told = leave_one_out(model, stock, names, residual, by_car, chosen)
    alone = np.array([places[np.argmin(lot[places])] for places in by_car.values()])
    scores = np.append(told.missed / told.deviation, _alone(model, stock, names, alone))
    counts = np.append(told.believed, np.full(len(alone), NO_MODEL))
    done("ranges")
    return replace(model, market=fit_market(stock, names), ranges=fit_ranges(scores, counts))


def lots(stock: Stock, seed: int) -> Floats:
    """A number from 0 to 1 for each listing, drawn from what it is: another seed draws anew."""
    lot = np.full(len(stock), seed + 1, dtype=np.uint64)
    for name in Stock.__slots__:
        lot ^= getattr(stock, name).astype(np.uint64)
        # The finalizer of SplitMix64 (Steele and others 2014).
        lot += np.uint64(0x9E3779B97F4A7C15)
        lot = (lot ^ (lot >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        lot = (lot ^ (lot >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        lot ^= lot >> np.uint64(31)
    return np.asarray(lot.astype(np.float64) / 2.0**64)


def _alone(model: Model, stock: Stock, names: Names, chosen: Ints) -> Floats:
    """By how many deviations listings are missed of whose models there are no others."""
    some = stock.where(chosen)
    unknown = replace(model.market, models={})
    missed = np.log(some.price) - stock_expected(unknown, some, names)
    spread = np.array([model.spread(year) for year in some.year.tolist()])
    own = model.likeness("").own(some.year)
    return np.asarray(missed / np.sqrt(own + spread**2))


def cars_of(stock: Stock) -> dict[int, Ints]:
    """The places of the listings of each car, by year."""
    order = np.lexsort((stock.year, stock.car))
    cars, starts = np.unique(stock.car[order], return_index=True)
    return dict(zip(cars.tolist(), np.split(order, starts[1:]), strict=True))


# Leaving one out


@dataclass(frozen=True, slots=True)
class Told:
    """
    What was said of listings by the others: `missed` is by how much, as a logarithm.

    `count` is how many others there are of the same model and year, `believed` without those that
    nobody believes.
    """

    difference: Floats
    deviation: Floats
    count: Ints
    believed: Ints
    missed: Floats


def leave_one_out(
    model: Model,
    stock: Stock,
    names: Names,
    residual: Floats,
    by_car: dict[int, Ints],
    chosen: Ints,
) -> Told:
    """
    What the other listings of a stock say of each chosen one; its own price is not looked at.
    """
    told = np.zeros((4, len(chosen)))
    for at, place in enumerate(chosen.tolist()):
        year, trim = int(stock.year[place]), int(stock.trim[place])
        others = _about(stock, by_car[int(stock.car[place])], year)
        others = others[others != place]
        some = stock.where(others)
        nearest_places = nearest(some, year, trim)
        close = others[nearest_places]
        found = pooled(
            model.likeness(names.cars[int(stock.car[place])].model_id),
            near_of(stock.where(np.array([place])), np.zeros(1)),
            near_of(stock.where(close), residual[close]),
            model.spread(year),
        )
        same_year = some.year == year
        told[:, at] = (
            found.difference,
            found.deviation,
            int(same_year.sum()),
            int((same_year[nearest_places] & found.kept).sum()),
        )
    missed = residual[chosen] - told[0]
    return Told(told[0], told[1], told[2].astype(np.int64), told[3].astype(np.int64), missed)


def _about(stock: Stock, places: Ints, year: int) -> Ints:
    """Those of a car's places, by year, that are nearest to a year: whole years, and enough."""
    if len(places) <= 2 * AT_MOST:
        return places
    years = stock.year[places]
    for apart in range(int(years[-1] - years[0]) + 1):
        first = int(np.searchsorted(years, year - apart))
        last = int(np.searchsorted(years, year + apart, side="right"))
        if last - first > AT_MOST:
            return places[first:last]
    return places


def _spreads(market: Market, year: Ints, missed: Floats) -> tuple[float, ...]:
    """The deviation that fits the middle half of what was missed, by age."""
    overall = 1.4826 * float(np.median(np.abs(missed)))
    groups = np.searchsorted(AGES, market.year - year, side="right")
    spreads = []
    for group in range(len(AGES) + 1):
        of_age = np.abs(missed[groups == group])
        own = 1.4826 * float(np.median(of_age)) if len(of_age) else overall
        spreads.append((50 * overall + len(of_age) * own) / (50 + len(of_age)))
    return tuple(spreads)


# The kernel


def fit_kernel(stock: Stock, names: Names, residual: Floats, by_car: dict[int, Ints]) -> Kernel:
    """
    The kernel by which the listings of some models miss each other least.

    Each is left out in turn (Rasmussen and Williams 2006, eq. 5.12).
    """
    low, high = _MODEL_SIZES
    groups: list[Near] = []
    for car in sorted(by_car, key=lambda car: crc32(names.cars[car].model_id.encode())):
        places = by_car[car][:high]
        places = places[believed(_known(Kernel()), residual[places])[0]]
        if len(places) >= low and len(groups) < FITTED_ON:
            groups.append(near_of(stock.where(places), residual[places]))
    if not groups:
        return Kernel()
    start = np.log(astuple(Kernel()))

    def loss(logs: Floats) -> float:
        kernel = Kernel(*np.exp(logs).tolist())
        missed = np.concatenate([_missed(_known(kernel), group)[0] for group in groups])
        drawn_back = 1e-4 * float(np.mean((logs - start) ** 2))
        return float(np.minimum(np.abs(missed), _MOST_MISSED).mean()) + drawn_back

    found = minimize(loss, start, method="Nelder-Mead", options={"maxfev": _TRIES})
    kernel = Kernel(*np.exp(found.x).tolist())
    # What is missed says how the parts stand to each other, not how large they are.
    parts = [_missed(_known(kernel), group) for group in groups]
    missed, deviation = (np.concatenate(some) for some in zip(*parts, strict=True))
    scale = max(1.4826 * float(np.median(np.abs(missed) / deviation)), 0.05)
    sized_kernel = [scale * one for one in astuple(kernel)]
    sized_kernel[6], sized_kernel[8] = kernel.reach, kernel.half_life
    return Kernel(*sized_kernel)


def _known(kernel: Kernel) -> Likeness:
    """The kernel for a model that the market knows all about."""
    return Likeness(kernel, level=0.0, pace=0.0, newest=0)


def _missed(likeness: Likeness, group: Near) -> tuple[Floats, Floats]:
    """By how much each listing of a model is missed by the others, and what was to be expected."""
    middle = float(np.median(group.residual))
    noise = noise_of(likeness, group, middle, int(group.day.max()))
    inverse = np.linalg.inv(covariance(likeness, group, group) + np.diag(noise))
    own = np.diag(inverse)
    return inverse @ group.residual / own, np.asarray(np.sqrt(1 / own))
