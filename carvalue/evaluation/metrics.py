"""
How good a list of candidates is, over many cases.

A case's outcome is reduced to a few numbers first; every metric is a mean over them, or follows
their order by confidence.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

LOG_FLOOR = 1e-3
"""The least probability of the truth that log-loss counts."""
BINS = 15


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    One case: the confidence of its first candidate, whether it is right, and the truth's rank.

    Confidences from 0 to 1. `rank` is 0 when the truth is not in the list.
    """

    confidence: float
    rank: int
    truth: float
    squares: float
    """The sum of all candidates' squared confidences."""

    @property
    def right(self) -> bool:
        return self.rank == 1


@dataclass(frozen=True, slots=True)
class Metrics:
    """
    All from 0 to 1 but log-loss; for top-1, top-3 and coverage more is better.

    `brier`: squared error over all candidates, 1 more when the truth is not among them. `ece`: 15
    equal bins of the first candidate's confidence (Guo et al. 2017). `aurc`: mean selective error,
    most confident first (Geifman & El-Yaniv 2017). `coverage`: the largest share of cases, most
    confident first, of which at most 1 % are wrong.
    """

    top1: float
    top3: float
    brier: float
    log_loss: float
    ece: float
    aurc: float
    coverage: float


def outcome_of(confidences: Sequence[float], right: Sequence[bool]) -> Outcome:
    """The outcome of a list of candidates, likeliest first; over 1 in all, it is scaled to 1."""
    scale = max(1.0, math.fsum(confidences))
    rank = right.index(True) + 1 if True in right else 0
    return Outcome(
        confidence=min(1.0, confidences[0]) if confidences else 0.0,
        rank=rank,
        truth=confidences[rank - 1] / scale if rank else 0.0,
        squares=math.fsum((one / scale) ** 2 for one in confidences),
    )


def measure(outcomes: Sequence[Outcome]) -> Metrics:
    """The metrics of at least one outcome."""
    count = len(outcomes)
    aurc, coverage = _selective(outcomes)
    return Metrics(
        top1=sum(one.right for one in outcomes) / count,
        top3=sum(1 <= one.rank <= 3 for one in outcomes) / count,
        brier=math.fsum(1 - 2 * one.truth + one.squares for one in outcomes) / count,
        log_loss=math.fsum(-math.log(max(one.truth, LOG_FLOOR)) for one in outcomes) / count,
        ece=sum(abs(one.said - one.right) * one.count for one in reliability(outcomes)) / count,
        aurc=aurc,
        coverage=coverage,
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of about the same confidence: how many, how sure they were, how many were right."""

    count: int
    said: float
    right: float


def reliability(outcomes: Sequence[Outcome]) -> list[Bin]:
    """The bins that hold a case, least confident first."""
    bins: dict[int, list[Outcome]] = {}
    for one in outcomes:
        bins.setdefault(min(BINS - 1, int(one.confidence * BINS)), []).append(one)
    return [
        Bin(
            len(some),
            math.fsum(one.confidence for one in some) / len(some),
            sum(one.right for one in some) / len(some),
        )
        for _, some in sorted(bins.items())
    ]


def _selective(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """AURC and coverage at 1 % error; cases of equal confidence enter together."""
    ordered = sorted(outcomes, key=lambda one: -one.confidence)
    errors, at, area, coverage = 0, 0, 0.0, 0.0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end].confidence == ordered[at].confidence:
            errors += not ordered[end].right
            end += 1
        area += errors / end * (end - at)
        if errors <= 0.01 * end + 1e-12:
            coverage = end / len(ordered)
        at = end
    return area / len(ordered), coverage


def intervals(
    outcomes: Sequence[Outcome], *, resamples: int = 300, seed: int = 1
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of all metrics (Efron 1979), by name; the same seed, the same."""
    draw = random.Random(seed)  # noqa: S311 - a bootstrap, no secret
    samples = [measure(draw.choices(outcomes, k=len(outcomes))) for _ in range(resamples)]
    cut = round(0.025 * resamples)
    found = {}
    for metric in fields(Metrics):
        values = sorted(getattr(sample, metric.name) for sample in samples)
        found[metric.name] = (values[cut], values[-1 - cut])
    return found


Score = Callable[[Sequence[float], int], float]
"""The score of a car by the photos' own confidences in it, and the number of photos."""

OTHER_RULES: dict[str, Score] = {
    "mean": lambda said, photos: math.fsum(said) / photos,
    "max": lambda said, _: max(said),
    "noisy-or": lambda said, _: 1 - math.prod(1 - one for one in said),
}
"""What else one might do with the photos' own confidences; never used to appraise."""
