import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from carvalue.core.answers import Answer, Flag
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.identification import (
    DEFAULT_RULE,
    RULE_NAME,
    Candidate,
    Decision,
    Identification,
    LabelYear,
    MergeRule,
    Reason,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Side

Said = Sequence[tuple[str, float]]

SURE = [("toyota corolla", 0.97), ("honda accord", 0.02)]


def merged(
    catalog: Catalog, front: Said = (), back: Said = (), rule: MergeRule = DEFAULT_RULE
) -> Identification:
    said = {Side.front: front, Side.back: back}
    answers = {
        side: [Answer(tuple(Label(*entry) for entry in entries))] for side, entries in said.items()
    }
    return merge_sides(answers, catalog, rule)


def confidences(identification: Identification) -> list[tuple[str, float]]:
    return [(one.label, round(one.confidence, 4)) for one in identification.candidates]


def the_only(identification: Identification) -> Candidate:
    (candidate,) = identification.candidates
    return candidate


# How sure we are


def test_no_answer(catalog: Catalog) -> None:
    """
    Two photos that show nothing known are to be taken again.
    """
    nothing = merged(catalog)

    assert nothing.candidates == ()
    assert nothing.other == 1
    assert (nothing.decision, nothing.reason) == (Decision.retake, Reason.no_answer)


@pytest.mark.parametrize(("said", "meant"), [(0.99, 0.769), (1.0, 0.931)])
def test_one_photo_alone_is_softened(said: float, meant: float, catalog: Catalog) -> None:
    """
    What one photo is sure of may be wrong: 99 % becomes 76.9, and 93.1 is the ceiling.
    """
    alone = merged(catalog, [("toyota corolla", said)])

    assert the_only(alone).confidence == pytest.approx(meant, abs=5e-4)
    assert the_only(alone).by_side == {Side.front: said}


def test_both_photos_sure_of_the_same_car(catalog: Catalog) -> None:
    """
    Two photos that agree are worth more than either of them.
    """
    both = merged(catalog, [("toyota corolla", 1.0)], [("toyota corolla", 1.0)])

    assert the_only(both).confidence == pytest.approx(0.9999, abs=5e-5)


def test_both_photos_sure_of_different_cars(catalog: Catalog) -> None:
    """
    Photos of two cars leave neither likely.
    """
    torn = merged(catalog, [("toyota corolla", 1.0)], [("ford f-150", 1.0)])

    assert confidences(torn) == [("ford f 150", 0.4824), ("toyota corolla", 0.4824)]
    assert (torn.decision, torn.reason) == (Decision.ask, Reason.conflict)
    assert (torn.conflict, torn.agree) == (True, False)


def test_agreeing_halves_are_worth_more_than_each(catalog: Catalog) -> None:
    """
    A car that both photos lean to is likelier than either photo says.
    """
    leaning = merged(
        catalog,
        [("toyota corolla", 0.55), ("toyota camry", 0.4)],
        [("toyota corolla", 0.6), ("honda accord", 0.3)],
    )

    assert leaning.candidates[0].label == "toyota corolla"
    assert leaning.candidates[0].confidence > 0.61


def test_second_on_both_photos_beats_first_on_one(catalog: Catalog) -> None:
    """
    The car that fits both photos is suggested before the ones that fit one each.
    """
    found = merged(
        catalog,
        [("toyota camry", 0.52), ("toyota corolla", 0.46)],
        [("honda accord", 0.52), ("toyota corolla", 0.46)],
    )

    assert found.candidates[0].label == "toyota corolla"


def test_a_car_named_by_one_photo_is_not_ruled_out(catalog: Catalog) -> None:
    """
    A photo that leaves much open does not veto what the other one shows.
    """
    vague = merged(catalog, [("toyota corolla", 0.95)], [("honda accord", 0.1)])
    certain = merged(catalog, [("toyota corolla", 0.95)], [("honda accord", 0.95)])

    of_vague = {one.label: one.confidence for one in vague.candidates}
    of_certain = {one.label: one.confidence for one in certain.candidates}
    assert of_vague["toyota corolla"] > of_certain["toyota corolla"] > 0


# What is made of the labels


def test_the_same_label_twice(catalog: Catalog) -> None:
    """
    A label that is repeated counts once, with its larger value.
    """
    twice = [("toyota corolla", 0.3), ("Toyota Corolla ", 0.6), ("toyota corolla", 0.2)]

    found = merged(catalog, twice)

    assert the_only(found).by_side == {Side.front: 0.6}
    assert found.flags == (Flag.duplicate_label,)


def test_two_labels_of_one_car(catalog: Catalog) -> None:
    """
    The years of a car are one car: its labels are added, the likeliest year is preselected.
    """
    by_year = [("corolla 2012", 0.5), ("toyota corolla 2005", 0.25)]

    candidate = the_only(merged(catalog, by_year))

    assert candidate.by_side == {Side.front: 0.75}
    assert candidate.label_years == (LabelYear(2012, 0.5), LabelYear(2005, 0.25))
    assert candidate.year == 2012
    assert candidate.years == catalog.years("toyota-corolla")


def test_spellings_of_one_car_on_two_photos(catalog: Catalog) -> None:
    """
    "F-150" on one photo and "ford f150" on the other are the same car.
    """
    both = merged(catalog, [("F-150", 0.9)], [("ford f150 2010", 0.8)])

    assert the_only(both).by_side == {Side.front: 0.9, Side.back: 0.8}
    assert the_only(both).label_years == (LabelYear(2010, 0.4),)


def test_makes_that_share_a_model_stay_apart(catalog: Catalog) -> None:
    """
    An Opel Astra is not sold as a Vauxhall.
    """
    both = merged(catalog, [("opel astra", 0.9)], [("vauxhall astra", 0.9)])

    assert len(both.candidates) == 2


def test_more_than_100_percent_is_scaled(catalog: Catalog) -> None:
    """
    A photo's answer never weighs more than a whole one.
    """
    found = merged(catalog, [("toyota corolla", 0.9), ("honda accord", 0.6)])

    assert [one.by_side[Side.front] for one in found.candidates] == pytest.approx([0.6, 0.4])
    assert found.flags == (Flag.sum_over_100,)


@pytest.mark.parametrize(
    "bad", [-0.5, 0.0, math.nan, math.inf, -math.inf, 1.011, 2.5, 101.0], ids=str
)
def test_a_confidence_that_is_none(bad: float, catalog: Catalog) -> None:
    """
    Nonsense is left out, not bent: 250 % is no certainty.
    """
    with_nonsense = merged(catalog, [("honda accord", bad), *SURE[:1]], SURE)

    assert replace(with_nonsense, flags=()) == merged(catalog, SURE[:1], SURE)
    assert with_nonsense.flags == ((Flag.bad_confidence,) if bad else ())


def test_nothing_but_nonsense(catalog: Catalog) -> None:
    """
    A photo with nothing but bad confidences has given no answer.
    """
    found = merged(catalog, [("honda accord", math.nan)], [("honda accord", 2.5)])

    assert replace(found, flags=()) == merged(catalog)
    assert found.flags == (Flag.bad_confidence,)


def test_a_rounding_error_over_100_percent(catalog: Catalog) -> None:
    """
    100.4 % is what rounding makes of 100.
    """
    assert the_only(merged(catalog, [("toyota corolla", 1.004)])).by_side == {Side.front: 1.0}


@pytest.mark.parametrize("text", ["", "   ", "?!", "\x00"])
def test_a_label_without_a_name(text: str, catalog: Catalog) -> None:
    """
    A confidence in nothing is left out.
    """
    with_nothing = merged(catalog, [(text, 0.9), *SURE])

    assert replace(with_nothing, flags=()) == merged(catalog, SURE)
    assert with_nothing.flags == (Flag.bad_entry,)


def test_a_car_outside_the_catalogue(catalog: Catalog) -> None:
    """
    It is shown under its own words, but not suggested: nobody could confirm it.
    """
    trabant = the_only(merged(catalog, [("Trabant_601 1985", 0.9)], [("trabant 601", 0.9)]))

    assert (trabant.label, trabant.make_model, trabant.suggested) == ("trabant 601", None, False)
    assert (trabant.years, trabant.year) == ((), None)
    assert trabant.label_years == (LabelYear(1985, 0.45),)
    assert trabant.by_side == {Side.front: 0.9, Side.back: 0.9}


# What is suggested


def test_the_three_likeliest_are_suggested(catalog: Catalog) -> None:
    """
    The user chooses from three cars, and finds the others further down.
    """
    cars = ["toyota corolla", "toyota camry", "honda accord", "bmw z3", "ford f-150"]
    answer = [(car, 0.3 - rank / 20) for rank, car in enumerate(cars)]

    found = merged(catalog, answer, answer).candidates

    assert [one.suggested for one in found] == [True, True, True, False, False]
    assert [one.id for one in found] == ["cand_1", "cand_2", "cand_3", "cand_4", "cand_5"]


def test_what_is_likely_enough_is_suggested(catalog: Catalog) -> None:
    """
    60 % or higher is suggested: exactly 60 too.
    """
    confidence = merged(catalog, SURE).candidates[0].confidence
    rule = replace(DEFAULT_RULE, suggest_at_least=0, suggest_from=confidence)
    above = replace(rule, suggest_from=math.nextafter(confidence, 1))

    assert merged(catalog, SURE, rule=rule).candidates[0].suggested
    assert not merged(catalog, SURE, rule=above).candidates[0].suggested


# What is decided


def test_two_photos_that_are_sure_and_agree(catalog: Catalog) -> None:
    """
    Only this is taken without asking.
    """
    found = merged(catalog, SURE, [("toyota corolla", 0.95), ("toyota camry", 0.03)])

    assert found.candidates[0].confidence >= 0.95
    assert (found.decision, found.reason) == (Decision.accept, Reason.agree)


def test_accepted_from_the_threshold_on(catalog: Catalog) -> None:
    """
    95 % suffices where 95 % is asked for.
    """
    confidence = merged(catalog, SURE, SURE).candidates[0].confidence
    at = replace(DEFAULT_RULE, accept_from=confidence)
    above = replace(DEFAULT_RULE, accept_from=math.nextafter(confidence, 1))

    assert merged(catalog, SURE, SURE, at).decision is Decision.accept
    refused = merged(catalog, SURE, SURE, above)
    assert (refused.decision, refused.reason) == (Decision.ask, Reason.agree)


@pytest.mark.parametrize("said", [0.9, 0.9999, 1.0])
def test_one_photo_is_never_enough(said: float, catalog: Catalog) -> None:
    """
    With one photo the user is asked, however sure it is and wherever the threshold stands.
    """
    lenient = replace(DEFAULT_RULE, accept_from=0.5)

    found = merged(catalog, [("toyota corolla", said)], rule=lenient)

    assert (found.decision, found.reason) == (Decision.ask, Reason.one_photo)


def test_photos_that_disagree_are_asked_about(catalog: Catalog) -> None:
    """
    Without agreement nothing is accepted, even past the threshold.
    """
    lenient = replace(DEFAULT_RULE, accept_from=0.3)
    found = merged(
        catalog,
        [("toyota corolla", 0.8), ("honda accord", 0.2)],
        [("toyota corolla", 0.45), ("honda accord", 0.5)],
        lenient,
    )

    assert found.candidates[0].confidence > lenient.accept_from
    assert (found.decision, found.reason) == (Decision.ask, Reason.low_confidence)


def test_a_conflict_is_two_sure_photos(catalog: Catalog) -> None:
    """
    Two photos of different cars are told apart from two vague photos.
    """
    sure = merged(catalog, [("toyota corolla", 0.9)], [("honda accord", 0.9)])
    vague = merged(catalog, [("toyota corolla", 0.9)], [("honda accord", 0.89)])

    assert sure.reason is Reason.conflict
    assert vague.reason is Reason.low_confidence


def test_nothing_likely_enough(catalog: Catalog) -> None:
    """
    Below 25 % better photos help more than a list of guesses; the guesses are there still.
    """
    cars = ["toyota corolla", "toyota camry", "honda accord", "bmw z3", "ford f-150"]

    found = merged(catalog, [(car, 0.05) for car in cars], [(car, 0.05) for car in cars])

    assert found.candidates[0].confidence < 0.25
    assert (found.decision, found.reason) == (Decision.retake, Reason.low_confidence)
    assert len(found.candidates) == 5


def test_the_rule_is_named(catalog: Catalog) -> None:
    """
    A result says by which rule it came about, so that rules can be compared later.
    """
    ours = merged(catalog).rule
    others = {
        merged(catalog, SURE, rule=replace(DEFAULT_RULE, accept_from=at)).rule for at in (0.9, 0.91)
    }

    assert ours == merged(catalog, SURE).rule == RULE_NAME
    assert len(others | {ours}) == 3
    assert all(rule.startswith(f"{RULE_NAME}:") for rule in others)
