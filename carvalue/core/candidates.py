"""
From what was seen on each photo to the cars it may be, and what to do about it.

The rule is the tempered product, a logarithmic opinion pool (Heskes 1997; Ranjan & Gneiting
2010): each photo's answer is softened by an exponent, the softened answers are multiplied and
normalised, and a bucket is kept for "none of these".
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from carvalue.core.answers import A_HAIR, Answer, Flag
from carvalue.core.catalog import Catalog, has_key
from carvalue.core.identification import (
    DEFAULT_RULE,
    Candidate,
    Decision,
    Identification,
    LabelYear,
    MergeRule,
    Reason,
)
from carvalue.core.labels import ParsedLabel, parse_label
from carvalue.core.linking import Named, link
from carvalue.core.photos import Side

_SUM_FLAGGED_OVER = 1.02
"""An answer that sums to less than this was only rounded."""


def merge_sides(
    answers: Mapping[Side, Sequence[Answer]], catalog: Catalog, rule: MergeRule = DEFAULT_RULE
) -> Identification:
    """
    Merge what was seen on each photo, by one or several categorizers, into candidates.

    For an answer with n cars, smallest value m and left-over mass r, a car that it did not name
    counts f = max(min(m, r / max(1, K - n)), floor). The score of a car is the product over the
    answers of its value to the power of its photo's weight; "other" holds the K - |U| cars that
    nobody named. The order of photos and of labels changes nothing; answers that name no car do
    not count.
    """
    views, links, flags = _views(answers, catalog)
    if not views:
        return Identification((), 1.0, Decision.retake, Reason.no_answer, rule.name, flags=flags)
    cars = sorted({car for view in views for car in view.seen})
    confidences, other = _confidences(cars, views, rule)
    ranked = sorted(cars, key=lambda car: (-confidences[car], car))

    by_side = _by_side(views)
    firsts = {side: min(seen, key=lambda car: (-seen[car], car)) for side, seen in by_side.items()}
    agree = len(firsts) > 1 and len(set(firsts.values())) == 1
    sure = all(by_side[side][car] >= rule.conflict_from for side, car in firsts.items())
    conflict = sure and len(set(firsts.values())) > 1
    guessed = Flag.scale_guessed in flags
    decision, reason = _decide(confidences[ranked[0]], len(firsts), agree, conflict, guessed, rule)

    listed = _short_list(ranked, confidences, firsts.values() if conflict else (), rule)
    said = _said(views, links)
    ids = {car: f"cand_{rank}" for rank, car in enumerate(ranked, start=1)}
    return Identification(
        tuple(
            _candidate(id, car, confidences[car], said[car], by_side, catalog, car in listed)
            for car, id in ids.items()
        ),
        other,
        decision,
        reason,
        rule.name,
        agree=agree,
        conflict=conflict,
        flags=flags,
        short_list=tuple(id for car, id in ids.items() if car in listed),
    )


# What each answer says


@dataclass(frozen=True, slots=True)
class _View:
    """One categorizer's answer for one photo, by car and by label; each sums to 1 at most."""

    side: Side
    seen: Mapping[str, float]
    labels: Mapping[str, float]


def _views(
    answers: Mapping[Side, Sequence[Answer]], catalog: Catalog
) -> tuple[list[_View], dict[str, Named], tuple[Flag, ...]]:
    """The answers that name a car, what their labels mean, and what was wrong with them."""
    flags = {flag for some in answers.values() for answer in some for flag in answer.flags}
    cleaned: list[tuple[Side, str, dict[str, float]]] = []
    for side in sorted(answers):
        for answer in answers[side]:
            confidences, found = _cleaned(answer)
            flags |= found
            if answer.independent:
                confidences = _of_cars(confidences, catalog)
            elif math.fsum(confidences.values()) > _SUM_FLAGGED_OVER:
                flags.add(Flag.sum_over_100)
            cleaned.append((side, answer.categorizer_id, _shares(confidences)))
    named = link([(id, confidences) for _, id, confidences in cleaned], catalog)

    views = []
    for side, _, confidences in cleaned:
        seen: dict[str, float] = defaultdict(float)
        labels = {label: confidences[label] for label in sorted(confidences.keys() & named.keys())}
        for label, confidence in labels.items():
            seen[named[label].car] += confidence
        if seen:
            views.append(_View(side, seen, labels))
    return views, named, tuple(sorted(flags))


def _cleaned(answer: Answer) -> tuple[dict[str, float], set[Flag]]:
    """
    The confidence of every label, and what was wrong.

    The same label twice counts once, with its larger value. A confidence that is none (negative,
    not finite, over 1.01) is dropped, not clipped, and so is one in nothing.
    """
    flags = set()
    written: dict[str, str] = {}
    largest: dict[str, float] = {}
    for label in answer.labels:
        if not 0 <= label.confidence <= A_HAIR:  # NaN fits no range either
            flags.add(Flag.bad_confidence)
            continue
        if label.confidence == 0:
            continue
        if not has_key(label.text):
            flags.add(Flag.bad_entry)
            continue
        folded = label.text.strip().casefold()
        confidence = min(label.confidence, 1.0)
        if folded in largest:
            flags.add(Flag.duplicate_label)
            written[folded] = min(written[folded], label.text)
            largest[folded] = max(largest[folded], confidence)
        else:
            written[folded] = label.text
            largest[folded] = confidence
    return {written[folded]: value for folded, value in largest.items()}, flags


def _of_cars(confidences: Mapping[str, float], catalog: Catalog) -> dict[str, float]:
    """A tagger's labels without those that name no catalogued car: "vehicle", "sky"."""
    return {
        label: confidence
        for label, confidence in confidences.items()
        if parse_label(label, catalog).make_model is not None
    }


def _shares(confidences: dict[str, float]) -> dict[str, float]:
    """Confidences that are 1 at most all together."""
    total = math.fsum(confidences.values())
    if total <= 1:
        return confidences
    return {label: confidence / total for label, confidence in confidences.items()}


# Merging them


def _confidences(
    cars: Sequence[str], views: Sequence[_View], rule: MergeRule
) -> tuple[dict[str, float], float]:
    """The merged confidence of each car, and of none of them."""
    logs = []
    for view, weight in zip(views, _weights(views, rule), strict=True):
        seen = {
            car: weight * math.log(max(confidence, rule.floor))
            for car, confidence in view.seen.items()
        }
        logs.append((seen, weight * math.log(_unseen(view, rule))))
    # Summed exactly, so that the order of answers is nothing.
    scores = {car: math.fsum([seen.get(car, unseen) for seen, unseen in logs]) for car in cars}
    # Scores are logarithms; the largest is taken off before they are raised again.
    top = max(scores.values())
    masses = [math.exp(scores[car] - top) for car in cars]
    others = max(0, rule.vocabulary - len(cars))
    nobody = math.fsum([unseen for _, unseen in logs])
    masses.append(others * math.exp(nobody - top))
    total = math.fsum(masses)
    shares = [mass / total for mass in masses]
    if rule.temperature != 1:
        cooled = [share ** (1 / rule.temperature) for share in shares]
        total = math.fsum(cooled)
        shares = [one / total for one in cooled]
    return dict(zip(cars, shares, strict=False)), shares[-1]


def _weights(views: Sequence[_View], rule: MergeRule) -> list[float]:
    """The exponent of each answer; several categorizers share what their photo weighs."""
    of_photo = {Side.front: rule.front_weight, Side.back: rule.back_weight}
    answers = Counter(view.side for view in views)
    return [
        of_photo[view.side] * (rule.together / answers[view.side] if answers[view.side] > 1 else 1)
        for view in views
    ]


def _unseen(view: _View, rule: MergeRule) -> float:
    """What a car counts that this answer did not name: its share of the left-over mass."""
    confidences = view.seen.values()
    left = max(0.0, 1 - math.fsum(confidences))
    share = left / max(1, rule.vocabulary - len(confidences))
    return max(min(min(confidences), share), rule.floor)


def _by_side(views: Sequence[_View]) -> dict[Side, Mapping[str, float]]:
    """Each photo's own confidences, the mean over its categorizers."""
    seen: dict[Side, list[Mapping[str, float]]] = defaultdict(list)
    for view in views:
        seen[view.side].append(view.seen)
    return {side: _mean(answers) for side, answers in seen.items()}


def _mean(answers: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The mean of several answers; what one does not name counts 0 there."""
    if len(answers) == 1:
        return answers[0]
    found: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        for name, confidence in answer.items():
            found[name].append(confidence)
    return {name: math.fsum(values) / len(answers) for name, values in found.items()}


# What to do about it


def _decide(
    best: float, photos: int, agree: bool, conflict: bool, guessed: bool, rule: MergeRule
) -> tuple[Decision, Reason]:
    """
    Accept only what two photos agree on and the merge is sure of.

    One photo alone never suffices: answers of 99 % and more were right 91 to 99 % of the time.
    """
    if best < rule.retake_below:
        return Decision.retake, Reason.low_confidence
    if photos < 2:
        return Decision.ask, Reason.one_photo
    if conflict:
        return Decision.ask, Reason.conflict
    if agree and best >= rule.accept_from and not guessed:
        return Decision.accept, Reason.agree
    return Decision.ask, Reason.agree if agree else Reason.low_confidence


def _short_list(
    ranked: Sequence[str],
    confidences: Mapping[str, float],
    firsts: Collection[str],
    rule: MergeRule,
) -> set[str]:
    """What the user is shown first: the top few, all that are sure, and both of a conflict."""
    return {
        car
        for rank, car in enumerate(ranked)
        if rank < rule.suggest_at_least or confidences[car] >= rule.suggest_from or car in firsts
    }


# What is said of a car


def _said(
    views: Sequence[_View], links: Mapping[str, Named]
) -> dict[str, list[tuple[ParsedLabel, float]]]:
    """What the labels of each car mean, by label, with the mean of their confidences."""
    confidences = _mean([view.labels for view in views])
    said: dict[str, list[tuple[ParsedLabel, float]]] = defaultdict(list)
    for label in sorted(confidences):
        car, parsed = links[label]
        said[car].append((parsed, confidences[label]))
    return said


def _candidate(
    id: str,
    car: str,
    confidence: float,
    said: Sequence[tuple[ParsedLabel, float]],
    by_side: Mapping[Side, Mapping[str, float]],
    catalog: Catalog,
    listed: bool,
) -> Candidate:
    """The candidate that its labels make of a car."""
    best, _ = min(said, key=_telling) if len(said) > 1 else said[0]
    years = catalog.years(best.make_model.model_id) if best.make_model else ()
    label_years = _label_years(said)
    return Candidate(
        id=id,
        label=best.words,
        make_model=best.make_model,
        confidence=confidence,
        by_side={side: of_car[car] for side, of_car in by_side.items() if car in of_car},
        suggested=listed and best.make_model is not None,
        make=best.make,
        model=best.model,
        years=years,
        label_years=label_years,
        year=_preselected(label_years, years),
        corrected=best.corrected and all(parsed.corrected for parsed, _ in said),
    )


def _telling(said: tuple[ParsedLabel, float]) -> tuple[bool, bool, float]:
    """The most telling label comes first: with its make, well spelt, and likely."""
    parsed, confidence = said
    return (not parsed.make_given, parsed.corrected, -confidence)


def _label_years(said: Sequence[tuple[ParsedLabel, float]]) -> tuple[LabelYear, ...]:
    """The model years that the labels of a car state, the likeliest first."""
    stated: dict[int, list[float]] = defaultdict(list)
    for parsed, confidence in said:
        for year in parsed.years:
            stated[year].append(confidence)
    if not stated:
        return ()
    found = [LabelYear(year, math.fsum(values)) for year, values in stated.items()]
    return tuple(sorted(found, key=lambda one: (-one.confidence, one.year)))


def _preselected(label_years: Sequence[LabelYear], offered: Sequence[int]) -> int | None:
    """The likeliest year of the labels, if it is offered; none if two are as likely."""
    known = [one for one in label_years if one.year in offered]
    if not known or (len(known) > 1 and known[1].confidence == known[0].confidence):
        return None
    return known[0].year
