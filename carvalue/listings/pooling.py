"""
How far the listings nearest to a car tell more of it than the market does.

What listings differ from the market is alike for listings that are alike: of one model, of years
near each other, of one trim. A car's own difference is their mean, weighted by likeness (kriging,
a Gaussian process; Rasmussen and Williams 2006, ch. 2). So nothing is switched: with ten listings
of the trim and year these decide, with none the neighbouring years do, and with nothing the
difference is 0, which is what the make and the age say.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    @property
    def own(self) -> float:
        """The variance of a car that nothing is known of."""
        parts = (self.model, self.years, self.year, self.line, self.trim, self.trim_year)
        return float(sum(one * one for one in parts))


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


def covariance(kernel: Kernel, one: Near, other: Near) -> Floats:
    """What each of one has in common with each of the other."""
    apart = np.abs(one.year[:, None] - other.year[None, :])
    same_year = apart == 0
    same_trim = (one.trim[:, None] == other.trim[None, :]) & (one.trim >= 0)[:, None]
    same_line = one.line[:, None] == other.line[None, :]
    total = kernel.model**2 + kernel.years**2 * np.exp(-apart / kernel.reach)
    total += kernel.year**2 * same_year + kernel.line**2 * same_line
    total += same_trim * (kernel.trim**2 + kernel.trim_year**2 * same_year)
    return np.asarray(total)


def believed(kernel: Kernel, residual: Floats) -> tuple[NDArray[np.bool_], float]:
    """Which of some listings are believed, and the middle of those that are."""
    middle = float(np.median(np.append(residual, (0.0, 0.0))))
    far = np.abs(residual - middle)
    count = len(residual)
    usual = kernel.noise**2 + kernel.years**2 + kernel.year**2
    own = float(1.4826 * np.median(far)) ** 2 if count else 0.0
    scale = np.sqrt((BELIEVED * usual + count * own) / (BELIEVED + count))
    kept = far <= max(ABSURD * scale, LEAST_ABSURD)
    return kept, middle


def pooled(kernel: Kernel, car: Near, near: Near, spread: float) -> Pooled:
    """
    What a car, the only one of `car`, differs by; its own residual is not looked at.

    `spread` is the market's: how sellers of such cars differ from each other.
    """
    kept, middle = believed(kernel, near.residual)
    near = near.where(kept)
    if not len(near.residual):
        return Pooled(0.0, kernel.own, spread, kept)
    noise = noise_of(kernel, near, middle, int(car.day[0]))
    inverse = np.linalg.inv(covariance(kernel, near, near) + np.diag(noise))
    common = covariance(kernel, car, near)[0]
    weights = inverse @ common
    solved = inverse @ near.residual
    missed = np.abs(solved / np.diag(inverse))
    count = len(missed)
    own = 1.4826 * float(np.median(missed))
    shared = np.sqrt((BELIEVED * spread**2 + count * own**2) / (BELIEVED + count))
    variance = max(kernel.own - float(common @ weights), 0.0)
    return Pooled(float(common @ solved), variance, float(shared), kept)


def noise_of(kernel: Kernel, near: Near, middle: float, day: int) -> Floats:
    """How little each listing is to be believed: more when it is far off, or long ago."""
    usual = kernel.noise**2 + kernel.years**2 + kernel.year**2
    far = (near.residual - middle) ** 2 / usual
    old = np.exp2(np.minimum(np.abs(near.day - day) / kernel.half_life, 30.0))
    return np.asarray(kernel.noise**2 * (FREEDOM + far) / (FREEDOM + 1) * old)


def nearest(stock: Stock, year: int, trim: int, *, at_most: int = AT_MOST) -> Ints:
    """The places of the listings nearest to a car: by year, then its trim, then the newest."""
    order = np.lexsort((-stock.day, stock.trim != trim, np.abs(stock.year - year)))
    return np.asarray(order[:at_most])
