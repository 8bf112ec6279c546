"""
The catalogue: vPIC's makes, models and model years, under the names that people use.

Over vPIC lie three CSV files of ours, beside this one in `names/`: `makes.csv` says what makes
there are and what else they are called, `us.csv` names the models of the US market as price guides
do and mends vPIC's years, `world.csv` names models of other markets, so that they are understood.
A team's own file has the columns of `us.csv` and lies over all of it.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO

from carvalue.core.catalog import Catalog, CatalogRow, MakeName, key_of
from carvalue.core.errors import SettingsIncomplete
from carvalue.providers.spelling import nearest
from carvalue.providers.vpic import COVERED_UNTIL, catalog_rows

COLUMNS = ("make", "model", "years", "aliases", "versions")
HIDDEN = "none"
"""In the column of years: a name of vPIC's that is no car."""
FIRST_YEAR, LAST_YEAR = 1886, 2100
MAX_NAME = 200
"""Characters of make and model together."""

_YEARS = re.compile(r"(?P<first>\d{4})(?:\s*(?P<to>-)\s*(?P<last>\d{4})?)?")


class _Wrong(ValueError):
    """What is wrong with a line."""


@dataclass(frozen=True, slots=True)
class _Hidden:
    """Models of a make, by shell pattern, that are none."""

    make: str
    pattern: str


@dataclass(frozen=True, slots=True)
class _Make(MakeName):
    """`sold`: whether it makes cars for this market; of vPIC's makes only these are kept."""

    sold: bool = False


class _Rows:
    """What is known so far, one source laid over the other."""

    def __init__(self, makes: Iterable[_Make]) -> None:
        self._spelt = {
            key_of(name): make.make for make in makes for name in (make.make, *make.aliases)
        }
        self._rows: dict[str, dict[str, CatalogRow]] = defaultdict(dict)

    def __iter__(self) -> Iterator[CatalogRow]:
        for models in self._rows.values():
            yield from models.values()

    def lay_over(self, row: CatalogRow, *, keep_years: bool = False) -> None:
        """Add a row; the years of one that is there are replaced, unless it has none of its own."""
        make = self._spelt.get(key_of(row.make), row.make)
        models = self._rows[key_of(make)]
        below = models.get(key_of(row.model))
        years = row.years
        if below is not None and (keep_years or not years):
            years = tuple(sorted({*below.years, *years}))
        models[key_of(row.model)] = CatalogRow(
            make,
            row.model,
            years,
            row.aliases + (below.aliases if below else ()),
            row.versions + (below.versions if below else ()),
        )

    def lay_under(self, names: Iterable[tuple[str, str, tuple[str, ...]]]) -> None:
        """Add names of other markets, unless they are names of what is there."""
        taken = {
            make: {key_of(alias) for row in models.values() for alias in row.aliases}
            for make, models in self._rows.items()
        }
        for spelt, model, aliases in names:
            make = self._spelt.get(key_of(spelt), spelt)
            make_key, model_key = key_of(make), key_of(model)
            if model_key not in self._rows[make_key] and model_key not in taken.get(make_key, ()):
                self._rows[make_key][model_key] = CatalogRow(make, model, (), aliases)

    def hide(self, make: str, pattern: str) -> None:
        """Forget the models of a make whose names fit a shell pattern."""
        fits = re.compile(translate(pattern.casefold())).match
        models = self._rows[key_of(self._spelt.get(key_of(make), make))]
        for key in [key for key, row in models.items() if fits(row.model.casefold())]:
            del models[key]


@cache
def load_catalog(extra: Path | None = None) -> Catalog:
    """
    Load the catalogue, once; `extra` is a team's own CSV, which adds to it.

    Raises `SettingsIncomplete`, naming the line of the team's file that is wrong.
    """
    own = _read_extra(extra) if extra is not None else []  # first: it may be wrong
    makes = list(_makes())
    rows = _Rows(makes)
    sold = {key_of(name) for make in makes if make.sold for name in (make.make, *make.aliases)}
    for row in catalog_rows():
        if key_of(row.make) in sold:
            rows.lay_over(row)
    with _ours("us.csv") as file:
        _lay_over(rows, _read(file))
    with _ours("world.csv") as file:
        rows.lay_under(_read_world(file))
    _lay_over(rows, own, keep_years=True)
    return Catalog(rows, covered_until=COVERED_UNTIL, makes=makes, nearest=nearest)


def _ours(name: str) -> IO[str]:
    return files("carvalue.providers").joinpath("names", name).open(encoding="utf-8")


def _makes() -> Iterator[_Make]:
    with _ours("makes.csv") as file:
        for entry in csv.DictReader(file):
            yield _Make(entry["make"], _split(entry["aliases"]), sold=entry["market"] == "us")


def _lay_over(rows: _Rows, lines: Iterable[CatalogRow | _Hidden], keep_years: bool = False) -> None:
    lines = list(lines)
    for line in lines:  # first, so that a good name may take the place of an odd one
        if isinstance(line, _Hidden):
            rows.hide(line.make, line.pattern)
    for line in lines:
        if isinstance(line, CatalogRow):
            rows.lay_over(line, keep_years=keep_years)


# Reading a CSV


def _read_extra(path: Path) -> list[CatalogRow | _Hidden]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_read(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsIncomplete("CARVALUE_CATALOG_EXTRA cannot be read as UTF-8.") from error
    except (_Wrong, csv.Error) as error:
        raise SettingsIncomplete(f"CARVALUE_CATALOG_EXTRA: {error}") from error


def _read(file: IO[str]) -> Iterator[CatalogRow | _Hidden]:
    reader = csv.DictReader(file)
    columns = reader.fieldnames or ()
    if not {"make", "model"} <= set(columns) or not set(columns) <= set(COLUMNS):
        raise _Wrong(f"the first line must name columns of these: {', '.join(COLUMNS)}")
    for entry in reader:
        try:
            yield _row({name: (entry.get(name) or "").strip() for name in COLUMNS})
        except _Wrong as error:
            raise _Wrong(f"line {reader.line_num}: {error}") from None


def _read_world(file: IO[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for make, model, aliases in list(csv.reader(file))[1:]:
        yield make, model, _split(aliases)


def _row(entry: Mapping[str, str]) -> CatalogRow | _Hidden:
    make, model, years = entry["make"], entry["model"], entry["years"]
    if years == HIDDEN and make and model:
        return _Hidden(make, model)
    if not key_of(make) or not key_of(model) or len(make) + len(model) > MAX_NAME:
        raise _Wrong("make and model need a name")
    return CatalogRow(
        make, model, _years(years), _split(entry["aliases"]), _split(entry["versions"])
    )


def _years(text: str) -> tuple[int, ...]:
    """ "1988-1991, 2019-" as years; an open end goes on to the last year that vPIC covers."""
    years: set[int] = set()
    for part in filter(None, map(str.strip, text.split(","))):
        match = _YEARS.fullmatch(part)
        if match is None:
            raise _Wrong("write years such as 1988-1991, 2004, 2019-")
        first = int(match["first"])
        last = int(match["last"] or (COVERED_UNTIL if match["to"] else first))
        if not FIRST_YEAR <= first <= last <= LAST_YEAR:
            raise _Wrong(f"years go up, from {FIRST_YEAR} on")
        years.update(range(first, last + 1))
    return tuple(sorted(years))


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, (text or "").split("|"))))
