"""
Taggers name everything that they see, each with a confidence of its own.
"""

import pytest

from carvalue.core.answers import Answer, Flag
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.identification import Decision, Reason
from carvalue.core.labels import Label
from carvalue.core.photos import Side


def tagged(**confidences: float) -> Answer:
    labels = (Label(tag.replace("_", " "), seen) for tag, seen in confidences.items())
    return Answer(tuple(labels), "imagga_tagging", independent=True)


def test_only_tags_of_cars_count(catalog: Catalog) -> None:
    """
    "Vehicle" is no candidate, and takes nothing from the car that is named beside it.
    """
    busy = tagged(car=0.98, vehicle=0.97, toyota=0.95, toyota_corolla=0.91, sky=0.4)

    found = merge_sides({Side.front: [busy], Side.back: [busy]}, catalog)

    alone = tagged(toyota_corolla=0.91)
    assert found == merge_sides({Side.front: [alone], Side.back: [alone]}, catalog)
    (corolla,) = found.candidates
    assert (str(corolla.make_model), corolla.by_side[Side.front]) == ("Toyota Corolla", 0.91)
    assert found.decision is Decision.accept


def test_tags_of_two_cars_share_one_photo(catalog: Catalog) -> None:
    """
    A tagger that is fairly sure of two cars is not sure of either.
    """
    found = merge_sides({Side.front: [tagged(toyota_corolla=0.9, honda_accord=0.6)]}, catalog)

    first, second = found.candidates
    assert first.by_side == pytest.approx({Side.front: 0.6})
    assert second.by_side == pytest.approx({Side.front: 0.4})
    assert Flag.sum_over_100 not in found.flags


def test_tags_without_a_car(catalog: Catalog) -> None:
    """
    A photo whose tags name no car shows none that can be told.
    """
    found = merge_sides({Side.front: [tagged(car=0.98, tree=0.5)]}, catalog)

    assert (found.candidates, found.reason) == ((), Reason.no_answer)
    assert found.decision is Decision.retake


def test_a_categorizer_beside_a_tagger(catalog: Catalog) -> None:
    """
    What the categorizer's owner trained stays a candidate, catalogued or not.
    """
    trained = Answer((Label("trabant 601", 0.8),), "cars")

    found = merge_sides({Side.front: [trained, tagged(trabant=0.9, car=0.9)]}, catalog)

    assert [one.label for one in found.candidates] == ["trabant 601"]
