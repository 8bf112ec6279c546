"""
The makes, models and model years we know.

The catalogue is loaded once (`carvalue.providers.vpic`) and then only read. Names are compared
by their key, the letters and digits without case and accents, so that "F-150", "f 150" and
"F150" are one model.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from carvalue.core.cars import MakeModel
from carvalue.core.errors import MakeNotFound, ModelNotFound, UnknownYear, YearNotCovered

# What people call a make, by key, and what the catalogue calls it.
MAKE_ALIASES: Mapping[str, str] = {
    "vw": "volkswagen",
    "chevy": "chevrolet",
    "mercedes": "mercedesbenz",
    "benz": "mercedesbenz",
    "rangerover": "landrover",
    "alfa": "alfaromeo",
    "aston": "astonmartin",
    "rolls": "rollsroyce",
}


def key_of(name: str) -> str:
    """The letters and digits of a name, without case and accents: what two spellings share."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in decomposed if char.isalnum())


def slug_of(name: str) -> str:
    """A name as it stands in an id: lower case, words joined by dashes."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    letters = (char for char in decomposed if not unicodedata.combining(char))
    kept = (char if char.isascii() and char.isalnum() else " " for char in letters)
    return "-".join("".join(kept).split())


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One model as a source lists it; years are model years."""

    make: str
    model: str
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CatalogMake:
    """A make; `make_id` is stable."""

    make_id: str
    make: str


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model and the model years in which it was sold, oldest first."""

    make_model: MakeModel
    years: tuple[int, ...]


class Catalog:
    """
    The makes, models and model years of one market.

    `covered_until` is the last model year that the data speak of. `version` changes whenever an
    answer could.
    """

    def __init__(self, rows: Iterable[CatalogRow], *, covered_until: int) -> None:
        self.covered_until = covered_until
        self._makes: dict[str, CatalogMake] = {}
        self._models: dict[str, CatalogModel] = {}
        self._models_of: dict[str, list[CatalogModel]] = defaultdict(list)
        self._make_ids: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], MakeModel] = {}
        self._by_model_name: dict[str, list[MakeModel]] = defaultdict(list)
        digest = sha256(str(covered_until).encode())

        for row in _merged(rows):
            self._add(row)
            digest.update(repr(row).encode())
        for alias, make_key in MAKE_ALIASES.items():
            if make_key in self._make_ids:
                self._make_ids.setdefault(alias, self._make_ids[make_key])
        self.version = digest.hexdigest()[:16]

    def _add(self, row: CatalogRow) -> None:
        make_key, model_key = key_of(row.make), key_of(row.model)
        if not make_key or not model_key:
            return
        make_id = self._make_ids.setdefault(make_key, slug_of(row.make))
        make = self._makes.setdefault(make_id, CatalogMake(make_id, row.make))
        model_id = f"{make_id}-{slug_of(row.model)}"
        if model_id in self._models:  # names that differ in letters which no id has
            model_id = f"{model_id}-{model_key}"
        make_model = MakeModel(make_id, make.make, model_id, row.model)
        model = CatalogModel(make_model, row.years)
        self._models[model_id] = model
        self._models_of[make_id].append(model)
        self._by_name[make_key, model_key] = make_model
        self._by_model_name[model_key].append(make_model)

    def makes(self) -> list[CatalogMake]:
        """All makes, by name."""
        return list(self._makes.values())

    def models(self, make_id: str) -> list[CatalogModel]:
        """
        All models of a make, by name.

        Raises `MakeNotFound`.
        """
        if make_id not in self._makes:
            raise MakeNotFound("There is no such make.")
        return list(self._models_of[make_id])

    def model(self, model_id: str) -> CatalogModel:
        """
        The model with this id.

        Raises `ModelNotFound`.
        """
        try:
            return self._models[model_id]
        except KeyError:
            raise ModelNotFound("There is no such model.") from None

    def find_make(self, name: str) -> str | None:
        """The id of the make that people call `name`."""
        return self._make_ids.get(key_of(name))

    def find(self, make: str, model: str) -> MakeModel | None:
        """The model that people call `make` `model`."""
        make_id = self.find_make(make)
        if make_id is None:
            return None
        return self._by_name.get((key_of(self._makes[make_id].make), key_of(model)))

    def find_model(self, model: str) -> MakeModel | None:
        """The model that people call `model` without a make, if only one make has it."""
        found = self._by_model_name.get(key_of(model), [])
        return found[0] if len(found) == 1 else None

    def years(self, model_id: str) -> tuple[int, ...]:
        """
        The model years in which a model was sold, oldest first.

        Raises `ModelNotFound`.
        """
        return self.model(model_id).years

    def check_year(self, model_id: str, year: int) -> None:
        """
        Raise unless the model was sold in this model year.

        Raises `ModelNotFound`, `YearNotCovered` (the data end before that year, and the model was
        still sold then) and `UnknownYear`, both with the years that are known.
        """
        model = self.model(model_id)
        if year in model.years:
            return
        first, last = model.years[0], model.years[-1]
        if year > self.covered_until <= last:
            raise YearNotCovered(
                f"Our data on the {model.make_model} end with model year {self.covered_until}.",
                known_years=model.years,
            )
        when = f"from {first} to {last}" if first != last else f"in {first}"
        gap = ", with gaps" if len(model.years) != last - first + 1 else ""
        raise UnknownYear(f"The {model.make_model} was sold {when}{gap}.", known_years=model.years)


def _merged(rows: Iterable[CatalogRow]) -> list[CatalogRow]:
    """One row per model, by name, its years in order; two spellings of one model are one."""
    found: dict[tuple[str, str], CatalogRow] = {}
    for row in sorted(rows, key=lambda row: (row.make.casefold(), row.model.casefold())):
        first = found.setdefault((key_of(row.make), key_of(row.model)), row)
        years = tuple(sorted({*first.years, *row.years}))
        found[key_of(row.make), key_of(row.model)] = replace(first, years=years)
    return list(found.values())
