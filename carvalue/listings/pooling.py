"""
How far the listings nearest to a car tell more of it than the market does.

What listings differ from the market is alike for listings that are alike: of one model, of years
near each other, of one trim. A car's own difference is their mean, weighted by likeness (kriging,
a Gaussian process; Rasmussen and Williams 2006, ch. 2). So nothing is switched: with ten listings
of the trim and year these decide, with none the neighbouring years do, and with nothing the
difference is 0, which is what the make and the age say.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from carvalue.listings.store import Stock

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AT_MOST = 120
"""Listings that a car is compared with, the nearest ones."""
FREEDOM = 4.0
ABSURD = 6.0
LEAST_ABSURD = float(np.log(2))
"""Listings are left out that are more than six deviations, and more than a factor of two, from the
middle of their neighbours, to which two that agree with the market are added."""
BELIEVED = 10.0
"""As many listings the market's deviation counts beside those of the neighbours."""


def one_thread() -> AbstractContextManager[object]:
    """Small matrices are solved on one core: sharing them between cores takes longer."""
    limited: AbstractContextManager[object] = _threads().limit(limits=1, user_api="blas")
    return limited


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


@dataclass(frozen=True, slots=True)
class Kernel:
    """
    How much listings have in common: deviations, in logarithms of the price.

    `model` for being one model, `years` times exp(-years apart / `reach`), `year` for the same
    year, `line`, `trim` and `trim_year` for the same line, trim, and trim of the year. `noise` is
    what sellers differ by; it doubles in variance with every `half_life` days between two.
    """

    model: float = 0.03
    years: float = 0.07
    year: float = 0.025
    line: float = 0.05
    trim: float = 0.05
    trim_year: float = 0.02
    reach: float = 3.0
    noise: float = 0.09
    half_life: float = 700.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """
    The kernel for one model. `level` and `pace` are the deviations of what the market does not
    know of it, the pace per ten years before `newest`.
    """

    kernel: Kernel
    level: float
    pace: float
    newest: int

    def age(self, year: Ints) -> Floats:
        return np.asarray((self.newest - year) / 10.0)

    @property
    def usual(self) -> float:
        """The variance of a listing about its model's market."""
        one = self.kernel
        return one.noise**2 + one.model**2 + one.years**2 + one.year**2 + self.level**2

    def own(self, year: Ints) -> Floats:
        """The variance of cars of these years, of which nothing is known."""
        one = self.kernel
        parts = (one.model, one.years, one.year, one.line, one.trim, one.trim_year, self.level)
        return np.asarray(sum(part * part for part in parts) + (self.pace * self.age(year)) ** 2)


@dataclass(frozen=True, slots=True)
class Near:
    """Listings of one model: what they differ by from the market, and what makes them alike."""

    residual: Floats
    year: Ints
    line: Ints
    trim: Ints
    day: Ints

    def where(self, chosen: NDArray[np.bool_] | Ints) -> "Near":
        return Near(*(getattr(self, name)[chosen] for name in self.__slots__))


def near_of(stock: Stock, residual: Floats) -> Near:
    return Near(residual, stock.year, stock.line, stock.trim, stock.day)


@dataclass(frozen=True, slots=True)
class Pooled:
    """
    What a car differs by from the market, and its variance; `spread` is how sellers of such cars
    differ from each other. `kept` says of each listing whether it was believed.
    """

    difference: float
    variance: float
    spread: float
    kept: NDArray[np.bool_]

    @property
    def deviation(self) -> float:
        """By how much an asking price is likely to miss."""
        return float(np.sqrt(self.variance + self.spread**2))


def covariance(likeness: Likeness, one: Near, other: Near) -> Floats:
    """What each of one has in common with each of the other."""
    kernel = likeness.kernel
    apart = np.abs(one.year[:, None] - other.year[None, :])
    same_year = apart == 0
    same_trim = (one.trim[:, None] == other.trim[None, :]) & (one.trim >= 0)[:, None]
    same_line = one.line[:, None] == other.line[None, :]
    total = kernel.model**2 + likeness.level**2 + kernel.years**2 * np.exp(-apart / kernel.reach)
    total += likeness.pace**2 * np.outer(likeness.age(one.year), likeness.age(other.year))
    total += kernel.year**2 * same_year + kernel.line**2 * same_line
    total += same_trim * (kernel.trim**2 + kernel.trim_year**2 * same_year)
    return np.asarray(total)


def believed(likeness: Likeness, residual: Floats) -> tuple[NDArray[np.bool_], float]:
    """Which of some listings are believed, and the middle of those that are."""
    middle = float(np.median(np.append(residual, (0.0, 0.0))))
    far = np.abs(residual - middle)
    count = len(residual)
    # The lower of two middles: of two listings the absurd one must not vouch for itself.
    own = float(1.4826 * np.sort(far)[(count - 1) // 2]) ** 2 if count else 0.0
    scale = np.sqrt((BELIEVED * likeness.usual + count * own) / (BELIEVED + count))
    kept = far <= max(ABSURD * scale, LEAST_ABSURD)
    return kept, middle


def pooled(likeness: Likeness, car: Near, near: Near, spread: float) -> Pooled:
    """
    What a car, the only one of `car`, differs by; its own residual is not looked at.

    `spread` is the market's: how sellers of such cars differ from each other.
    """
    kept, middle = believed(likeness, near.residual)
    near = near.where(kept)
    own_variance = float(likeness.own(car.year)[0])
    if not len(near.residual):
        return Pooled(0.0, own_variance, spread, kept)
    noise = noise_of(likeness, near, middle, int(car.day[0]))
    inverse = np.linalg.inv(covariance(likeness, near, near) + np.diag(noise))
    common = covariance(likeness, car, near)[0]
    weights = inverse @ common
    solved = inverse @ near.residual
    missed = np.abs(solved / np.diag(inverse))
    count = len(missed)
    own = 1.4826 * float(np.median(missed))
    shared = np.sqrt((BELIEVED * spread**2 + count * own**2) / (BELIEVED + count))
    variance = max(own_variance - float(common @ weights), 0.0)
    return Pooled(float(common @ solved), variance, float(shared), kept)


def noise_of(likeness: Likeness, near: Near, middle: float, day: int) -> Floats:
    """How little each listing is to be believed: more when it is far off, or long ago."""
    kernel = likeness.kernel
    far = (near.residual - middle) ** 2 / likeness.usual
    old = np.exp2(np.minimum(np.abs(near.day - day) / kernel.half_life, 30.0))
    return np.asarray(kernel.noise**2 * (FREEDOM + far) / (FREEDOM + 1) * old)


def nearest(stock: Stock, year: int, trim: int, *, at_most: int = AT_MOST) -> Ints:
    """The places of the listings nearest to a car: by year, then its trim, then the newest."""
    order = np.lexsort((-stock.day, stock.trim != trim, np.abs(stock.year - year)))
    return np.asarray(order[:at_most])
