"""
Files of listings: CSV, also packed by gzip, and Parquet.

Text is UTF-8, or line by line Windows-1252 where it is not. A quote that is never closed spoils
its own line, not the rest of the file. A file that ends in the middle is refused whole.
"""

import csv
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import duckdb

from carvalue.listings.columns import ListingsUnreadable
from carvalue.listings.rows import Fault

LONGEST_LINE = 100_000
LONGEST_FIELD = 10_000
DELIMITERS: Final = (",", ";", "\t", "|")
_MOST_HELD = 50
"""Lines of one row: an open quote ends here at the latest."""
_FETCHED = 20_000
_CUT_OFF = "The file ends in the middle{}. Get the whole file; nothing was imported."


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` is where it begins, the header being line 1. `fault`: it cannot be read."""

    line: int
    fields: Sequence[str]
    fault: Fault | None = None


@dataclass(slots=True)
class Opened:
    """
    A file that is being read.

    `share` is how much of it has been read, from 0 to 1. `not_utf8` counts lines that are
    Windows-1252; `unended` says that the last line has no end, once all rows have been read.
    """

    hash: str
    header: Sequence[str]
    rows: Iterator[Row]
    share: Callable[[], float]
    not_utf8: int = 0
    unended: bool = False


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """
    Open a file; what it is, its first bytes tell.

    Raises `ListingsUnreadable`, here or while the rows are read.
    """
    with ExitStack() as closing:
        with _translated():
            file = _opened(path, closing)
        yield file


def _opened(path: Path, closing: ExitStack) -> Opened:
    raw = closing.enter_context(path.open("rb"))
    digest = hashlib.file_digest(raw, "sha256").hexdigest()
    size = raw.tell()
    raw.seek(0)
    magic = raw.read(4)
    raw.seek(0)
    if size == 0:
        raise ListingsUnreadable("The file is empty.")
    if magic == b"PAR1":
        return _opened_parquet(path, digest, closing)
    if magic[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ListingsUnreadable("The file is UTF-16; save it as UTF-8.")
    if magic == b"PK\x03\x04":
        raise ListingsUnreadable("The file is a ZIP or a spreadsheet; save it as CSV.")
    plain: IO[bytes] | gzip.GzipFile = raw
    if magic[:2] == b"\x1f\x8b":
        plain = closing.enter_context(gzip.GzipFile(fileobj=raw))
    return _opened_csv(plain, digest, lambda: min(raw.tell() / size, 1.0))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise ListingsUnreadable(_CUT_OFF.format("")) from error
    except (OSError, duckdb.Error) as error:
        raise ListingsUnreadable("The file cannot be read. Nothing was imported.") from error


# Text


class _Lines:
    """The lines of a file, decoded, with those of the row that is being read held."""

    def __init__(self, plain: IO[bytes] | gzip.GzipFile) -> None:
        self._plain = plain
        self.number = 0
        self.held: list[str] = []
        self.not_utf8 = 0
        self.unended = False
        self.too_long = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.held) >= _MOST_HELD:
            raise StopIteration  # ends the row, as the end of the file does
        line = self._plain.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.unended = not line.endswith((b"\n", b"\r"))
        if self.unended and len(line) == LONGEST_LINE:
            self.too_long = True
            while (rest := self._plain.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
        self.number += 1
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self.not_utf8 += 1
            text = line.decode("cp1252", errors="replace")
        if self.number == 1:
            text = text.removeprefix("\ufeff")
        self.held.append(text)
        return text


def _opened_csv(
    plain: IO[bytes] | gzip.GzipFile, digest: str, share: Callable[[], float]
) -> Opened:
    lines = _Lines(plain)
    first = next(lines, "")
    if "\0" in first:
        raise ListingsUnreadable("The file is no text; save it as CSV.")
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_FIELD)
    header = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
    lines.held.clear()
    file = Opened(digest, header, iter(()), share)
    file.rows = _rows(lines, delimiter, file)
    return file


def _rows(lines: _Lines, delimiter: str, file: Opened) -> Iterator[Row]:
    with _translated():
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        while True:
            begins = lines.number + 1
            try:
                fields = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield from _one_by_one(lines, begins, delimiter, str(error))
                # A reader that has failed in an open quote is not used again.
                reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
            else:
                if lines.too_long:
                    yield Row(begins, (), Fault.too_long)
                elif fields:
                    yield Row(begins, fields)
            lines.held.clear()
            lines.too_long = False
            file.not_utf8, file.unended = lines.not_utf8, lines.unended


def _one_by_one(lines: _Lines, begins: int, delimiter: str, why: str) -> Iterator[Row]:
    """The lines of a row that could not be read: the first is refused, the others stand alone."""
    yield Row(begins, (), Fault.too_long if "field larger" in why else Fault.quotes)
    for number, line in enumerate(lines.held[1:], begins + 1):
        try:
            alone = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            yield Row(number, (), Fault.quotes)
            continue
        if alone:
            yield Row(number, alone)


# Parquet


def _opened_parquet(path: Path, digest: str, closing: ExitStack) -> Opened:
    connection = closing.enter_context(duckdb.connect())
    try:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        counted = connection.cursor().execute("SELECT count(*) FROM read_parquet(?)", [str(path)])
        total = (counted.fetchone() or (0,))[0]
    except duckdb.Error as error:
        raise ListingsUnreadable(_CUT_OFF.format(", or is no Parquet")) from error
    header = [column[0] for column in found.description or ()]
    read = 0

    def rows() -> Iterator[Row]:
        nonlocal read
        with _translated():
            while some := found.fetchmany(_FETCHED):
                for fields in some:
                    read += 1
                    yield Row(read, ["" if one is None else str(one) for one in fields])

    return Opened(digest, header, rows(), lambda: read / max(total, 1))
