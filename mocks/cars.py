"""
The cars that the mocked specs and valuation services know.

They are read from `answers/specs_api/*.json`. An entry there is one trim of one
generation and holds for a span of model years; each year is a car of its own,
with an id of its own, counted on from the entry's `first_id`.

The Corolla of 2010 is the article's, figure for figure. The others are written
from general knowledge of what makers and the EPA publish for the US market:
good enough for a stand-in, no reference. Their mpg are by the EPA's current
method, and the l/100 km follow from the mpg. A figure that we could not tell is
null. `new_price` is about what the car cost new, in US dollars; only
`mocks.market` reads it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent / "answers" / "specs_api"


@dataclass(frozen=True)
class KnownCar:
    """A trim of a model year."""

    model_id: str
    make: str
    model: str
    year: int
    new_price: int
    specs: Mapping[str, str | None]
    """The specs service's answer: 26 keys, in the article's order."""


def known_cars() -> list[KnownCar]:
    """Tell every car there is."""
    return list(_by_id().values())


def car_named(make: str, model: str, year: int) -> KnownCar | None:
    """
    Find a car by its name as people write it.

    Neither case nor punctuation matter: "f150" is the F-150.
    """
    return _by_name().get((_plain(make), _plain(model), year))


def car_with_id(model_id: str) -> KnownCar | None:
    return _by_id().get(model_id)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@cache
def _by_id() -> Mapping[str, KnownCar]:
    return MappingProxyType({car.model_id: car for car in _read_cars()})


@cache
def _by_name() -> Mapping[tuple[str, str, int], KnownCar]:
    return MappingProxyType(
        {(_plain(car.make), _plain(car.model), car.year): car for car in known_cars()}
    )


def _read_cars() -> Iterator[KnownCar]:
    for file in sorted(_FOLDER.glob("*.json")):
        for entry in json.loads(file.read_text(encoding="utf-8")):
            first_year, last_year = entry["years"]
            for year in range(first_year, last_year + 1):
                yield _car_of(entry, year, model_id=str(entry["first_id"] + year - first_year))


def _car_of(entry: Mapping[str, object], year: int, *, model_id: str) -> KnownCar:
    specs = entry["specs"]
    new_price = entry["new_price"]
    assert isinstance(specs, dict) and isinstance(new_price, int)  # noqa: S101, PT018 - our own file
    return KnownCar(
        model_id=model_id,
        make=specs["make_display"],
        model=specs["model_name"],
        year=year,
        new_price=new_price,
        specs=MappingProxyType(
            {
                "model_id": model_id,
                "model_name": specs["model_name"],
                "model_trim": specs["model_trim"],
                "model_year": str(year),
                **specs,
            }
        ),
    )
