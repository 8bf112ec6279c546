"""
NHTSA's vPIC, offline: the catalogue and VIN decoding.

The PyPI package `vin` ships a copy of the database, US market, model years 1980 to 2024.
https://vpic.nhtsa.dot.gov/api/
"""

from collections import defaultdict
from functools import cache

from vin import VIN, DecodingError
from vin.constants import (
    VIN_CHARACTERS,
    VIN_LENGTH,
    VIN_MODEL_YEAR_CHARACTERS,
)
from vin.database import vehicle_db

from carvalue.core.cars import Car
from carvalue.core.catalog import Catalog, CatalogRow
from carvalue.core.errors import InvalidVin

COVERED_UNTIL = 2024
"""The last model year that the copy covers; a few models of 2025 are in it already."""

# An open end of a model's years is stored as 2999.
_MODELS_AND_YEARS = """
    select make.name as make, model.name as model, sold.from_year, sold.to_year
    from (select distinct model_id, from_year, to_year from pattern) as sold
    join make_model on make_model.model_id = sold.model_id
    join make on make.id = make_model.make_id
    join model on model.id = make_model.model_id
"""


@cache
def load_catalog() -> Catalog:
    """The makes, models and model years of vPIC. The first call takes some 200 ms."""
    years: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in vehicle_db.query(_MODELS_AND_YEARS):
        last = max(min(row["to_year"], COVERED_UNTIL), row["from_year"])
        years[row["make"], row["model"]].update(range(row["from_year"], last + 1))
    rows = (CatalogRow(make, model, tuple(known)) for (make, model), known in years.items())
    return Catalog(rows, covered_until=COVERED_UNTIL)


class VpicDecoder:
    """VinDecoder backed by vPIC."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def decode(self, vin: str) -> Car | None:
        decoded = _decoded(vin)
        if decoded is None:
            return None
        make_model = self._catalog.find(decoded.make or "", decoded.model or "")
        return Car(make_model, decoded.model_year) if make_model else None


def _decoded(vin: str) -> VIN | None:
    """What vPIC says of a VIN. The messages never repeat it: a VIN is personal."""
    text = "".join(vin.split()).replace("-", "").upper()
    if len(text) != VIN_LENGTH:
        raise InvalidVin(f"A VIN has {VIN_LENGTH} characters.")
    if not all(char in VIN_CHARACTERS for char in text):
        raise InvalidVin("A VIN has digits and letters only, and never I, O or Q.")
    if text[9] not in VIN_MODEL_YEAR_CHARACTERS:
        raise InvalidVin("The tenth character of the VIN does not stand for a model year.")
    if text[8] != VIN.calculate_check_digit(text):
        raise InvalidVin("The check digit, its ninth character, does not fit the VIN.")
    try:
        return VIN(text)
    except DecodingError:
        return None
