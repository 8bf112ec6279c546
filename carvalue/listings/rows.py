"""
One row of a file, checked: a listing, or why it is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from carvalue.core.catalog import has_key
from carvalue.core.valuation import KM_PER_MILE, MileageUnit
from carvalue.listings.columns import Columns
from carvalue.listings.values import date_of, number_of

FIRST_YEAR = 1900
YEARS_AHEAD = 2
"""A model year may be so far after the newest day that there is."""
MAX_PRICE = 10**12
MAX_KM = 1_500_000
LONGEST_NAME = 120
PLACEHOLDERS = frozenset(
    {1, 11, 111, 1111, 11111, 111111, 1111111, 12, 123, 1234, 12345, 123456, 1234567}
    | {999999, 99999, 9999999, 99999999}
)
"""Mileages that people type who do not want to tell."""
_CACHED = 200_000
_FIRST_DAY = date(1970, 1, 1)


class Fault(StrEnum):
    """Why a row is no listing."""

    too_few = "fewer fields than the header"
    too_many = "more fields than the header"
    quotes = "quotes that do not match"
    too_long = "a field that is too long"
    no_name = "no make or no model"
    long_name = "a make or model that is too long"
    no_year = "no model year"
    year = "a model year that cannot be"
    no_price = "no price"
    price = "a price that is no number"
    not_positive = "a price that is not above 0"
    huge_price = "a price beyond any car's"


class Odd(StrEnum):
    """What of a listing nobody understands; it is unknown, and the listing is kept."""

    mileage = "mileage"
    no_mileage = "mileage 0, or one that nobody has driven"
    date = "date"


@dataclass(slots=True)
class Batch:
    """Listings by column; `label` and `trim` are the numbers of what is written there."""

    label: list[int] = field(default_factory=list)
    trim: list[int] = field(default_factory=list)
    year: list[int] = field(default_factory=list)
    km: list[int] = field(default_factory=list)
    price: list[int] = field(default_factory=list)
    day: list[int] = field(default_factory=list)
    id: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.label)


UNKNOWN = -1
"""In the place of a mileage, a day or a trim that is not known."""


class _Cache(dict[str, int | Fault | Odd]):
    """What texts mean; a file says the same few thousand things again and again."""

    def __init__(self, read: Callable[[str], int | Fault | Odd]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> int | Fault | Odd:
        meant = self._read(text)
        if len(self) < _CACHED:
            self[text] = meant
        return meant


class RowReader:
    """Reads rows into a batch. `odd` counts, and has the first lines of, what is not understood."""

    def __init__(
        self,
        columns: Columns,
        width: int,
        *,
        unit: MileageUnit,
        newest_year: int,
        month_first: bool = False,
    ) -> None:
        self.columns = columns
        self.width = width
        self.labels: dict[tuple[str, str], int] = {}
        self.trims: dict[str, int] = {}
        self.batch = Batch()
        self._years = _Cache(lambda text: _year(text, newest_year + YEARS_AHEAD))
        self._prices = _Cache(_price)
        factor = KM_PER_MILE if (columns.unit or unit) is MileageUnit.mi else 1.0
        self._mileages = _Cache(lambda text: _km(text, factor))
        self._days = _Cache(lambda text: _day(text, month_first=month_first))

    def read(self, row: Sequence[str]) -> Fault | Odd | None:
        """Add a row to the batch; a `Fault` says that it was not added."""
        if len(row) != self.width:
            return Fault.too_few if len(row) < self.width else Fault.too_many
        at = self.columns
        make, model = row[at.make], row[at.model]
        label = self.labels.get((make, model))
        if label is None:
            if fault := _name_fault(make, model):
                return fault
            label = self.labels[make, model] = len(self.labels)
        year, price = self._years[row[at.year]], self._prices[row[at.price]]
        if isinstance(year, Fault):
            return year
        if isinstance(price, Fault):
            return price
        odd: Odd | None = None
        km: int | Fault | Odd = UNKNOWN if at.mileage is None else self._mileages[row[at.mileage]]
        day: int | Fault | Odd = UNKNOWN if at.date is None else self._days[row[at.date]]
        if isinstance(km, Odd):
            odd, km = km, UNKNOWN
        if isinstance(day, Odd):
            odd, day = day, UNKNOWN
        trim = UNKNOWN
        if at.trim is not None and (text := row[at.trim]):
            trim = self.trims.setdefault(text[:LONGEST_NAME], len(self.trims))
        batch = self.batch
        batch.label.append(label)
        batch.trim.append(trim)
        batch.year.append(int(year))
        batch.km.append(int(km))
        batch.price.append(int(price))
        batch.day.append(int(day))
        batch.id.append("" if at.id is None else row[at.id].strip()[:LONGEST_NAME])
        return odd


def _name_fault(make: str, model: str) -> Fault | None:
    if not has_key(make) or not has_key(model):
        return Fault.no_name
    return Fault.long_name if len(make) + len(model) > LONGEST_NAME else None


def _year(text: str, last: int) -> int | Fault:
    if not text.strip():
        return Fault.no_year
    number = number_of(text)
    # "2,015" is 2015, but 15.5 is no year.
    if number is None or number != int(number) or not FIRST_YEAR <= number <= last:
        return Fault.year
    return int(number)


def _price(text: str) -> int | Fault:
    if not text.strip():
        return Fault.no_price
    number = number_of(text)
    if number is None:
        return Fault.price
    if number > MAX_PRICE:
        return Fault.huge_price
    return round(number) if number >= 0.5 else Fault.not_positive


def _km(text: str, factor: float) -> int | Odd:
    if not text.strip():
        return UNKNOWN
    number = number_of(text)
    if number is None or number < 0:
        return Odd.mileage
    km = number * factor
    if number == 0 or number in PLACEHOLDERS or km > MAX_KM:
        return Odd.no_mileage
    return round(km)


def _day(text: str, *, month_first: bool) -> int | Odd:
    if not text.strip():
        return UNKNOWN
    day = date_of(text, month_first=month_first)
    return Odd.date if day is None else (day - _FIRST_DAY).days
