"""
From a file to the store: every row is checked, and all that are good are taken in at once.
"""

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any

from carvalue.core.catalog import Catalog
from carvalue.core.valuation import MileageUnit
from carvalue.listings.columns import ColumnNames, ListingsUnreadable, found_columns
from carvalue.listings.naming import linked, trim_key
from carvalue.listings.reading import Opened, Row, opened
from carvalue.listings.rows import Batch, Fault, Odd, RowReader
from carvalue.listings.store import writing
from carvalue.listings.values import month_comes_first

BATCH = 100_000
MOST_REFUSED = 0.5
"""If more of the rows than this are refused, the columns are hardly what they are taken for."""
SHOWN_LINES = 5
_LOOKED_AT = 5_000
"""Rows that are looked at to tell how dates are written."""
_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class Lines:
    """How often something happened, and the first lines where it did."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.first) < SHOWN_LINES:
            self.first.append(line)


@dataclass(slots=True)
class Report:
    """
    What became of a file's rows.

    `new` listings were added; the other good rows are `repeats`: of each other, or of what was
    there. `not_utf8` lines were read as Windows-1252. `known`: this very file had been imported.
    """

    rows: int = 0
    new: int = 0
    listings: int = 0
    refused: dict[Fault, Lines] = field(default_factory=dict)
    odd: dict[Odd, Lines] = field(default_factory=dict)
    not_utf8: int = 0
    cars: int = 0
    uncatalogued: int = 0
    known: bool = False
    seconds: float = 0.0

    @property
    def good(self) -> int:
        return self.rows - sum(lines.count for lines in self.refused.values())

    def summary(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "already_imported": self.known,
            "rows": self.rows,
            "refused": self.rows - self.good,
            "new": self.new,
            "repeats": self.good - self.new,
            "listings": self.listings,
            "models": self.cars,
            "models_not_in_catalog": self.uncatalogued,
            "lines_not_utf8": self.not_utf8,
            "reasons": _told(self.refused),
            "values_not_understood": _told(self.odd),
            "seconds": round(self.seconds, 2),
        }


def _told(by_name: dict[Any, Lines]) -> list[dict[str, Any]]:
    return [
        {"reason": name.value, "count": lines.count, "first_lines": lines.first}
        for name, lines in by_name.items()
    ]


@dataclass(frozen=True, slots=True)
class ImportRules:
    """How a file is to be understood; `replace`: it is the whole stock, the rest is forgotten."""

    columns: ColumnNames = field(default_factory=ColumnNames)
    unit: MileageUnit = MileageUnit.km
    replace: bool = False
    today: date | None = None

    @property
    def day(self) -> date:
        return self.today or date.today()  # noqa: DTZ011 - a listing's day has no time zone


def import_file(
    path: Path,
    folder: Path,
    catalog: Catalog,
    rules: ImportRules = ImportRules(),
    *,
    refused: Path | None = None,
    advanced: Callable[[float, int], None] = lambda share, rows: None,
) -> Report:
    """
    Take in all good rows of a file, or nothing.

    `refused` is a CSV to be written with the rows that are not, their lines and why. `advanced`
    hears how much has been read, from 0 to 1, and how many rows. Raises `ListingsUnreadable` and
    `StoreUnavailable`; what was there stands then.
    """
    started = time.monotonic()
    report = Report()
    with opened(path) as file, writing(folder, anew=rules.replace) as writer:
        if writer.knows(file.hash):
            report.known = writer.unchanged = True
            return report
        with _refusals(refused, file) as refuse:
            reader = read_into(file, rules, report, refuse, writer.stage, advanced)
        report.not_utf8 = file.not_utf8
        _check(report)
        counts = writer.labels(len(reader.labels))
        namings = linked(dict(zip(reader.labels, counts, strict=True)), catalog)
        trims = [(trim_key(text), text.strip()) for text in reader.trims]
        before, report.listings = writer.merge(namings, trims, today=(rules.day - _EPOCH).days)
        report.new = report.listings - before
        cars = {one.model_id: one for one in namings}
        report.cars = len(cars)
        report.uncatalogued = sum(not one.catalogued for one in cars.values())
        writer.finish(file.hash, report.listings)
    report.seconds = time.monotonic() - started
    return report


Refuse = Callable[[Row, Fault], None]


def read_into(
    file: Opened,
    rules: ImportRules,
    report: Report,
    refuse: Refuse,
    stage: Callable[[Batch], None],
    advanced: Callable[[float, int], None] = lambda share, rows: None,
) -> RowReader:
    """
    Read all rows, and hand on the good ones in batches.

    Raises `ListingsUnreadable` when columns are missing, or the file ends in the middle.
    """
    columns = found_columns(file.header, rules.columns)
    head = list(islice(file.rows, _LOOKED_AT))
    place = columns.date
    dates = [row.fields[place] for row in head if place is not None and place < len(row.fields)]
    reader = RowReader(
        columns,
        len(file.header),
        unit=rules.unit,
        newest_year=rules.day.year,
        month_first=month_comes_first(dates),
    )
    last: Row | None = None
    fault: Fault | Odd | None = None
    for row in chain(head, file.rows):
        last = row
        report.rows += 1
        fault = row.fault or reader.read(row.fields)
        if fault is not None:
            if isinstance(fault, Fault):
                report.refused.setdefault(fault, Lines()).add(row.line)
                refuse(row, fault)
            else:
                report.odd.setdefault(fault, Lines()).add(row.line)
        if len(reader.batch) >= BATCH:
            stage(reader.batch)
            reader.batch = Batch()
            advanced(file.share(), report.rows)
    if file.unended and last is not None and fault is not None:
        raise ListingsUnreadable(
            f"The file ends in the middle of line {last.line}. Get the whole file; nothing was "
            "imported."
        )
    if len(reader.batch):
        stage(reader.batch)
    advanced(1.0, report.rows)
    return reader


def _check(report: Report) -> None:
    if not report.rows:
        raise ListingsUnreadable("The file has no rows.")
    if report.rows - report.good > MOST_REFUSED * report.rows:
        worst, lines = max(report.refused.items(), key=lambda one: one[1].count)
        raise ListingsUnreadable(
            f"{report.rows - report.good:,} of {report.rows:,} rows cannot be used, most for "
            f"{worst.value} (first in line {lines.first[0]}). Nothing was imported."
        )


@contextmanager
def _refusals(path: Path | None, file: Opened) -> Iterator[Refuse]:
    if path is None:
        yield lambda row, fault: None
        return
    with path.open("w", encoding="utf-8", newline="") as to:
        out = csv.writer(to)
        out.writerow(["line", "reason", *file.header])
        yield lambda row, fault: out.writerow([row.line, fault.value, *row.fields])
