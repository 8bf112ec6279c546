from dataclasses import replace

import pytest

from carvalue.core.answers import Answer
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog, CatalogRow
from carvalue.core.identification import DEFAULT_RULE, Decision, Reason
from carvalue.core.labels import Label
from carvalue.core.photos import Side


def said(confidence: float, car: str = "toyota corolla", by: str = "cars") -> Answer:
    return Answer((Label(car, confidence),), by)


# Several categorizers of one photo


@pytest.mark.parametrize("count", [2, 3, 5])
def test_categorizers_of_one_photo_share_its_weight(count: int, catalog: Catalog) -> None:
    """
    They err together: however many agree, they weigh a third more than one, 0.8 / m each.
    """
    several = merge_sides({Side.front: [said(0.9, by=str(n)) for n in range(count)]}, catalog)

    as_one = merge_sides(
        {Side.front: [said(0.9)]}, catalog, replace(DEFAULT_RULE, front_weight=0.8)
    )
    (merged,), (one,) = several.candidates, as_one.candidates
    assert merged.confidence == pytest.approx(one.confidence)
    assert merged.by_side == pytest.approx({Side.front: 0.9})


def test_the_weight_of_two_by_hand(catalog: Catalog) -> None:
    """
    Two that are certain come to 99.15 %, where one alone comes to 93.1.
    """
    two = merge_sides({Side.front: [said(1.0), said(1.0, by="vans")]}, catalog)

    (merged,) = two.candidates
    floor = DEFAULT_RULE.floor ** (0.8 / 2)
    assert merged.confidence == pytest.approx(1 / (1 + 49 * floor * floor))
    assert merged.confidence == pytest.approx(0.9915, abs=5e-5)


def test_categorizers_of_one_photo_are_no_second_photo(catalog: Catalog) -> None:
    """
    However many agree, one photo is never enough to accept unasked.
    """
    three = merge_sides({Side.front: [said(1.0, by=by) for by in "abc"]}, catalog)

    assert three.candidates[0].confidence > DEFAULT_RULE.accept_from
    assert (three.decision, three.reason) == (Decision.ask, Reason.one_photo)
    assert not three.agree


def test_a_photo_says_the_mean_of_its_categorizers(catalog: Catalog) -> None:
    """
    A car that one of two did not name counts half of what the other said.
    """
    torn = merge_sides({Side.back: [said(0.8), said(0.6, "honda accord", by="vans")]}, catalog)

    assert {one.label: one.by_side for one in torn.candidates} == {
        "toyota corolla": {Side.back: 0.4},
        "honda accord": {Side.back: 0.3},
    }


def test_the_order_of_categorizers_is_irrelevant(catalog: Catalog) -> None:
    """
    Whoever answers first, the result is the same to the last digit.
    """
    answers = [said(0.7), said(0.3, by="vans"), said(0.2, "honda accord", by="all")]

    one_way = merge_sides({Side.front: answers}, catalog)

    assert merge_sides({Side.front: answers[::-1]}, catalog) == one_way


# The weights of front and back


def test_photos_may_weigh_differently(catalog: Catalog) -> None:
    """
    Where fronts are told better than backs, a torn pair leans to the front.
    """
    answers = {Side.front: [said(0.8)], Side.back: [said(0.8, "honda accord")]}
    rule = replace(DEFAULT_RULE, front_weight=0.8, back_weight=0.4)

    even = merge_sides(answers, catalog).candidates
    leaning = merge_sides(answers, catalog, rule).candidates

    assert even[0].confidence == even[1].confidence
    assert leaning[0].label == "toyota corolla"
    assert leaning[0].confidence > leaning[1].confidence


def test_a_temperature_is_modest(catalog: Catalog) -> None:
    """
    Over 1 it says less surely the same, and all together are still a whole.
    """
    answers = dict.fromkeys(Side, (said(0.9), said(0.5, "honda accord", by="vans")))

    warm = merge_sides(answers, catalog, replace(DEFAULT_RULE, temperature=2.0))
    plain = merge_sides(answers, catalog)

    assert [one.label for one in warm.candidates] == [one.label for one in plain.candidates]
    assert warm.candidates[0].confidence < plain.candidates[0].confidence
    assert sum(one.confidence for one in warm.candidates) + warm.other == pytest.approx(1)


# Labels of one car


def test_a_make_from_the_other_photo(catalog: Catalog) -> None:
    """
    "Astra" beside "Opel Astra" is the Opel; alone it may be the Vauxhall, and stays open.
    """
    both = merge_sides(
        {Side.front: [said(0.9, "opel astra")], Side.back: [said(0.8, "astra")]}, catalog
    )
    alone = merge_sides({Side.back: [said(0.8, "astra")]}, catalog)

    (opel,), (open_,) = both.candidates, alone.candidates
    assert (str(opel.make_model), opel.label) == ("Opel Astra", "opel astra")
    assert set(opel.by_side) == set(Side)
    assert (open_.make_model, open_.suggested) == (None, False)


def test_versions_join_their_whole() -> None:
    """
    A 328i of one categorizer and a 3 Series of another are one car; of one and the same they are
    two.
    """
    catalog = Catalog(
        [
            CatalogRow("BMW", "3 Series", (2010, 2011), versions=("3[1-4]*",)),
            CatalogRow("BMW", "328i", (2010, 2011)),
        ],
        covered_until=2024,
    )
    whole, version = "bmw 3 series", "bmw 328i"
    apart = Answer((Label(whole, 0.5), Label(version, 0.4)), "cars")

    joined = merge_sides(
        {Side.front: [said(0.9, whole)], Side.back: [said(0.9, version, by="vans")]}, catalog
    )
    kept = merge_sides({Side.front: [apart]}, catalog)

    assert [str(one.make_model) for one in joined.candidates] == ["BMW 3 Series"]
    assert [str(one.make_model) for one in kept.candidates] == ["BMW 3 Series", "BMW 328i"]


def test_two_years_that_are_as_likely(catalog: Catalog) -> None:
    """
    Of two years that are as likely none is preselected, and none that was not sold.
    """
    tied = Answer((Label("corolla 2005", 0.4), Label("corolla 2006", 0.4)))
    unsold = Answer((Label("corolla 1970", 0.9),))

    assert merge_sides({Side.front: [tied]}, catalog).candidates[0].year is None
    (candidate,) = merge_sides({Side.front: [unsold]}, catalog).candidates
    assert (candidate.year, candidate.label_years[0].year) == (None, 1970)


def test_both_cars_of_a_conflict_are_on_the_short_list(catalog: Catalog) -> None:
    """
    The user is shown what each photo is sure of, catalogued or not.
    """
    rule = replace(DEFAULT_RULE, suggest_at_least=0)
    torn = {Side.front: [said(0.95)], Side.back: [said(0.95, "trabant 601")]}

    found = merge_sides(torn, catalog, rule)

    assert found.conflict
    assert found.short_list == ("cand_1", "cand_2")
    assert {one.label: one.suggested for one in found.candidates} == {
        "toyota corolla": True,
        "trabant 601": False,
    }
