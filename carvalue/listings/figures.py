"""
The back-test as a picture.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from carvalue.listings.backtest import Told
from carvalue.listings.baselines import Baselines
from carvalue.listings.ranges import LEVELS
from carvalue.listings.scores import missed

OURS, PLAIN, OTHER = "tab:blue", "tab:gray", "tab:orange"
_FARTHEST = 0.4


def draw(path: Path, told: Told, plain: Baselines, figures: Mapping[str, Any], title: str) -> None:
    """Write a PNG with four panels: misses, misses by comparables, coverage, widths."""
    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    (errors, by_count), (covered, widths) = figure.subplots(2, 2)
    _draw_misses(errors, told, plain)
    groups = figures["by_comparables"]
    names = [group["comparables"] for group in groups]
    _draw_bars(by_count, names, [group["mdape"] for group in groups])
    _draw_coverage(covered, names, groups)
    _draw_widths(widths, figures["ranges_compared"])
    figure.savefig(path, format="png", dpi=110)


def _draw_misses(axes: Axes, told: Told, plain: Baselines) -> None:
    chosen = (told.count >= 1) & ~np.isnan(told.estimate)
    lines = (
        ("listings", told.estimate, OURS),
        ("mileage and trim", plain.mileage_and_trim, OTHER),
        ("median of the model and year", plain.median, PLAIN),
    )
    for name, estimate, color in lines:
        errors = np.sort(missed(estimate[chosen], told.price[chosen]))
        share = np.arange(1, len(errors) + 1) / max(len(errors), 1)
        axes.plot(errors, share, label=name, color=color)
    axes.set(
        xlim=(0, _FARTHEST), ylim=(0, 1), title="Prices missed by at most so much",
        xlabel="share of the price", ylabel="share of listings with a comparable",
    )  # fmt: skip
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)


def _errors(figures: Sequence[Mapping[str, float]]) -> tuple[list[float], NDArray[np.float64]]:
    values = [one["value"] for one in figures]
    ends = [(one["value"] - one["from"], one["to"] - one["value"]) for one in figures]
    return values, np.maximum(np.array(ends).T, 0.0)


def _draw_bars(axes: Axes, names: Sequence[str], figures: Sequence[Mapping[str, float]]) -> None:
    values, ends = _errors(figures)
    axes.bar(names, values, yerr=ends, color=OURS, capsize=4)
    axes.set(title="Median miss, by other listings of the model and year", ylabel="MdAPE")
    axes.grid(axis="y", alpha=0.3)


def _draw_coverage(axes: Axes, names: Sequence[str], groups: Sequence[Mapping[str, Any]]) -> None:
    for level, color in zip(LEVELS, (OURS, OTHER), strict=True):
        values, ends = _errors([group[f"range_{level}"]["coverage"] for group in groups])
        axes.errorbar(names, values, yerr=ends, fmt="o", color=color, capsize=4, label=f"{level} %")
        axes.axhline(level / 100, color=color, linestyle="--", linewidth=1)
    axes.set(ylim=(0.5, 1), title="Prices within their ranges", ylabel="share")
    axes.legend(loc="lower right")
    axes.grid(axis="y", alpha=0.3)


def _draw_widths(axes: Axes, compared: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    kinds = ("ours", "around_the_median", "quantiles_widened")
    place = np.arange(len(kinds))
    for offset, level, color in zip((-0.2, 0.2), LEVELS, (OURS, OTHER), strict=True):
        widths = [compared[str(level)][kind]["mean_log_width"] for kind in kinds]
        axes.bar(place + offset, widths, width=0.4, color=color, label=f"{level} %")
    axes.set_xticks(place, [kind.replace("_", " ") for kind in kinds])
    axes.set(title="Width of ranges that cover as much", ylabel="mean, in logarithms")
    axes.legend()
    axes.grid(axis="y", alpha=0.3)
