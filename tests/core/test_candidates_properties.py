from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carvalue.core.answers import Answer
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.identification import Identification
from carvalue.core.labels import Label
from carvalue.core.photos import Side

CARS = [
    "toyota corolla",
    "Corolla 2005",
    "corolla 2012",
    "toyota camry",
    "honda_accord",
    "F-150",
    "astra",
    "trabant 601",
]
LABELS = st.builds(
    Label, st.sampled_from(CARS) | st.text(max_size=12), st.floats(0, 1) | st.floats()
)
ANSWERS = st.lists(LABELS, max_size=8)


def merged(catalog: Catalog, front: list[Label], back: list[Label]) -> Identification:
    answers = {Side.front: [Answer(tuple(front))], Side.back: [Answer(tuple(back))]}
    return merge_sides(answers, catalog)


def by_car(found: Identification) -> list[tuple[object, ...]]:
    return [(one.label, one.confidence, one.label_years, one.suggested) for one in found.candidates]


@given(ANSWERS, ANSWERS)
@example([Label("a", 5e-324)], [Label("b", 5e-324)])
@example([Label(str(car), 1.0) for car in range(200)], [])
@settings(deadline=None)
def test_confidences_make_a_whole(catalog: Catalog, front: list[Label], back: list[Label]) -> None:
    """
    All candidates and "none of these" together are 100 %, the likeliest first.
    """
    found = merged(catalog, front, back)
    confidences = [one.confidence for one in found.candidates]

    assert sum(confidences) + found.other == pytest.approx(1)
    assert all(0 <= confidence <= 1 for confidence in [*confidences, found.other])
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= said <= 1 for one in found.candidates for said in one.by_side.values())


@given(ANSWERS, ANSWERS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_labels_is_irrelevant(
    catalog: Catalog, front: list[Label], back: list[Label], random: Random
) -> None:
    """
    A provider that does not sort its answer gets the same result to the last digit.
    """
    in_order = merged(catalog, front, back)
    shuffled = {Side.back: list(back), Side.front: list(front)}
    for labels in shuffled.values():
        random.shuffle(labels)
    answers = {side: [Answer(tuple(labels))] for side, labels in shuffled.items()}

    assert merge_sides(answers, catalog) == in_order


@given(ANSWERS, ANSWERS)
@settings(deadline=None)
def test_front_and_back_count_alike(
    catalog: Catalog, front: list[Label], back: list[Label]
) -> None:
    """
    A user who takes the photos in the other order gets the same cars.
    """
    one_way = merged(catalog, front, back)
    other_way = merged(catalog, back, front)

    assert by_car(other_way) == by_car(one_way)
    assert replace(other_way, candidates=()) == replace(one_way, candidates=())


@given(st.text(), st.text())
@example("\x00\r\n\x1b[2J", "\ud800")
@example("x" * 10_000, "\ufdfa" * 10_000)
@example("corolla " * 1_300, "2005 " * 2_000)
@settings(deadline=None)
def test_any_label_can_be_merged(catalog: Catalog, one: str, other: str) -> None:
    """
    Whatever a categorizer was trained to say, the user gets an answer.
    """
    labels = [Label(one, 0.5), Label(other, 0.4)]

    found = merged(catalog, labels, labels)

    assert len(found.candidates) <= 2
