"""
NHTSA's vPIC, offline: the catalogue and VIN decoding.

The PyPI package `vin` ships a copy of the database, US market, model years 1980 to 2024.
https://vpic.nhtsa.dot.gov/api/
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from vin import VIN
from vin.constants import (
    CARS_AND_LIGHT_TRUCKS,
    VIN_CHARACTERS,
    VIN_LENGTH,
    VIN_MODEL_YEAR_CHARACTERS,
)
from vin.database import vehicle_db

from carvalue.core.cars import MakeModel, VinCar
from carvalue.core.catalog import Catalog, CatalogRow
from carvalue.core.errors import InvalidVin
from carvalue.core.vins import plain_vin

COVERED_UNTIL = 2024
"""The last model year that the copy covers; a few models of 2025 are in it already."""

# 49 CFR 565.15; China asks for it as well (GB 16735).
_CHECK_DIGIT_REQUIRED = "12345L"
"""First characters, of North America and China, whose VINs have a check digit by law."""
_YEAR_CODES = "ABCDEFGHJKLMNPRSTVWXY123456789"
"""The tenth character: model years 1980 to 2009, and again 2010 to 2039."""

_MODELS_AND_YEARS = "select distinct model_id, from_year, to_year from pattern"
_NAMES = """
    select make.name as make, model.name as model, model.id as model_id
    from make_model
    join make on make.id = make_model.make_id
    join model on model.id = make_model.model_id
"""


def catalog_rows() -> Iterator[CatalogRow]:
    """The makes, models and model years of vPIC, heavy trucks and coach builders among them."""
    years: dict[int, set[int]] = defaultdict(set)
    for row in vehicle_db.query(_MODELS_AND_YEARS):
        # An open end of a model's years is stored as 2999.
        last = max(min(row["to_year"], COVERED_UNTIL), row["from_year"])
        years[row["model_id"]].update(range(row["from_year"], last + 1))
    for row in vehicle_db.query(_NAMES):
        if known := years.get(row["model_id"]):
            yield CatalogRow(row["make"], row["model"], tuple(sorted(known)))


class VpicDecoder:
    """VinDecoder backed by vPIC."""

    def __init__(self, catalog: Catalog, *, today: Callable[[], date] = date.today) -> None:
        self._catalog = catalog
        self._today = today

    def decode(self, vin: str) -> VinCar | None:
        text = _checked(vin)
        cars: list[tuple[MakeModel, int | None, str | None]] = []
        for year in self._years(text):
            said = _said(text, year)
            make_model = said and self._catalog.find(said.get("make") or "", said["model"] or "")
            if said and make_model:
                cars.append((make_model, year, self._trim(said)))
        if not cars:
            return None
        make_model, _, trim = cars[0]
        years = sorted(year for car, year, _ in cars if car == make_model and year)
        return VinCar(make_model, tuple(years), trim if len(cars) == 1 else None)

    def _trim(self, said: Mapping[str, Any]) -> str | None:
        """The trim, or the series, which many makers give in its place; "3-Series" is a model."""
        series = said.get("series") or ""
        named = self._catalog.find(said.get("make") or "", series)
        return said.get("trim") or (series if named is None else None) or None

    def _years(self, text: str) -> list[int | None]:
        """
        The model years that the tenth character may stand for, the later first; it repeats every
        30 years.

        A car or light truck for North America says with its seventh which it is: a digit up to
        2009, a letter from 2010 on (49 CFR 565.15). None where the code is not in use.
        """
        if text[9] not in VIN_MODEL_YEAR_CHARACTERS:
            return [None]
        later = 2010 + _YEAR_CODES.index(text[9])
        if _check_digit_fits(text) and text[:3] in CARS_AND_LIGHT_TRUCKS:
            years = [later - 30 if text[6].isdigit() else later]
        else:
            years = [later, later - 30]
        return [year for year in years if year <= self._today().year + 1]


def _checked(vin: str) -> str:
    """The VIN as it is stamped. The messages never repeat it: a VIN is personal."""
    text = plain_vin(vin)
    if len(text) != VIN_LENGTH:
        raise InvalidVin(f"A VIN has {VIN_LENGTH} characters.")
    if not all(char in VIN_CHARACTERS for char in text):
        raise InvalidVin("A VIN has digits and letters only, and never I, O or Q.")
    if text[0] in _CHECK_DIGIT_REQUIRED:
        if text[9] not in VIN_MODEL_YEAR_CHARACTERS:
            raise InvalidVin("The tenth character of the VIN does not stand for a model year.")
        if not _check_digit_fits(text):
            raise InvalidVin("The check digit, its ninth character, does not fit the VIN.")
    return text


def _check_digit_fits(text: str) -> bool:
    return bool(text[8] == VIN.calculate_check_digit(text))


def _said(text: str, year: int | None) -> dict[str, Any] | None:
    """What vPIC says of a car with this VIN and model year."""
    read = VIN(text, decode=False, fix_check_digit=True, decode_model_year=False)
    said: dict[str, Any] | None = vehicle_db.decode_vin(read.wmi, read.descriptor, year)
    return said if said and said.get("model") else None
