"""
The makes, models and model years we know, by all the names that people give them.

The catalogue is loaded once (`carvalue.providers.catalog`) and then only read. Names are compared
by their key, the letters and digits without case and accents, so that "F-150", "f 150" and
"F150" are one model.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from hashlib import sha256

from carvalue.core.cars import MakeModel
from carvalue.core.errors import MakeNotFound, ModelNotFound, UnknownYear, YearNotCovered

Nearest = Callable[[str, Collection[str]], str | None]
"""The one key of many that a misspelt one can only mean; None if there is none, or two."""


_BETWEEN = re.compile(r"[\W_]+")
_PLAIN = re.compile(r"[A-Za-z0-9]")
_NOT_IN_IDS = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=16_384)
def key_of(name: str) -> str:
    """The letters and digits of a name, without case and accents: what two spellings share."""
    if not name.isascii():
        name = unicodedata.normalize("NFKD", name)
    return _BETWEEN.sub("", name.casefold())


def has_key(name: str) -> bool:
    """Whether a name has a letter or digit at all, so that it can be told from others."""
    return _PLAIN.search(name) is not None or key_of(name) != ""


def slug_of(name: str) -> str:
    """A name as it stands in an id: lower case, words joined by dashes."""
    if not name.isascii():
        decomposed = unicodedata.normalize("NFKD", name)
        name = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _NOT_IN_IDS.sub("-", name.casefold()).strip("-")


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """
    One model as a source lists it; years are model years.

    Without years it is a name that is understood, of a car that this market does not have.
    `aliases` are other names of it; "Make/Model" where another make has it under that name.
    `versions` are names or shell patterns (`3[1-4]*`) of models of its make that are versions of
    it: the 328i of the 3 Series. They stay models of their own.
    """

    make: str
    model: str
    years: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MakeName:
    """A make and what else it is called."""

    make: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogMake:
    """A make; `make_id` is stable."""

    make_id: str
    make: str


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """
    A model and the model years in which it was sold, oldest first.

    No years: a name without a car in this market. `version_of` is the id of the model that it
    is a version of.
    """

    make_model: MakeModel
    years: tuple[int, ...]
    version_of: str | None = None


class Catalog:
    """
    The makes, models and model years of one market, and names beyond it.

    `covered_until` is the last model year that the data speak of. `version` changes whenever an
    answer could. `nearest` corrects misspelt names; without it none are.
    """

    def __init__(
        self,
        rows: Iterable[CatalogRow],
        *,
        covered_until: int,
        makes: Iterable[MakeName] = (),
        nearest: Nearest | None = None,
    ) -> None:
        self.covered_until = covered_until
        self.nearest = nearest
        self._makes: dict[str, CatalogMake] = {}
        self._models: dict[str, CatalogModel] = {}
        self._models_of: dict[str, list[CatalogModel]] = defaultdict(list)
        self.make_ids: dict[str, str] = {}
        """The make's id by the key of each of its names."""
        self.wholes: dict[str, str] = {}
        """The id of the model that a version is one of, by its own: the 328i is a 3 Series."""
        self._names: dict[str, dict[str, CatalogModel]] = defaultdict(dict)
        self._bare: dict[str, list[CatalogModel]] = defaultdict(list)

        kept = _merged(rows)
        named = sorted(makes, key=lambda one: one.make.casefold())
        for name in named:
            self._add_make(name)
        self._add_models(kept)
        data = (covered_until, named, kept)
        self.version = sha256(repr(data).encode()).hexdigest()[:16]

    # Making it

    def _add_make(self, name: MakeName) -> CatalogMake:
        make_id = self.make_ids.setdefault(key_of(name.make), slug_of(name.make))
        for alias in name.aliases:
            self.make_ids.setdefault(key_of(alias), make_id)
        return self._makes.setdefault(make_id, CatalogMake(make_id, name.make))

    def _add_models(self, rows: Sequence[CatalogRow]) -> None:
        ids: dict[tuple[str, str], str] = {}
        models: dict[str, CatalogModel] = {}
        for row in rows:
            make = self._add_make(MakeName(row.make))
            model_key = key_of(row.model)
            model_id = f"{make.make_id}-{slug_of(row.model)}"
            if model_id in models:  # names that differ in letters which no id has
                model_id = f"{model_id}-{model_key}"
            make_model = MakeModel(make.make_id, make.make, model_id, row.model)
            models[model_id] = CatalogModel(make_model, row.years)
            ids[make.make_id, model_key] = model_id

        by_make: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for model_id, model in models.items():
            name = model.make_model.model.casefold()
            by_make[model.make_model.make_id].append((name, model_id))
        for row in rows:
            if row.versions:
                make_id = self.make_ids[key_of(row.make)]
                whole = ids[make_id, key_of(row.model)]
                versions = _matching(row.versions, by_make[make_id])
                for version in versions:
                    if version != whole and models[version].version_of is None:
                        models[version] = replace(models[version], version_of=whole)
                if not row.years:
                    years = {year for one in versions for year in models[one].years}
                    models[whole] = replace(models[whole], years=tuple(sorted(years)))

        for model_id, model in models.items():
            if model.years:
                self._models[model_id] = model
                self._models_of[model.make_model.make_id].append(model)
                if model.version_of:
                    self.wholes[model_id] = model.version_of
        for (make_id, model_key), model_id in ids.items():
            self._names[make_id][model_key] = models[model_id]
            self._bare[model_key].append(models[model_id])
        for row in rows:
            if row.aliases:
                make_id = self.make_ids[key_of(row.make)]
                model = models[ids[make_id, key_of(row.model)]]
                for alias in row.aliases:
                    self._add_alias(alias, make_id, model)

    def _add_alias(self, alias: str, make_id: str, model: CatalogModel) -> None:
        other_make, slash, name = alias.partition("/")
        other_id = self.make_ids.get(key_of(other_make)) if slash else None
        if other_id is None:
            other_id, name = make_id, alias
        key = key_of(name)
        # The name of a model stands before the alias of another one.
        named = self._names[other_id].setdefault(key, model) if key else None
        if named is model and model not in self._bare[key]:
            self._bare[key].append(model)

    # Reading it

    def makes(self) -> list[CatalogMake]:
        """All makes that have models, by name."""
        made = (make for make in self._makes.values() if make.make_id in self._models_of)
        return sorted(made, key=lambda make: make.make.casefold())

    def models(self, make_id: str) -> list[CatalogModel]:
        """
        All models of a make, by name.

        Raises `MakeNotFound`.
        """
        if make_id not in self._models_of:
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

    def make(self, make_id: str) -> CatalogMake:
        """
        The make with this id, whether it has models or not.

        Raises `MakeNotFound`.
        """
        try:
            return self._makes[make_id]
        except KeyError:
            raise MakeNotFound("There is no such make.") from None

    def find_make(self, name: str) -> str | None:
        """The id of the make that people call `name`."""
        return self.make_ids.get(key_of(name))

    def names(self, make_id: str) -> Mapping[str, CatalogModel]:
        """The models of a make by the key of each of their names."""
        return self._names.get(make_id, {})

    def find(self, make: str, model: str) -> MakeModel | None:
        """The catalogued model that people call `make` `model`."""
        found = self.names(self.find_make(make) or "").get(key_of(model))
        return found.make_model if found and found.years else None

    def bare(self, key: str) -> Sequence[CatalogModel]:
        """The models that a name without a make may mean, by its key."""
        return self._bare.get(key, ())

    @property
    def bare_keys(self) -> Collection[str]:
        """The keys of all names of models."""
        return self._bare.keys()

    def same_car(self, one: MakeModel, other: MakeModel) -> bool:
        """Whether two names may stand for one car: the 328i is a 3 Series."""
        wholes = [{named.model_id, self.wholes.get(named.model_id)} for named in (one, other)]
        return bool((wholes[0] & wholes[1]) - {None})

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
    """One row per model, by name; two spellings of one model are one, with all that they say."""
    found: dict[tuple[str, str], CatalogRow] = {}
    for row in sorted(rows, key=lambda row: (row.make.casefold(), row.model.casefold())):
        key = (key_of(row.make), key_of(row.model))
        if not all(key):
            continue
        first = found.get(key)
        found[key] = (
            row
            if first is None
            else replace(
                first,
                years=tuple(sorted({*first.years, *row.years})),
                aliases=tuple(dict.fromkeys(first.aliases + row.aliases)),
                versions=tuple(dict.fromkeys(first.versions + row.versions)),
            )
        )
    return list(found.values())


def _matching(patterns: Iterable[str], names: Sequence[tuple[str, str]]) -> list[str]:
    """The ids of those among (name, id) that one of the patterns fits."""
    fits = re.compile("|".join(translate(pattern.casefold()) for pattern in patterns)).match
    return [id for name, id in names if fits(name)]
