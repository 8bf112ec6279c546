"""
What is made of the photos: candidates, how sure we are of each, and what to do about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256

from carvalue.core.answers import Flag
from carvalue.core.cars import MakeModel
from carvalue.core.photos import Side

RULE_NAME = "tempered-product/1"


@dataclass(frozen=True, slots=True)
class MergeRule:
    """
    The parameters of the tempered product and of the decision; confidences from 0 to 1.

    The weights are the exponents of a front and a back photo's answer. `vocabulary` is about how
    many cars a categorizer tells apart, `floor` the least value of a car that a photo did not
    name. A `temperature` over 1 makes the merged confidences more modest (Guo et al. 2017).
    `together` is what several categorizers of one photo weigh together, as a multiple of one:
    they err together.
    """

    front_weight: float = 0.6
    back_weight: float = 0.6
    vocabulary: int = 50
    floor: float = 2e-5
    temperature: float = 1.0
    together: float = 4 / 3
    accept_from: float = 0.95
    retake_below: float = 0.25
    conflict_from: float = 0.9
    suggest_from: float = 0.6
    suggest_at_least: int = 3

    @property
    def name(self) -> str:
        """The rule with its version, and a digest of the parameters where they are not ours."""
        values = [getattr(self, one.name) for one in fields(self)]
        if values == [one.default for one in fields(self)]:
            return RULE_NAME
        return f"{RULE_NAME}:{sha256(repr(values).encode()).hexdigest()[:8]}"


DEFAULT_RULE = MergeRule()


@dataclass(frozen=True, slots=True)
class LabelYear:
    """A model year that labels of a car state; `confidence` is theirs, mean over the photos."""

    year: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A car that the photos may show.

    `confidence` is the merged one and `by_side` each photo's own, 0 to 1; a photo that did not
    name the car is left out. `make` and `model` are what people call them, or the label's own
    words; `make_model` is None outside the catalogue. `years` are the model years to offer,
    `label_years` those that labels of this car state, the likeliest first, and `year` the one to
    preselect: a hint, never a confirmation. `corrected`: the label was misspelt.
    """

    id: str
    label: str
    make_model: MakeModel | None
    confidence: float
    by_side: Mapping[Side, float]
    suggested: bool
    make: str | None = None
    model: str | None = None
    years: tuple[int, ...] = ()
    label_years: tuple[LabelYear, ...] = ()
    year: int | None = None
    corrected: bool = False


class Decision(StrEnum):
    """What to do with the candidates: take the first, ask the user, or take new photos."""

    accept = "accept"
    ask = "ask"
    retake = "retake"


class Reason(StrEnum):
    """Why it was decided so."""

    agree = "agree"
    one_photo = "one_photo"
    low_confidence = "low_confidence"
    conflict = "conflict"
    no_answer = "no_answer"


@dataclass(frozen=True, slots=True)
class Identification:
    """
    The candidates, the likeliest first, and what to make of them.

    `other` is the confidence that it is none of them; all together are 1. `agree`: at least two
    photos, and the same car first on each. `conflict`: the photos are sure of different cars.
    `short_list` has the ids of those to show first, catalogued or not.
    """

    candidates: tuple[Candidate, ...]
    other: float
    decision: Decision
    reason: Reason
    rule: str
    agree: bool = False
    conflict: bool = False
    flags: tuple[Flag, ...] = ()
    short_list: tuple[str, ...] = ()
