"""
Ranges that cover what they say.

How far prices missed what was said of them, in the deviations that were said, is kept from
listings that the saying had not seen; its quantiles make the ranges of new cars (conformal
prediction, by group: Vovk 2005, ch. 4; Lei and others 2018). The groups are by how many listings
of the same model and year there are; of models without any there is a group, too. A group with
few of its own borrows from the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = (80, 90)
"""Percent of asking prices that the ranges cover."""
NO_MODEL = -1
"""In the place of a count: there is no listing of the model at all."""
GROUPS = (NO_MODEL, 0, 1, 2, 5, 15)
"""From how many listings of the model and year on each group is."""
BORROWED = 50.0
"""As many listings all other groups together count within one."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def group_of(count: int) -> int:
    """The group of a car with so many listings of its model and year, by where it begins."""
    return max(start for start in GROUPS if start <= count)


@dataclass(frozen=True, slots=True)
class Ranges:
    """How many deviations below and above a range reaches, by level and group."""

    reaches: Mapping[int, Mapping[int, tuple[float, float]]]

    def range(self, level: int, count: int, middle: float, deviation: float) -> tuple[float, float]:
        """The range of a logarithm, with so many listings of the model and year."""
        low, high = self.reaches[level][group_of(count)]
        return middle + low * deviation, middle + high * deviation


def fit_ranges(scores: Floats, counts: Ints) -> Ranges:
    """The ranges from how many deviations prices missed by, and their counts of listings."""
    groups = np.array([group_of(one) for one in counts.tolist()])
    order = np.argsort(scores)
    scores, groups = scores[order], groups[order]
    reaches: dict[int, dict[int, tuple[float, float]]] = {level: {} for level in LEVELS}
    for start in GROUPS:
        own = groups == start
        others = BORROWED / max(int((~own).sum()), 1)
        if start == NO_MODEL and own.any():
            others = 0.0  # nothing is like a model that nothing is known of
        weights = np.where(own, 1.0, min(others, 1.0))
        for level in LEVELS:
            tail = (1 - level / 100) / 2
            reaches[level][start] = (
                -_quantile(-scores[::-1], weights[::-1], 1 - tail),
                _quantile(scores, weights, 1 - tail),
            )
    return Ranges(reaches)


def _quantile(scores: Floats, weights: Floats, share: float) -> float:
    """The weighted quantile, the new car counted as one more that lies beyond all."""
    reached = np.cumsum(weights) / (weights.sum() + 1.0)
    place = int(np.searchsorted(reached, share))
    return float(scores[min(place, len(scores) - 1)])


def coverage(low: Floats, high: Floats, price: Floats) -> float:
    """The share of prices that their ranges cover."""
    return float(((low <= price) & (price <= high)).mean())
