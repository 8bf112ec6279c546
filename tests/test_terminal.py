"""
How an appraisal looks in a terminal.
"""

import pytest

from carvalue.core import valuation as core
from carvalue.terminal import price_plot
from carvalue.web.car_schemas import Price

WIDTH = 41


def plot(low: int, median: int, high: int, mean: int, width: int = WIDTH) -> tuple[str, str]:
    """The line between the two ends, and the legend."""
    price = Price.model_validate(core.Price("USD", min=low, median=median, max=high, mean=mean))
    line, legend = price_plot(price, width).plain.split("\n")
    ends = f"{low:,} ", f" {high:,}"
    assert line.startswith(ends[0])
    assert line.endswith(ends[1])
    return line.removeprefix(ends[0]).removesuffix(ends[1]), legend


def test_the_article() -> None:
    """
    One absurd listing does not squeeze all others into one column: the scale is logarithmic.
    """
    line, legend = plot(1795, 7995, 849995, 8940, width=56)

    assert len(line) == 56
    assert (line.index("●"), line.index("○")) == (13, 14)
    assert "logarithmic scale" in legend
    assert (line[0], line[-1]) == ("├", "┤")


@pytest.mark.parametrize(("high", "logarithmic"), [(10_000, False), (10_001, True), (5000, False)])
def test_the_scale_is_named(high: int, logarithmic: bool) -> None:
    """
    A logarithmic scale is never drawn without saying so.
    """
    _, legend = plot(1000, 3000, high, 3500)

    assert ("logarithmic scale" in legend) is logarithmic


def test_a_linear_scale() -> None:
    """
    Half-way in price is half-way on the line.
    """
    line, _ = plot(1000, 2000, 3000, 2500)

    assert (line.index("●"), line.index("○")) == (20, 30)


def test_the_median_is_in_front() -> None:
    """
    Where both fall together, the median is what shows.
    """
    line, _ = plot(1000, 2000, 3000, 2000)

    assert line[20] == "●"
    assert "○" not in line


@pytest.mark.parametrize("price", [0, 1, 5000, 1_000_000_000])
def test_all_the_same(price: int) -> None:
    """
    One listing has no range; nothing is divided by it.
    """
    line, legend = plot(price, price, price, price)

    assert line == "●" + "─" * (WIDTH - 2) + "┤"
    assert "logarithmic" not in legend


@pytest.mark.parametrize(
    ("low", "median", "high", "mean"),
    [(0, 0, 1, 0), (0, 5, 9, 5), (0, 7995, 849995, 8940), (0, 0, 10**9, 10**9), (1, 1, 10**9, 2)],
)
def test_a_free_car(low: int, median: int, high: int, mean: int) -> None:
    """
    A price of zero has no logarithm, and is drawn at the left end all the same.
    """
    line, _ = plot(low, median, high, mean)

    assert len(line) == WIDTH
    assert "●" in line
