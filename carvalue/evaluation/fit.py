"""
Weights and a temperature that fit an operator's own cases.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.errors import CarvalueError
from carvalue.core.identification import DEFAULT_RULE, MergeRule
from carvalue.evaluation.cases import Case
from carvalue.evaluation.metrics import LOG_FLOOR
from carvalue.evaluation.report import FEWEST_TO_FIT, outcome

PULL = 0.5
"""How hard the parameters are pulled to the default: log-loss per case, times 100 over their
number, for a weight that is off by one."""
STEPS = (0.2, 0.1, 0.05, 0.02)
FITTED = ("front_weight", "back_weight", "temperature")
LOWEST = 0.2


class TooFewCases(CarvalueError):
    """There are too few cases whose car is known to fit anything."""

    code = "too-few-cases"


def fit(
    cases: Sequence[Case],
    catalog: Catalog,
    rule: MergeRule,
    step_done: Callable[[], None] = lambda: None,
) -> MergeRule:
    """
    The rule whose weights and temperature fit the cases best, by log-loss.

    Coordinate by coordinate, in smaller and smaller steps, pulled to the default. Raises
    `TooFewCases` below `FEWEST_TO_FIT`.
    """
    known = [case for case in cases if case.accept is not None]
    if len(known) < FEWEST_TO_FIT:
        raise TooFewCases(
            f"{len(known)} cases whose car is known are too few to fit: from {FEWEST_TO_FIT} on "
            "fitted weights beat the default ones."
        )

    def loss(tried: MergeRule) -> float:
        outcomes = [outcome(case, merge_sides(case.answers, catalog, tried)) for case in known]
        logs = math.fsum(-math.log(max(one.truth, LOG_FLOOR)) for one in outcomes) / len(known)
        off: float = sum(
            (getattr(tried, name) - getattr(DEFAULT_RULE, name)) ** 2 for name in FITTED
        )
        return logs + PULL * 100 / len(known) * off

    best, least = rule, loss(rule)
    for step in STEPS:
        for name in FITTED:
            for change in (step, -step):
                while (value := round(getattr(best, name) + change, 3)) >= LOWEST:
                    tried = replace(best, **{name: value})
                    if (found := loss(tried)) >= least:
                        break
                    best, least = tried, found
        step_done()
    return best


def settings_lines(rule: MergeRule) -> str:
    """The fitted parameters as lines of an environment file."""
    return "".join(f"CARVALUE_MERGE__{name.upper()}={getattr(rule, name)}\n" for name in FITTED)
