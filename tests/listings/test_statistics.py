"""
What ranges and back-tests promise, on a made-up market that they have not seen.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carvalue.listings.backtest import told_by_older, told_by_others
from carvalue.listings.baselines import baselines
from carvalue.listings.market import stock_expected
from carvalue.listings.model_file import load_model
from carvalue.listings.pooling import Kernel, Likeness, Near, believed
from carvalue.listings.ranges import GROUPS, coverage, fit_ranges
from carvalue.listings.scores import report
from carvalue.listings.store import Names, Reader, Stock
from carvalue.listings.training import cars_of, leave_one_out


@pytest.fixture(scope="module")
def market(learnt: Path) -> tuple[Stock, Names]:
    reader = Reader(learnt)
    found = reader.all(), reader.names
    reader.close()
    return found


@pytest.mark.parametrize("level", [80, 90])
def test_ranges_cover_what_they_say(level: int) -> None:
    """
    Learnt from some misses, skewed and with heavy tails, they cover 80 and 90 % of others, in
    every group.
    """
    chance = np.random.default_rng(4)
    groups = [start for start in GROUPS if start >= 0]
    counts = chance.choice(groups, 20_000)
    scores = (1 + counts / 10) * (np.exp(chance.standard_t(4, 20_000) / 3) - 1)
    ranges = fit_ranges(scores[:10_000], counts[:10_000])

    for start in groups:
        new = scores[10_000:][counts[10_000:] == start]
        low, high = ranges.range(level, start, 0.0, 1.0)
        assert coverage(np.full(len(new), low), np.full(len(new), high), new) == pytest.approx(
            level / 100, abs=0.03
        )


def test_a_group_of_its_own_borrows() -> None:
    """
    Two misses alone make no range: a group with few goes by the others, one with many by itself.
    """
    chance = np.random.default_rng(5)
    scores = np.concatenate([chance.normal(0, 1, 5_000), [30.0, -30.0]])
    counts = np.concatenate([np.full(5_000, 20), [1, 1]])

    low, high = fit_ranges(scores, counts).range(80, 1, 0.0, 1.0)

    assert -2 < low < -1
    assert 1 < high < 2


@pytest.mark.journey
def test_the_market_back_tested(market: tuple[Stock, Names]) -> None:
    """
    Told by the others, prices are missed by less than by every baseline; their ranges cover what
    they say and are narrower than plain ones that cover as much.
    """
    stock, names = market
    told = told_by_others(stock, names)
    figures = report(told, baselines(stock))

    ours = figures["with_a_comparable"]
    for name in ("median", "mean", "mileage_and_trim"):
        assert ours["mdape"]["value"] < figures["baselines"][name]["mdape"]["value"]
    for level in (80, 90):
        covered = figures["ranges"][str(level)]["coverage"]["value"]
        assert covered == pytest.approx(level / 100, abs=0.03)
        compared = figures["ranges_compared"][str(level)]
        assert compared["ours"]["mean_log_width"] < 0.9 * compared["around_the_median"][
            "mean_log_width"
        ]  # fmt: skip
    assert figures["without_a_value"] < 0.01 * len(stock)
    by_group = {one["comparables"]: one["mdape"]["value"] for one in figures["by_comparables"]}
    assert by_group["15+"] < by_group["1"] < by_group["none of the model"]


def test_a_price_is_not_told_by_itself(learnt: Path, market: tuple[Stock, Names]) -> None:
    """
    A listing at a hundred times its price is told the same by the others as at its own.
    """
    stock, names = market
    model = load_model(learnt)
    chosen = np.arange(0, len(stock), 211)
    prices = stock.price.copy()
    prices[chosen] *= 100

    def told(some: Stock, places: np.ndarray) -> list[float]:
        residual = np.log(some.price) - stock_expected(model.market, some, names)
        return leave_one_out(
            model, some, names, residual, cars_of(some), places
        ).difference.tolist()

    for place in chosen[:20]:
        one = stock.price.copy()
        one[place] *= 100
        at = np.array([place])
        assert told(replace(stock, price=one), at) == told(stock, at)


@pytest.mark.journey
def test_the_newest_by_the_older(market: tuple[Stock, Names]) -> None:
    """
    What is told of the newest listings does not change with what they, or later ones, are asked.
    """
    stock, names = market
    told = told_by_older(stock, names)
    first = int(told.stock.day.min())
    spoilt = np.where(stock.day >= first, 1, stock.price)
    again = told_by_older(replace(stock, price=spoilt), names)

    assert np.array_equal(told.estimate, again.estimate, equal_nan=True)
    errors = np.abs(told.estimate - told.price) / told.price
    assert np.nanmedian(errors) < 0.12
    assert coverage(told.ranges[80].low, told.ranges[80].high, told.price) == pytest.approx(
        0.8, abs=0.06
    )


@pytest.mark.parametrize("wrong", [10.0, 0.1, 100.0, 0.001])
@pytest.mark.parametrize("others", [1, 2, 5, 40])
def test_absurd_prices_among_few_and_many(wrong: float, others: int) -> None:
    """
    A digit too many or too few is seen however few neighbours there are; they themselves stay.
    """
    chance = np.random.default_rng(others)
    residual = np.append(chance.normal(0.1, 0.1, others), np.log(wrong))

    kept, middle = believed(Likeness(Kernel(), 0.0, 0.0, 2023), residual)

    assert not kept[-1]
    assert kept[:-1].all()
    assert abs(middle) < 0.35


def test_a_dear_model_is_no_typing_error() -> None:
    """
    Of a model that nothing was learnt of, listings at twice the market's guess are believed.
    """
    unheard = Likeness(Kernel(), level=0.35, pace=0.15, newest=2023)
    kept, _ = believed(unheard, np.array([0.7, 0.75]))

    assert kept.all()


def test_near_means_alike() -> None:
    """
    Listings can be chosen by place and by mask, all columns together.
    """
    near = Near(*(np.arange(4.0), *(np.arange(4),) * 4))

    assert near.where(np.array([2, 0])).residual.tolist() == [2.0, 0.0]
    assert near.where(near.year > 1).trim.tolist() == [2, 3]
