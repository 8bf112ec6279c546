"""
From what was seen on each photo to the cars it may be.

The rule is the tempered product, a logarithmic opinion pool (Heskes 1997; Ranjan & Gneiting
2010): each photo's answer is softened by an exponent, the softened answers are multiplied and
normalised, and a bucket is kept for "none of these".
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from carvalue.core.cars import MakeModel
from carvalue.core.catalog import Catalog, key_of
from carvalue.core.labels import Label, parse_label
from carvalue.core.photos import Side


@dataclass(frozen=True, slots=True)
class MergeRule:
    """
    The parameters of the tempered product and of the decision; confidences from 0 to 1.

    `vocabulary` is about how many cars a categorizer tells apart, `floor` the least value of a
    car that a photo did not name.
    """

    name: str = "tempered-product/1"
    exponent: float = 0.6
    vocabulary: int = 50
    floor: float = 2e-5
    accept_from: float = 0.95
    retake_below: float = 0.25
    conflict_from: float = 0.9
    suggest_from: float = 0.6
    suggest_at_least: int = 3


DEFAULT_RULE = MergeRule()


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A car that the photos may show.

    `confidence` is the merged one and `by_side` each photo's own, 0 to 1; a side that did not
    name the car is left out. `make_model` is None outside the catalogue. `years` are those that
    labels of this car named: hints to preselect, never a confirmation.
    """

    id: str
    label: str
    make_model: MakeModel | None
    confidence: float
    by_side: Mapping[Side, float]
    years: tuple[int, ...]
    suggested: bool


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

    `other` is the confidence that it is none of them; all together are 1.
    """

    candidates: tuple[Candidate, ...]
    other: float
    decision: Decision
    reason: Reason
    rule: str


@dataclass(slots=True)
class _Seen:
    """What one photo says of one car."""

    confidence: float
    make_model: MakeModel | None
    words: str
    years: set[int]


_View = dict[str, _Seen]


def merge_sides(
    labels: Mapping[Side, Iterable[Label]], catalog: Catalog, rule: MergeRule = DEFAULT_RULE
) -> Identification:
    """
    Merge what was seen on each photo into candidates.

    For photo v with n labels, smallest value m and left-over mass r, a car that it did not name
    counts f = max(min(m, r / max(1, K - n)), floor). The score of a car is the product over the
    photos of its value to the power of w; "other" holds the K - |U| cars that nobody named. The
    order of photos and of labels changes nothing; photos without an answer do not count.
    """
    views = {side: view for side in Side if (view := _view(labels.get(side, ()), catalog))}
    if not views:
        return Identification((), 1.0, Decision.retake, Reason.no_answer, rule.name)

    cars = sorted({car for view in views.values() for car in view})
    unseen = {side: _unseen(view, rule) for side, view in views.items()}
    scores = {
        car: rule.exponent
        * sum(
            math.log(max(view[car].confidence, rule.floor) if car in view else unseen[side])
            for side, view in views.items()
        )
        for car in cars
    }
    # Scores are logarithms; the largest is taken off before they are raised again.
    top = max(scores.values())
    masses = {car: math.exp(score - top) for car, score in scores.items()}
    others = max(0, rule.vocabulary - len(cars))
    other = others * math.exp(rule.exponent * sum(map(math.log, unseen.values())) - top)
    total = sum(masses.values()) + other

    ranked = sorted(cars, key=lambda car: (-masses[car], car))
    candidates = tuple(
        _candidate(rank, masses[car] / total, views, car, rule)
        for rank, car in enumerate(ranked, start=1)
    )
    decision, reason = _decide(candidates, views, rule)
    return Identification(candidates, other / total, decision, reason, rule.name)


def _view(labels: Iterable[Label], catalog: Catalog) -> _View:
    """
    One photo's answer by car: parsed, cleaned, summing to 1 at most.

    The same label twice counts once, with its larger value; different labels of one car, such as
    its years, add up. A confidence that is none (negative, not finite, over 1.01) is dropped, not
    clipped: 250 % says that something is wrong, not that it is certain.
    """
    largest: dict[str, float] = {}
    for label in labels:
        if math.isfinite(label.confidence) and 0 < label.confidence <= 1.01:
            text = label.text.strip().casefold()
            largest[text] = max(largest.get(text, 0.0), min(label.confidence, 1.0))

    view: _View = {}
    for text in sorted(largest):
        parsed = parse_label(text, catalog)
        car = parsed.make_model.model_id if parsed.make_model else key_of(parsed.words)
        if not car:
            continue
        seen = view.setdefault(car, _Seen(0.0, parsed.make_model, parsed.words, set()))
        seen.confidence += largest[text]
        seen.years.update(parsed.years)
    total = sum(seen.confidence for seen in view.values())
    if total > 1:
        for seen in view.values():
            seen.confidence /= total
    return view


def _unseen(view: _View, rule: MergeRule) -> float:
    """What a car counts that this photo did not name: its share of the left-over mass."""
    smallest = min(seen.confidence for seen in view.values())
    left = max(0.0, 1 - sum(seen.confidence for seen in view.values()))
    return max(min(smallest, left / max(1, rule.vocabulary - len(view))), rule.floor)


def _candidate(
    rank: int, confidence: float, views: Mapping[Side, _View], car: str, rule: MergeRule
) -> Candidate:
    seen = [view[car] for view in views.values() if car in view]
    make_model = seen[0].make_model
    return Candidate(
        id=f"cand_{rank}",
        label=min(seen, key=lambda one: one.words).words,
        make_model=make_model,
        confidence=confidence,
        by_side={side: view[car].confidence for side, view in views.items() if car in view},
        years=tuple(sorted({year for one in seen for year in one.years})),
        # A car outside the catalogue cannot be confirmed, so it is shown but not suggested.
        suggested=make_model is not None
        and (rank <= rule.suggest_at_least or confidence >= rule.suggest_from),
    )


def _decide(
    candidates: tuple[Candidate, ...], views: Mapping[Side, _View], rule: MergeRule
) -> tuple[Decision, Reason]:
    """
    Accept only what two photos agree on and the merge is sure of.

    One photo alone never suffices: answers of 99 % and more were right 91 to 99 % of the time.
    """
    best = candidates[0]
    firsts = {
        side: max(sorted(view), key=lambda car: view[car].confidence)
        for side, view in views.items()
    }
    agree = len(set(firsts.values())) == 1
    sure = all(views[side][car].confidence >= rule.conflict_from for side, car in firsts.items())
    if best.confidence < rule.retake_below:
        return Decision.retake, Reason.low_confidence
    if len(views) < 2:
        return Decision.ask, Reason.one_photo
    if not agree and sure:
        return Decision.ask, Reason.conflict
    if agree and best.confidence >= rule.accept_from:
        return Decision.accept, Reason.agree
    return Decision.ask, Reason.agree if agree else Reason.low_confidence
