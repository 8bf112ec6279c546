"""
How an appraisal looks in a terminal.
"""

import math
from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from carvalue.core.access import ProviderUsage
from carvalue.core.errors import CarvalueError
from carvalue.core.valuation import Basis, PriceFlag, PriceKind
from carvalue.web.car_schemas import Price, Specs, Valuation
from carvalue.web.schemas import Appraisal, Candidate, Steps

PLOT_WIDTH = 56
LOG_FROM = 10
"""A price range whose ends are further apart than this factor is drawn on a logarithmic scale."""


def show_candidates(console: Console, appraisal: Appraisal) -> None:
    """What each photo says, and what both say together."""
    table = Table(title="What the photos show", title_justify="left", title_style="bold")
    table.add_column("#", justify="right")
    table.add_column("Car")
    for column in ("Front", "Back", "Both"):
        table.add_column(column, justify="right")
    for candidate in appraisal.candidates[:5]:
        table.add_row(
            str(candidate.rank),
            name_of(candidate),
            _percent(candidate.front_confidence),
            _percent(candidate.back_confidence),
            f"[bold]{_percent(candidate.confidence)}[/]",
        )
    table.add_row("", "[dim]none of these[/]", "", "", _percent(appraisal.other))
    console.print(table)
    _show_failures(console, appraisal.steps)


def show_car(console: Console, appraisal: Appraisal) -> None:
    """The confirmed car with its specs and its price, as far as they are known."""
    car = appraisal.car
    if car is None:
        return
    name = f"{car.make} {car.model} {car.trim or ''}".rstrip()
    parts: list[RenderableType] = []
    if appraisal.specs:
        parts.append(_specs(appraisal.specs))
    if appraisal.valuation:
        parts.append(_price(appraisal.valuation))
    title = Text(f"{name} {car.year}", style="bold")
    console.print(Panel(Group(*parts), title=title, title_align="left", expand=False))
    _show_failures(console, appraisal.steps)


def show_providers(
    console: Console,
    health: Mapping[str, CarvalueError | None],
    usage: Mapping[str, ProviderUsage],
) -> None:
    """Which providers are configured, whether they can be reached, and what is used up."""
    table = Table("Provider", "State", "Calls", "Anew on", "At once")
    for name, wrong in health.items():
        state = Text(str(wrong or "can be reached"), style="red" if wrong else "green")
        used = usage.get(name)
        if used is None:  # one that is not asked over the network
            table.add_row(name, state, "-", "-", "-")
            continue
        limit = used.monthly_limit
        table.add_row(
            name,
            state,
            f"{used.calls:,}" + (f" of {limit:,}" if limit is not None else ""),
            f"{used.resets_on:%Y-%m-%d}",
            str(used.concurrency or "any"),
        )
    console.print(table)


def name_of(candidate: Candidate) -> str:
    if candidate.make and candidate.model:
        return escape(f"{candidate.make} {candidate.model}")
    return f"{escape(candidate.label)} [dim](not in the catalogue)[/]"


def _show_failures(console: Console, steps: Steps) -> None:
    for name, step in steps:
        if step.code:
            console.print(f"[yellow]{name.replace('_', ' ')}: {step.status} ({step.code})[/]")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _specs(specs: Specs) -> Group:
    economy = specs.fuel_economy
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in (
        ("Body", _joined(specs.body, _unit(specs.doors, "doors"), _unit(specs.seats, "seats"))),
        (
            "Engine",
            _joined(
                _unit(specs.engine_displacement_cc, "cc"),
                _unit(specs.engine_cylinders, "cylinders"),
                specs.fuel,
                specs.engine_position and f"{specs.engine_position.lower()} engine",
            ),
        ),
        ("Drive", _joined(specs.drive, specs.transmission)),
        (
            "Size",
            _joined(
                _unit(specs.length_mm, "mm long"),
                _unit(specs.width_mm, "mm wide"),
                _unit(specs.height_mm, "mm high"),
                _unit(specs.wheelbase_mm, "mm wheelbase"),
            ),
        ),
        ("Weight", _unit(specs.weight_kg, "kg")),
        (
            "Economy",
            _joined(
                _unit(economy.city_l_per_100km, "l/100 km city"),
                _unit(economy.highway_l_per_100km, "highway"),
                _unit(economy.city_mpg_us, "mpg city"),
                _unit(economy.highway_mpg_us, "highway"),
            ),
        ),
        ("Tank", _unit(specs.fuel_capacity_l, "l")),
        ("Made in", specs.make_country),
    ):
        if value:
            table.add_row(name, escape(value))
    return Group(Text(f"Specs ({specs.source})", style="italic"), table)


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:,g} {unit}"


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _price(valuation: Valuation) -> Group:
    price = valuation.price
    title = Text(
        f"Asking prices in {price.currency} ({valuation.source}), "
        f"{valuation.mileage:,} {valuation.mileage_unit.value}, "
        f"{valuation.condition.value.replace('_', ' ')}",
        style="italic",
    )
    table = Table(box=None)
    for name in ("min", "median", "max", "mean"):
        table.add_column(name, justify="right")
    table.add_row(
        f"{price.min:,}", f"[bold green]{price.median:,}[/]", f"{price.max:,}", f"{price.mean:,}"
    )
    return Group("", title, table, price_plot(price), _evidence(price))


BASES = {
    Basis.same_trim: "of the same trim",
    Basis.same_year: "of the same model and year",
    Basis.neighbouring_years: "of the same model and years near it",
    Basis.model: "of the same model",
    Basis.make_and_age: "of the same make and age",
}
FLAGS = {
    PriceFlag.outlier_in_range: "the raw range holds a price that nobody believes",
    PriceFlag.thin_data: "few cars to compare with",
    PriceFlag.old_data: "the newest of these prices is half a year old",
}


def _evidence(price: Price) -> Text:
    """What the price stands on, as far as the source says it."""
    lines = []
    if price.typical_low is not None and price.typical_high is not None:
        share = f" ({price.typical_percent} of 100 cars)" if price.typical_percent else ""
        lines.append(f"typical: {price.typical_low:,} to {price.typical_high:,}{share}")
    if price.comparables is not None:
        which = f" {BASES[price.basis]}" if price.basis else ""
        day = f", the newest of {price.as_of}" if price.as_of else ""
        lines.append(f"stands on {price.comparables:,} cars{which}{day}")
    if price.adjustments is not None:
        parts = price.adjustments.model_dump().items()
        lines.append("made of " + ", ".join(f"{name} {value:+,}" for name, value in parts if value))
    lines += [f"{_words(one.kind)}: {one.median:,}" for one in price.other_kinds]
    if price.certainty is not None:
        lines.append(f"certainty: {price.certainty.value}")
    lines += [f"note: {FLAGS[flag]}" for flag in price.flags]
    return Text("\n".join(lines), "dim")


def _words(kind: PriceKind) -> str:
    return kind.value.replace("_", " ")


def price_plot(price: Price, width: int = PLOT_WIDTH) -> Text:
    """
    The price range as one line: median as a filled, mean as an open circle.

    Logarithmic when a few absurd prices would squeeze all others into the first column.
    """
    low, high = max(price.min, 1), max(price.max, 1)
    logarithmic = high / low > LOG_FROM

    def column(value: int) -> int:
        if high == low:
            return 0
        if logarithmic:
            share = math.log(max(value, 1) / low) / math.log(high / low)
        else:
            share = (value - low) / (high - low)
        return round(max(0.0, min(1.0, share)) * (width - 1))

    line = ["─"] * width
    line[0], line[-1] = "├", "┤"
    line[column(price.mean)] = "○"
    line[column(price.median)] = "●"
    scale = ", logarithmic scale" if logarithmic else ""
    return Text.assemble(
        f"{price.min:,} ",
        ("".join(line), "green"),
        f" {price.max:,}\n",
        (f"● median   ○ mean{scale}", "dim"),
    )
