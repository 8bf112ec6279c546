"""
The command `carvalue specs import`: brings the EPA's `vehicles.csv` into the database.
"""

import asyncio
import gzip
import hashlib
import json
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.table import Table

from carvalue.core.catalog import key_of
from carvalue.providers.epa_csv import (
    LONGEST_LINE,
    EpaFileUnreadable,
    Fault,
    Record,
    document_of,
    read_rows,
)
from carvalue.settings import Settings
from carvalue.storage.database import Database
from carvalue.storage.epa import EpaRecord, Position, SqlEpaStore

console = Console()
stderr = Console(stderr=True)

BATCH = 1000
"""Rows per transaction: killed in between, at most so many are read again."""
SHOWN_LINES = 5


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

    `odd` are the values, by column, that nobody understands: unknown, but their rows are kept.
    `went_on_from` is the line after which an import that had broken off was taken up.
    """

    rows: int = 0
    reached: Position = field(default_factory=Position)
    left_out: dict[Fault, Lines] = field(default_factory=dict)
    odd: dict[str, Lines] = field(default_factory=dict)
    went_on_from: int = 0
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "rows": self.rows,
            "new": self.reached.new,
            "changed": self.reached.changed,
            "unchanged": self.reached.unchanged,
            "left_out": sum(lines.count for lines in self.left_out.values()),
            "reasons": [
                {"reason": fault.value, "count": lines.count, "first_lines": lines.first}
                for fault, lines in self.left_out.items()
            ],
            "values_not_understood": [
                {"column": column, "count": lines.count, "first_lines": lines.first}
                for column, lines in self.odd.items()
            ],
            "went_on_from_line": self.went_on_from or None,
            "seconds": round(self.seconds, 2),
        }


def import_specs(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="The EPA's vehicles.csv, also as .csv.gz or .zip."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """
    Import the EPA's fuel economy data, the specs source `epa`.

    Get them from https://www.fueleconomy.gov/feg/epadata/vehicles.csv. Rows that cannot be read
    are left out and counted. Broken off and run again, it goes on where it stopped; run once more,
    it changes nothing.
    """
    database = Database(Settings.read().database_url)
    try:
        with opened(file) as source, _progress(quiet=as_json) as advance:
            store = SqlEpaStore(database)
            report = asyncio.run(import_rows(source, store, lambda rows: advance(source, rows)))
    finally:
        database.close()
    if as_json:
        print(json.dumps(report.summary(), indent=2))
    else:
        show(console, report)


async def import_rows(
    source: "Source", store: SqlEpaStore, advanced: Callable[[int], None] = lambda rows: None
) -> Report:
    """
    Bring all rows of a file into the store; `advanced` hears how many have been read.

    Raises `EpaFileUnreadable`, `ChangedMeanwhile` when another import runs, `StoreUnavailable`.
    """
    started = time.monotonic()
    report = Report(reached=await store.begin(source.hash))
    report.went_on_from = report.reached.line
    batch: list[EpaRecord] = []

    async def write(line: int) -> None:
        report.reached = await store.add(source.hash, report.reached, batch, line)
        batch.clear()

    # What was dealt with before is read again, which takes no time, so that the report and what
    # is known of repeated ids are those of the whole file.
    line = 0
    for row in read_rows(source.lines):
        report.rows, line = report.rows + 1, row.line
        if row.fault is not None:
            report.left_out.setdefault(row.fault, Lines()).add(line)
        for column in row.odd:
            report.odd.setdefault(column, Lines()).add(line)
        if row.record is not None and line > report.reached.line:
            batch.append(_kept(row.record))
        if len(batch) >= BATCH:
            await write(line)
        if report.rows % BATCH == 0:
            advanced(report.rows)
    if batch:
        await write(line)
    advanced(report.rows)
    await store.finish(source.hash)
    report.seconds = time.monotonic() - started
    return report


def _kept(record: Record) -> EpaRecord:
    base = record.get("baseModel")
    return EpaRecord(
        id=int(record["id"]),
        make_key=key_of(str(record["make"])),
        model_key=key_of(str(record["model"])),
        base_key=key_of(str(base)) if base else None,
        year=int(record["year"]),
        document=document_of(record),
    )


# The file


@dataclass(frozen=True, slots=True)
class Source:
    """A file's lines, its hash, and how much of it has been read, from 0 to 1."""

    hash: str
    lines: Iterable[bytes]
    share: Callable[[], float]


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """
    Open a CSV, or one that is packed as gzip or zip; told by its first bytes, not by its name.

    Raises `EpaFileUnreadable`, here or while the lines are read.
    """
    with ExitStack() as closing:
        with _translated():
            raw = closing.enter_context(path.open("rb"))
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
            size = raw.tell()
            raw.seek(0)
            plain = _unpacked(raw, closing)
        yield Source(digest, _lines(plain), lambda: min(raw.tell() / max(size, 1), 1.0))


def _unpacked(raw: IO[bytes], closing: ExitStack) -> IO[bytes] | gzip.GzipFile:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return closing.enter_context(gzip.GzipFile(fileobj=raw))
    if magic.startswith(b"PK"):
        archive = closing.enter_context(zipfile.ZipFile(raw))
        return closing.enter_context(archive.open(_csv_in(archive)))
    return raw


def _csv_in(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [one for one in archive.infolist() if one.filename.lower().endswith(".csv")]
    if len(files) != 1:
        raise EpaFileUnreadable("The archive does not have exactly one CSV in it.")
    return files[0]


def _lines(plain: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """The lines; the rest of one that is too long is skipped, not held."""
    with _translated():
        while line := plain.readline(LONGEST_LINE + 1):
            rest = line
            while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                rest = plain.readline(LONGEST_LINE + 1)
            yield line


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise EpaFileUnreadable(
            "The file cannot be read to its end. What was read is kept; "
            "get the whole file and run the import again."
        ) from error


# What the operator sees


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[Source, int], None]]:
    bar = Progress(
        SpinnerColumn(),
        TextColumn("Importing"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f} a second"),
        console=stderr,
        disable=quiet,
    )
    started = time.monotonic()
    with bar:
        task = bar.add_task("import", total=1.0, rows=0, rate=0.0)

        def advance(source: Source, rows: int) -> None:
            rate = rows / max(time.monotonic() - started, 0.001)
            bar.update(task, completed=source.share(), rows=rows, rate=rate)

        yield advance


def show(to: Console, report: Report) -> None:
    """The report for people."""
    summary = report.summary()
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name in ("rows", "new", "changed", "unchanged", "left_out"):
        table.add_row(name.replace("_", " "), f"{summary[name]:,}")
    to.print(table)
    if report.went_on_from:
        to.print(f"Went on after line {report.went_on_from:,}, where the last import broke off.")
    _show_lines(to, "Left out", {fault.value: lines for fault, lines in report.left_out.items()})
    _show_lines(to, "Values not understood, taken as unknown", report.odd)
    rate = report.rows / max(report.seconds, 0.001)
    to.print(f"[dim]{report.seconds:.1f} s, {rate:,.0f} rows a second[/]")


def _show_lines(to: Console, title: str, by_name: dict[str, Lines]) -> None:
    if not by_name:
        return
    table = Table(title, "Rows", "First lines", title_justify="left")
    for name, lines in by_name.items():
        first = ", ".join(str(line) for line in lines.first)
        table.add_row(escape(name), f"{lines.count:,}", first)
    to.print(table)
