"""
MarketCheck: what becomes of the figures.
"""

from dataclasses import replace
from typing import Any

import pytest
import respx

from carvalue.core.errors import ProviderAnswerUnreadable
from carvalue.core.valuation import Price
from carvalue.providers.marketcheck import MarketCheck, SearchAnswer, price_from
from tests.providers.marketcheck_answers import FIGURES, SEARCH, STATS, found, price_of

pytestmark = pytest.mark.anyio


def price_of_stats(stats: object, num_found: object = 1284) -> Price | None:
    answer = SearchAnswer.model_validate(found(stats, num_found))
    return price_from(answer, currency="USD")


def test_figures_in_quotes() -> None:
    """
    Some of MarketCheck's numbers are texts.
    """
    in_quotes = {
        name: str(value) for name, value in STATS.items() if not isinstance(value, dict)
    } | {"percentiles": {"25.0": "6100.0", "75.0": "10990"}}

    assert price_of_stats(in_quotes) == FIGURES
    assert price_of_stats(in_quotes, "1284") == FIGURES


@pytest.mark.parametrize(
    "stats",
    [
        None,
        {},
        {"count": 0, "missing": 34},
        {"count": "0"},
        {"count": 0, "min": None, "max": None, "mean": "NaN", "median": None, "sum": 0.0},
        {"count": 0, "min": 0, "max": 0, "mean": 0, "median": 0},
    ],
    ids=repr,
)
def test_no_listing_with_a_price(stats: object) -> None:
    """
    Cars on sale whose prices nobody tells are no market data.
    """
    assert price_of_stats(stats) is None


@pytest.mark.parametrize("answer", [{"num_found": 0}, {"num_found": 3, "stats": None}])
def test_no_statistics(answer: dict[str, Any]) -> None:
    """
    Absent is MarketCheck's usual word for "none".
    """
    assert price_from(SearchAnswer.model_validate(answer), currency="USD") is None


@pytest.mark.parametrize("figure", ["min", "median", "max", "mean"])
@pytest.mark.parametrize(
    "value", [None, -1, True, "cheap", "", "NaN", [], {}, 10**10, 10**400], ids=repr
)
def test_a_figure_that_is_none(figure: str, value: object) -> None:
    """
    Three figures of four are no price.
    """
    with pytest.raises(ProviderAnswerUnreadable):
        price_of_stats(STATS | {figure: value})


@pytest.mark.parametrize(
    "figures",
    [
        {"min": 9000},
        {"max": 7000},
        {"mean": 900_000},
        {"mean": 1000},
        {"min": 0, "median": 0},
    ],
    ids=repr,
)
def test_figures_that_contradict_each_other(figures: dict[str, int]) -> None:
    """
    A median below the minimum is not shown to anybody, nor a car that costs nothing.
    """
    with pytest.raises(ProviderAnswerUnreadable):
        price_of_stats(STATS | figures)


@pytest.mark.parametrize(
    "percentiles",
    [
        None,
        [],
        "many",
        {},
        {"10.0": 3200, "90.0": 14500},
        {"25.0": 6100},
        {"25.0": 6100, "75.0": "NaN"},
        {"25.0": 10990, "75.0": 6100},
        {"25.0": 1000, "75.0": 10990},
        {"25.0": 8000, "75.0": 10990},
        {"25.0": 6100, "75.0": 900_000},
    ],
    ids=repr,
)
def test_no_middle_half(percentiles: object) -> None:
    """
    The typical range is that of the middle half of the listings; another one is not made up.
    """
    price = price_of_stats(STATS | {"percentiles": percentiles})

    assert price == replace(FIGURES, typical_low=None, typical_high=None, typical_percent=None)


def test_percentiles_by_whole_numbers() -> None:
    price = price_of_stats(STATS | {"percentiles": {"25": 6100, "75": 10990}})

    assert price == FIGURES


@pytest.mark.parametrize("count", [None, "many", True, -3, []], ids=repr)
def test_a_price_of_unknown_many(count: object) -> None:
    """
    How many listings there are is not made up either.
    """
    assert price_of_stats(STATS | {"count": count}) == replace(FIGURES, comparables=None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"num_found": -1},
        {"num_found": None},
        {"num_found": "many"},
        {"num_found": 1, "stats": []},
        {"num_found": 1, "stats": {"price": [7995]}},
        {"success": True, "service": "marketcheck", "data": {"num_found": 0}},
        {"result": '{"num_found": 0}'},
    ],
    ids=repr,
)
async def test_an_answer_of_another_form(
    marketcheck: MarketCheck, respx_mock: respx.MockRouter, body: object
) -> None:
    """
    What is not MarketCheck's answer does not count as "nothing found"; its MCP server's is none.
    """
    respx_mock.get(SEARCH).respond(json=body)

    with pytest.raises(ProviderAnswerUnreadable):
        await price_of(marketcheck)
