"""
The EPA's records, and cars to look for among them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from carvalue.core.cars import Car, MakeModel
from carvalue.core.catalog import key_of
from carvalue.providers.epa_csv import document_of, read_rows
from tests.servers import ROOT

SAMPLE = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"


class Rows:
    """EpaRows in memory."""

    def __init__(self, *records: Mapping[str, Any]) -> None:
        self.records = records

    async def of_make(self, make_key: str, year: int) -> Sequence[str]:
        return [
            document_of(one)
            for one in self.records
            if (key_of(one["make"]), one["year"]) == (make_key, year)
        ]

    async def any(self) -> bool:
        return bool(self.records)


def sample(path: Path = SAMPLE) -> list[Mapping[str, Any]]:
    rows = read_rows(path.read_bytes().splitlines(keepends=True))
    return [row.record for row in rows if row.record is not None]


def a_record(**columns: object) -> dict[str, Any]:
    return {"id": 1, "year": 2010, "make": "Toyota", "model": "Corolla", **columns}


def a_car(make: str, model: str, year: int, trim_id: str | None = None) -> Car:
    return Car(make_model(make, model), year, trim_id)


def make_model(make: str, model: str) -> MakeModel:
    return MakeModel(key_of(make), make, f"{key_of(make)}-{key_of(model)}", model)
