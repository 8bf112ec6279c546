"""
The commands `carvalue evaluate` and `carvalue labels`: how far the answers can be trusted.
"""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from carvalue.core.catalog import Catalog, key_of
from carvalue.core.identification import MergeRule
from carvalue.core.labels import parse_label
from carvalue.evaluation.cases import Case, CasesUnreadable, read_cases
from carvalue.evaluation.fit import STEPS, fit, settings_lines
from carvalue.evaluation.metrics import reliability
from carvalue.evaluation.report import draw_reliability, evaluate, merged_line, show, summary
from carvalue.providers.catalog import load_catalog
from carvalue.settings import Settings
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database

console = Console()
stderr = Console(stderr=True)


def evaluate_cases(
    cases: Annotated[
        Path | None, typer.Argument(help="Cases, one JSON object a line.", dir_okay=False)
    ] = None,
    from_history: Annotated[
        bool, typer.Option("--from-history", help="The cars that users confirmed, instead.")
    ] = False,
    merged: Annotated[
        Path | None, typer.Option(help="Write what was made of each case, as JSON lines.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a reliability diagram (PNG).")] = None,
    fitted: Annotated[
        Path | None,
        typer.Option("--fit", help="Write weights that fit these cases; merge.env is read."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Say how often the merged answers are right, and how well they know it."""
    settings = Settings.read()
    catalog, rule = load_catalog(settings.catalog_extra), settings.merge.rule()
    if (cases is None) is not from_history:
        raise typer.BadParameter("Name a file with cases, or say --from-history.")
    known = read_cases(cases) if cases else asyncio.run(_history(settings))
    if not known:
        raise CasesUnreadable("There are no cases.")
    with stderr.status("Merging ..."):
        evaluation = evaluate(known, catalog, rule)
    if merged is not None:
        lines = map(merged_line, evaluation.cases, evaluation.found)
        merged.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    outcomes = evaluation.outcomes()
    if not outcomes:
        stderr.print("No case says which car it was, so there is nothing to compare with.")
        return
    if as_json:
        print(json.dumps(summary(evaluation), indent=2))
    else:
        show(console, evaluation)
    if plot is not None:
        draw_reliability(plot, reliability(outcomes))
    if fitted is not None:
        _fit(known, catalog, rule, fitted)


def _fit(cases: list[Case], catalog: Catalog, rule: MergeRule, path: Path) -> None:
    done = 0

    with stderr.status("Fitting ...") as status:

        def step_done() -> None:
            nonlocal done
            done += 1
            status.update(f"Fitting ... {done} of {len(STEPS)} rounds")

        found = fit(cases, catalog, rule, step_done)
    path.write_text(settings_lines(found), encoding="utf-8")
    stderr.print(f"Written to {path}; compare with: carvalue evaluate")


async def _history(settings: Settings) -> list[Case]:
    """The confirmed cars that are kept, with what the categorizers had said."""
    database = Database(settings.database_url)
    try:
        kept = await SqlAppraisalStore(database).confirmations()
    finally:
        database.close()
    return [
        Case(one.id, one.answers, frozenset({key_of(one.name), key_of(one.model)})) for one in kept
    ]


def parse_labels(
    file: Annotated[Path, typer.Argument(help="Labels, one a line.", dir_okay=False)],
) -> None:
    """Say what each label of a vocabulary means, as JSON lines."""
    catalog = load_catalog(Settings.read().catalog_extra)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CasesUnreadable("The file cannot be read as UTF-8.") from error
    for label in filter(None, map(str.strip, text.split("\n"))):
        parsed = parse_label(label, catalog)
        line = {
            "label": label,
            "make": parsed.make,
            "model": parsed.model,
            "years": list(parsed.years),
            "body": parsed.body,
            "catalogued": parsed.make_model is not None,
            "year_known": parsed.year_known,
            "corrected": parsed.corrected,
        }
        print(json.dumps(line, ensure_ascii=False))
