"""
Reads `vehicles.csv`, the EPA's file of all cars since model year 1984.

https://www.fueleconomy.gov/feg/ws/#vehicle

Columns are found by name: their order has changed over the years. A line is a row: the file has no
line breaks inside of quotes, so a stray quote costs one row and not all that follow it.
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from carvalue.core.errors import CarvalueError

Value = str | int | float
Record = Mapping[str, Value]
"""What is known of a car, by the EPA's names of the columns; the rest is left out."""

REQUIRED = ("id", "year", "make", "model")
TEXTS = (
    "make", "model", "baseModel", "VClass", "drive", "trany", "eng_dscr", "trans_dscr",
    "fuelType", "fuelType1", "fuelType2", "atvType", "rangeA", "evMotor", "mfrCode", "c240Dscr",
    "c240bDscr", "guzzler", "tCharger", "sCharger", "startStop", "mpgData", "phevBlended",
)  # fmt: skip
WHOLE = (
    "id", "year", "engId", "cylinders", "city08", "cityA08", "highway08", "highwayA08", "comb08",
    "combA08", "co2", "co2A", "feScore", "ghgScore", "ghgScoreA", "fuelCost08", "fuelCostA08",
    "hlv", "hpv", "lv2", "lv4", "pv2", "pv4", "range", "phevCity", "phevHwy", "phevComb",
)  # fmt: skip
DECIMALS = (
    "displ", "barrels08", "barrelsA08", "charge120", "charge240", "charge240b", "city08U",
    "cityA08U", "cityCD", "cityE", "cityUF", "highway08U", "highwayA08U", "highwayCD", "highwayE",
    "highwayUF", "comb08U", "combA08U", "combE", "combinedCD", "combinedUF", "co2TailpipeAGpm",
    "co2TailpipeGpm", "rangeCity", "rangeCityA", "rangeHwy", "rangeHwyA", "UCity", "UCityA",
    "UHighway", "UHighwayA",
)  # fmt: skip
SIGNED = ("youSaveSpend",)
DATES = ("createdOn", "modifiedOn")
COLUMNS = frozenset(TEXTS + WHOLE + DECIMALS + SIGNED + DATES)
"""All 84."""

LONGEST_LINE = 16_384
"""Bytes; an honest line has some 500."""
LONGEST_TEXT = 200
YEARS = range(1980, 2101)
LARGEST_ID = 2**31
LARGEST = 1_000_000

_NOTHING = frozenset({"NA", "N/A", "NaN", "nan", "null", "NULL"})
"""What other tools write into empty cells when they save the file again."""
_NOT_AVAILABLE = frozenset({0, -1})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class EpaFileUnreadable(CarvalueError):
    """The file is not the EPA's, or cannot be read to its end."""

    code = "specs-file-unreadable"


class Fault(StrEnum):
    """Why a row is left out."""

    too_long = "the line is too long"
    encoding = "not UTF-8"
    quotes = "quotes that do not close"
    width = "another number of columns than the header"
    no_id = "no id"
    no_year = "no model year"
    no_make = "no make"
    no_model = "no model"
    repeated = "an id that came before"


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of the file; `line` counts from 1.

    `record` is None when the row is left out for its `fault`. `odd` are the columns whose values
    nobody understands; they count as unknown.
    """

    line: int
    record: Record | None
    fault: Fault | None = None
    odd: tuple[str, ...] = ()


def read_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """
    Read all rows; a bad one is told and left out.

    Raises `EpaFileUnreadable` when the header is not that of the EPA's file.
    """
    numbered = enumerate(lines, start=1)
    names = _header(next(numbered, (1, b""))[1])
    readers = [
        (place, name, _READERS[name]) for place, name in enumerate(names) if name in _READERS
    ]
    seen: set[Value] = set()
    for number, line in numbered:
        if not line.strip():
            continue
        fields = _fields(line, len(names))
        if isinstance(fields, Fault):
            yield Row(number, None, fields)
            continue
        record, odd = _read(fields, readers)
        fault = _fault(record)
        if fault is None and record["id"] in seen:
            fault = Fault.repeated
        if fault is not None:
            yield Row(number, None, fault)
            continue
        seen.add(record["id"])
        yield Row(number, record, odd=odd)


def document_of(record: Record) -> str:
    """A record as it is kept: the same text for the same values, whatever the columns' order."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _header(line: bytes) -> list[str]:
    try:
        names = [name.strip() for name in _split(line.removeprefix(b"\xef\xbb\xbf"))]
    except (csv.Error, UnicodeDecodeError) as error:
        raise EpaFileUnreadable("The file is not a CSV in UTF-8.") from error
    known = COLUMNS.intersection(names)
    missing = [name for name in REQUIRED if name not in known]
    if missing or len(known) == len(REQUIRED):
        lacking = ", ".join(missing) or "everything but id, year, make and model"
        raise EpaFileUnreadable(
            f"The first line does not name the columns of the EPA's vehicles.csv; it lacks "
            f"{lacking}."
        )
    # Of two columns with one name the first counts.
    return [name if names.index(name) == place else "" for place, name in enumerate(names)]


def _fields(line: bytes, width: int) -> list[str] | Fault:
    if len(line) > LONGEST_LINE:
        return Fault.too_long
    try:
        fields = _split(line)
    except UnicodeDecodeError:
        return Fault.encoding
    except csv.Error:
        return Fault.quotes
    return fields if len(fields) == width else Fault.width


def _split(line: bytes) -> list[str]:
    return next(csv.reader([line.decode().rstrip("\r\n")], strict=True), [])


def _read(
    fields: Sequence[str], readers: Sequence[tuple[int, str, "Reader"]]
) -> tuple[Record, tuple[str, ...]]:
    record: dict[str, Value] = {}
    odd: list[str] = []
    for place, name, read in readers:
        text = fields[place].strip()
        if not text or text in _NOTHING:
            continue
        try:
            value = read(text)
        except ValueError:
            odd.append(name)
        else:
            if value is not None:
                record[name] = value
    return record, tuple(odd)


def _fault(record: Record) -> Fault | None:
    if not 0 < _whole(record.get("id")) < LARGEST_ID:
        return Fault.no_id
    if _whole(record.get("year")) not in YEARS:
        return Fault.no_year
    if "make" not in record:
        return Fault.no_make
    return None if "model" in record else Fault.no_model


def _whole(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


# A column's reader says None where there is no value, and raises ValueError for an odd one

Reader = Callable[[str], Value | None]


def _text(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise ValueError("no such text")
    return text


def _decimal(text: str) -> float | None:
    number = float(text)
    if number in _NOT_AVAILABLE:
        return None
    if not 0 < number < LARGEST:
        raise ValueError("no such figure")
    return number


def _number(text: str) -> int | None:
    """A whole number, also where another tool saved it as 4.0."""
    if text.isascii() and text.isdigit() and len(text) < 12:
        return int(text) or None
    number = _decimal(text)
    if number is None or number.is_integer():
        return None if number is None else int(number)
    raise ValueError("no whole number")


def _signed(text: str) -> int:
    number = float(text)
    if not math.isfinite(number) or abs(number) >= LARGEST:
        raise ValueError("no such figure")
    return round(number)


@lru_cache(maxsize=4096)
def _date(text: str) -> str:
    """`Tue Jan 01 00:00:00 EST 2013`, or ISO 8601 as the web service has it; a date alone."""
    parts = text.split()
    if len(parts) == 6 and parts[1] in _MONTHS:
        return date(int(parts[5]), _MONTHS.index(parts[1]) + 1, int(parts[2])).isoformat()
    return date.fromisoformat(text[:10]).isoformat()


_READERS: dict[str, Reader] = {
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(WHOLE, _number),
    **dict.fromkeys(DECIMALS, _decimal),
    **dict.fromkeys(SIGNED, _signed),
    **dict.fromkeys(DATES, _date),
}
