"""
The commands `carvalue listings`: import, train, evaluate, export-mock.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.table import Table

from carvalue.core.errors import SettingsIncomplete
from carvalue.core.valuation import MileageUnit
from carvalue.provider_settings import ListingsSettings
from carvalue.providers.catalog import load_catalog
from carvalue.settings import Settings

try:
    from carvalue.listings.backtest import told_by_older, told_by_others
    from carvalue.listings.baselines import baselines
    from carvalue.listings.columns import ColumnNames
    from carvalue.listings.figures import draw
    from carvalue.listings.importing import ImportRules, Report, import_file
    from carvalue.listings.model_file import save_model
    from carvalue.listings.scores import report
    from carvalue.listings.store import Reader
    from carvalue.listings.training import MOST, train

    _missing: ImportError | None = None
except ImportError as error:  # the extra `listings` is not installed
    _missing = error

ENOUGH_FOR_A_DEMO = 8_000
"""Listings that are learnt from, of 65,000 that are compared with; nobody waits half a minute."""

commands = typer.Typer(no_args_is_help=True, help="Asking prices of your own, as a valuer.")
console = Console()
stderr = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, .csv.gz or Parquet.")]


@commands.callback()
def _check_extra() -> None:
    if _missing is not None:
        raise SettingsIncomplete(
            f"This needs the extra: pip install 'carvalue[listings]' ({_missing.name} is missing)"
        ) from _missing


@commands.command("import")
def import_listings(
    file: File,
    replace: Annotated[
        bool, typer.Option("--replace", help="The file is the whole stock; forget the rest.")
    ] = False,
    refused: Annotated[
        Path | None, typer.Option(help="Write the rows that cannot be used to this CSV.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Take in a file of asking prices, all good rows or nothing.

    Columns are found by common names, or named in the settings. The same file again changes
    nothing. A listing with an id takes the place of the older one with that id; a car that is the
    same in everything is one car.
    """
    settings = Settings.read()
    catalog = load_catalog(settings.catalog_extra)
    rules = _rules(settings.listings, replace=replace)
    with _progress("Importing", quiet=as_json) as advance:
        done = import_file(
            file, settings.listings.folder, catalog, rules, refused=refused, advanced=advance
        )
    if as_json:
        print(json.dumps(done.summary(), indent=2))
    else:
        show_import(console, done)


@commands.command("train")
def train_model(as_json: AsJson = False) -> None:
    """Learn the market of the listings that were imported; takes minutes at most."""
    settings = Settings.read().listings
    started = time.monotonic()
    with stderr.status("Learning ...") as status:
        reader = Reader(settings.folder)
        count = reader.count()
        stock = reader.all(at_most=MOST if count > MOST else None)
        model = train(stock, reader.names, done=lambda step: status.update(f"Learnt: {step} ..."))
        save_model(model, settings.folder, listings=len(stock))
        reader.close()
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        print(json.dumps({"listings": count, "learnt_from": len(stock), "seconds": seconds}))
    else:
        console.print(f"Learnt from {len(stock):,} of {count:,} listings in {seconds} s.")


@commands.command("evaluate")
def evaluate(
    file: File,
    plot: Annotated[Path | None, typer.Option(help="Draw the figures (PNG).")] = None,
    seed: Annotated[int, typer.Option(help="Another seed parts the listings otherwise.")] = 1,
    at_most: Annotated[
        int, typer.Option(min=500, help="Listings that are looked at; of more, some by chance.")
    ] = 50_000,
    as_json: AsJson = False,
) -> None:
    """
    Say how well prices are told: each listing by all others, and the newest by the older.

    Nothing is imported; what has been is not looked at. No listing's own price is ever seen.
    """
    settings = Settings.read()
    catalog = load_catalog(settings.catalog_extra)
    with tempfile.TemporaryDirectory() as folder:
        with _progress("Reading", quiet=as_json) as advance:
            rules = _rules(settings.listings)
            done = import_file(file, Path(folder), catalog, rules, advanced=advance)
        reader = Reader(Path(folder))
        stock = reader.all(at_most=at_most if done.listings > at_most else None)
        names = reader.names
        reader.close()
    with _progress("Telling", quiet=as_json) as advance:
        told = told_by_others(stock, names, seed=seed, advanced=lambda share: advance(share, 0))
    plain = baselines(stock)
    figures = {
        "file": done.summary(),
        "leave_one_out": report(told, plain),
        "by_time": report(told_by_older(stock, names, seed=seed), None),
    }
    if plot is not None:
        title = f"{len(stock):,} listings, each told by all others"
        draw(plot, told, plain, figures["leave_one_out"], title)
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        show_evaluation(console, figures)


@commands.command("export-mock")
def export_mock(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The CSV to be written.")],
) -> None:
    """Write the mocks' used-car market as a file of listings, to try this out with."""
    rows = _mock_market().write(file)
    console.print(f"{rows:,} listings written. Try: carvalue listings import {escape(str(file))}")


def learn_mock_market(folder: Path) -> ListingsSettings:
    """
    Import the mocks' market as it were today, and learn it: what the demo's prices come from.

    Raises `SettingsIncomplete` where an extra is missing.
    """
    _check_extra()
    settings = ListingsSettings(
        folder=folder, mileage_unit=MileageUnit.mi, country="US", source="mock:listings"
    )
    file = folder / "mock-market.csv"
    _mock_market().write(file, last_day=datetime.now(UTC).date())
    import_file(file, folder, load_catalog(None), _rules(settings))
    reader = Reader(folder)
    stock = reader.all(at_most=ENOUGH_FOR_A_DEMO)
    save_model(train(stock, reader.names), folder, listings=len(stock))
    reader.close()
    return settings


def _mock_market() -> Any:
    try:
        return import_module("mocks.market_file")  # named by a text: carvalue imports no mocks
    except ImportError as error:
        raise SettingsIncomplete("This needs the extra: pip install 'carvalue[mocks]'") from error


def _rules(settings: ListingsSettings, *, replace: bool = False) -> "ImportRules":
    columns = ColumnNames(
        make=settings.make_column,
        model=settings.model_column,
        year=settings.year_column,
        mileage=settings.mileage_column,
        trim=settings.trim_column,
        price=settings.price_column,
        date=settings.date_column,
        id=settings.id_column,
    )
    return ImportRules(columns, settings.mileage_unit, replace=replace)


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[Callable[[float, int], None]]:
    bar = Progress(
        SpinnerColumn(),
        TextColumn(what),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"),
        console=stderr,
        disable=quiet,
    )
    with bar:
        task = bar.add_task(what, total=1.0, rows="")

        def advance(share: float, rows: int) -> None:
            bar.update(task, completed=share, rows=f"{rows:,} rows" if rows else "")

        yield advance


# What the operator sees


def show_import(to: Console, done: "Report") -> None:
    """The report of an import, for people."""
    if done.known:
        to.print("This very file has been imported before; nothing was changed.")
        return
    summary = done.summary()
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name in ("rows", "refused", "new", "repeats", "listings", "models"):
        table.add_row(name, f"{summary[name]:,}")
    table.add_row("models not in the catalog", f"{done.uncatalogued:,}")
    to.print(table)
    _show_reasons(to, "Refused, because of", summary["reasons"])
    _show_reasons(to, "Not understood, taken as unknown", summary["values_not_understood"])
    if done.not_utf8:
        to.print(f"{done.not_utf8:,} lines are no UTF-8; they were read as Windows-1252.")
    rate = done.rows / max(done.seconds, 0.001)
    to.print(f"[dim]{done.seconds:.1f} s, {rate:,.0f} rows a second[/]")


def _show_reasons(to: Console, title: str, reasons: list[dict[str, Any]]) -> None:
    if not reasons:
        return
    table = Table(title, "Rows", "First lines")
    for one in reasons:
        first = ", ".join(str(line) for line in one["first_lines"])
        table.add_row(one["reason"], f"{one['count']:,}", first)
    to.print(table)


def show_evaluation(to: Console, figures: Mapping[str, Any]) -> None:
    """The figures of an evaluation, for people."""
    told = figures["leave_one_out"]
    to.print(
        f"{told['listings']:,} listings, {told['without_a_value']:,} of them without a value. "
        "In brackets: 95 % intervals."
    )
    table = Table("", "Listings", "MdAPE", "within 10 %", "within 20 %")
    _add(table, "listings, with a comparable", told["with_a_comparable"])
    for name, baseline in told["baselines"].items():
        _add(table, f"  baseline: {name.replace('_', ' ')}", baseline)
    _add(table, "listings, all", told["all"])
    _add(table, "listings, newest by older", figures["by_time"]["all"])
    to.print(table)
    ranges = Table("Ranges", "Covered", "Width (median)")
    for title, part in (("", told), (", newest by older", figures["by_time"])):
        for level, one in part["ranges"].items():
            ranges.add_row(f"{level} %{title}", _shown(one["coverage"]), f"{one['width']:.1%}")
    to.print(ranges)
    groups = Table("Others of model and year", "Listings", "MdAPE", "80 % covers", "90 % covers")
    for one in told["by_comparables"]:
        covers = [_shown(one[f"range_{level}"]["coverage"]) for level in (80, 90)]
        groups.add_row(one["comparables"], f"{one['listings']:,}", _shown(one["mdape"]), *covers)
    to.print(groups)
    compared = Table("Ranges that cover as much", "80 %", "90 %")
    for kind in ("ours", "around_the_median", "quantiles_widened"):
        widths = [f"{one[kind]['mean_log_width']:.3f}" for one in told["ranges_compared"].values()]
        compared.add_row(kind.replace("_", " "), *widths)
    to.print(compared)
    to.print("[dim]Widths are means, in logarithms of the price.[/]")


def _add(table: Table, title: str, one: Mapping[str, Any]) -> None:
    if one["listings"]:
        figures = (_shown(one[name]) for name in ("mdape", "within_10", "within_20"))
        table.add_row(title, f"{one['listings']:,}", *figures)


def _shown(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.1%} ({figure['from']:.1%}-{figure['to']:.1%})"
