import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carvalue.core.answers import Answer, Flag, Scale, read_answer
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.identification import Decision, Identification
from carvalue.core.labels import Label
from carvalue.core.photos import Side

SURE = [("toyota corolla", 97.2), ("honda accord", 1.4)]


def entry(name: object, confidence: object) -> dict[str, object]:
    return {"name": name, "confidence": confidence}


def entries(*said: tuple[str, float], whole: float = 100) -> list[dict[str, object]]:
    return [entry({"en": text}, number / 100 * whole) for text, number in said]


def on_both_photos(answer: Answer, catalog: Catalog) -> Identification:
    return merge_sides(dict.fromkeys(Side, (answer,)), catalog)


# How an answer is read


@pytest.mark.parametrize(
    "said",
    [
        entry({"en": "toyota corolla"}, 97.5),
        entry({"en": "toyota corolla", "bg": "тойота корола"}, 97.5),
        entry({"de": "toyota corolla"}, 97.5),
        entry("toyota corolla", 97.5),
        entry(" toyota corolla\n", "97.5"),
        entry("toyota corolla", " 9.75e1 "),
    ],
)
def test_the_ways_to_say_one_thing(said: dict[str, object]) -> None:
    """
    Names in a language or plain, confidences as numbers or text: the user sees one car.
    """
    answer = read_answer([said], Scale.percent, "cars")

    assert answer == Answer((Label("toyota corolla", 0.975),), "cars")


@pytest.mark.parametrize(
    ("bad", "flag"),
    [
        (entry("honda accord", 250), Flag.bad_confidence),
        (entry("honda accord", 101.1), Flag.bad_confidence),
        (entry("honda accord", -1), Flag.bad_confidence),
        (entry("honda accord", math.nan), Flag.bad_confidence),
        (entry("honda accord", math.inf), Flag.bad_confidence),
        (entry("honda accord", 10**400), Flag.bad_confidence),
        (entry("honda accord", "high"), Flag.bad_confidence),
        (entry("honda accord", True), Flag.bad_confidence),
        (entry("honda accord", None), Flag.bad_confidence),
        ({"name": "honda accord"}, Flag.bad_confidence),
        (entry("", 50), Flag.bad_entry),
        (entry({}, 50), Flag.bad_entry),
        (entry(7, 50), Flag.bad_entry),
        ({"confidence": 50}, Flag.bad_entry),
        ("honda accord", Flag.bad_entry),
        (None, Flag.bad_entry),
    ],
)
def test_what_is_broken_is_left_out(bad: object, flag: Flag) -> None:
    """
    One bad entry never costs the rest of the answer, is never bent to a certainty, and is told.
    """
    answer = read_answer([bad, *entries(*SURE)], Scale.percent)

    assert answer.labels == read_answer(entries(*SURE), Scale.percent).labels
    assert answer.flags == (flag,)


def test_a_rounding_error_over_the_whole() -> None:
    """
    100.4 % is what rounding makes of 100.
    """
    answer = read_answer(entries(("toyota corolla", 100.4)), Scale.percent)

    assert answer == Answer((Label("toyota corolla", 1.0),))


@pytest.mark.parametrize(
    ("said", "flags"), [(None, ()), ([], ()), ({}, (Flag.bad_entry,)), ("cars", (Flag.bad_entry,))]
)
def test_an_answer_of_nothing(said: object, flags: tuple[Flag, ...]) -> None:
    """
    No entries are no car; what is no list of entries is told apart from that.
    """
    assert read_answer(said, Scale.percent) == Answer((), "", flags)


def test_a_confidence_of_nothing() -> None:
    """
    0 % is no wrong answer, only an empty one.
    """
    assert read_answer([entry("honda accord", 0)], Scale.percent) == Answer(())


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.lists(
    st.fixed_dictionaries({}, optional={"name": JSON, "confidence": JSON}) | JSON, max_size=6
)


@given(JSON | ENTRIES, st.sampled_from(Scale))
@example([{"name": {"en": None}, "confidence": 10**400}], Scale.guess)
@example([{"name": "x" * 10_000, "confidence": "9" * 10_000}], Scale.percent)
@example([{"name": "\ud800", "confidence": "٩٧"}, {"name": {}}], Scale.unit)
@settings(deadline=None)
def test_whatever_the_provider_sends(catalog: Catalog, sent: Any, scale: Scale) -> None:
    """
    No answer, however broken, is an error of the appraisal; confidences stay within 0 to 1.
    """
    answer = read_answer(sent, scale)

    assert all(0 <= label.confidence <= 1 for label in answer.labels)
    assert all(label.text and len(label.text) <= 200 for label in answer.labels)
    found = on_both_photos(answer, catalog)
    assert math.fsum([found.other, *(one.confidence for one in found.candidates)]) == (
        pytest.approx(1)
    )


# 0 to 1, or 0 to 100


def by_car(found: Identification) -> dict[str, float]:
    return {one.label: one.confidence for one in found.candidates}


def test_both_scales_give_the_same_result(catalog: Catalog) -> None:
    """
    Whether a provider says 0.972 or 97.2, the user sees the same cars, as sure.
    """
    percent = on_both_photos(read_answer(entries(*SURE), Scale.percent), catalog)
    unit = on_both_photos(read_answer(entries(*SURE, whole=1), Scale.unit), catalog)

    assert by_car(unit) == pytest.approx(by_car(percent))
    assert unit.decision is percent.decision is Decision.accept
    assert unit.flags == percent.flags == ()


def test_a_guessed_scale_is_never_accepted_unasked(catalog: Catalog) -> None:
    """
    The cars are those of the scale that was guessed, but somebody looks at them first.
    """
    guessed = on_both_photos(read_answer(entries(*SURE, whole=1), Scale.guess), catalog)
    known = on_both_photos(read_answer(entries(*SURE, whole=1), Scale.unit), catalog)

    assert guessed.candidates == known.candidates
    assert (known.decision, guessed.decision) == (Decision.accept, Decision.ask)
    assert guessed.flags == (Flag.scale_guessed,)


def test_a_guess_on_one_photo_taints_both(catalog: Catalog) -> None:
    """
    Two photos agree only as surely as the less sure of them.
    """
    guessed = read_answer(entries(*SURE, whole=1), Scale.guess)
    known = read_answer(entries(*SURE), Scale.percent)

    found = merge_sides({Side.front: [guessed], Side.back: [known]}, catalog)

    assert found.decision is Decision.ask


@pytest.mark.parametrize(
    ("said", "meant", "flags"),
    [
        ([97.2, 1.4], [0.972, 0.014], ()),
        ([1.2, 0.4], [0.012, 0.004], ()),
        ([0.972, 0.014], [0.972, 0.014], (Flag.scale_guessed,)),
        ([0.3, 0.2], [0.3, 0.2], (Flag.scale_guessed,)),
        ([0.3, 0.1], [0.003, 0.001], (Flag.scale_guessed,)),
    ],
)
def test_the_scale_that_is_guessed(
    said: list[float], meant: list[float], flags: tuple[Flag, ...]
) -> None:
    """
    More than 1 can only be percent; less is of 1 if it makes half a whole, and told as a guess.
    """
    names = ["toyota corolla", "honda accord"]
    sent = [entry(name, number) for name, number in zip(names, said, strict=True)]

    answer = read_answer(sent, Scale.guess)

    assert [label.confidence for label in answer.labels] == pytest.approx(meant)
    assert answer.flags == flags


# What the flags come to


@pytest.mark.parametrize(
    ("said", "flag"),
    [
        ([("toyota corolla", 97.2), ("honda accord", 250)], Flag.bad_confidence),
        ([("toyota corolla", 97.2), ("Toyota Corolla", 1)], Flag.duplicate_label),
        ([("toyota corolla", 100), ("honda accord", 3)], Flag.sum_over_100),
    ],
)
def test_a_flaw_is_told_with_the_result(
    said: list[tuple[str, float]], flag: Flag, catalog: Catalog
) -> None:
    """
    A provider that answers strangely shows in the result, which stands all the same.
    """
    found = on_both_photos(read_answer(entries(*said), Scale.percent), catalog)

    assert found.flags == (flag,)
    assert found.candidates[0].label == "toyota corolla"
    assert found.decision is Decision.accept


def test_a_sum_that_was_rounded_is_no_flaw(catalog: Catalog) -> None:
    """
    100 % and a bit is what rounded confidences sum to.
    """
    said = read_answer(entries(("toyota corolla", 97.5), ("honda accord", 3.5)), Scale.percent)

    assert on_both_photos(said, catalog).flags == ()
