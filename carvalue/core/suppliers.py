"""
Several specs sources, and a valuer for each country.

The next one is asked when one fails for a technical reason, and specs sources also when one does
not know the car. A refusal (a bad key) stops at once, so that it is seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, runtime_checkable

from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.errors import ProviderError, TechnicalError, UnknownTrim
from carvalue.core.ports import SpecsSource, Valuer
from carvalue.core.valuation import Price, Usage

SAME_DISPLACEMENT_CC = 100
"""Sources round: 1.8 l is 1,798 cc."""
DEFAULT = "DEFAULT"
"""In the place of a country: any other."""
OWN = frozenset(
    {
        "trim_id",
        "trim_name",
        "source",
        "source_updated_on",
        "fetched_at",
        "cached",
        "corrected",
        "field_sources",
    }
)
"""The fields that say something of the specs, not of the car."""


@runtime_checkable
class LikenessSource(Protocol):
    """A specs source that can tell which of its records is the trim that another one described."""

    async def specs_like(self, car: Car, known: Specs) -> Specs | None:
        """The specs of the record that is most like `known`; None when none is."""


@dataclass(frozen=True, slots=True)
class SpecsInOrder:
    """SpecsSource of several; what one does not know of a trim may come from the next."""

    sources: tuple[SpecsSource, ...]

    @property
    def source(self) -> str:
        return self.sources[0].source

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        failure: TechnicalError | None = None
        for source in self.sources:
            try:
                if trims := await source.trims(make_model, year):
                    return trims
            except TechnicalError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return ()

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        failure: TechnicalError | None = None
        unknown: UnknownTrim | None = None
        for at, source in enumerate(self.sources):
            try:
                sheet = await source.specs(car, vin)
            except TechnicalError as error:
                failure = failure or error
                continue
            except UnknownTrim as error:
                # A trim's id is the source's own: another one may have it.
                unknown = unknown or error
                continue
            if sheet is not None:
                return replace(sheet, specs=await self._filled(car, sheet.specs, vin, at + 1))
        if failure is not None:
            raise failure  # before `unknown`: who cannot be asked may know the trim
        if unknown is not None:
            raise unknown
        return None

    async def check(self) -> None:
        for source in self.sources:
            await source.check()

    async def _filled(self, car: Car, specs: Specs, vin: str | None, first: int) -> Specs:
        """The specs, their gaps filled by the sources from `first` on, as far as those can."""
        for source in self.sources[first:]:
            if not _gaps(specs):
                break
            try:
                like = await _like(source, car, specs, vin)
            except (ProviderError, UnknownTrim):
                continue  # what is there is worth more than what is missing
            if like is not None:
                specs = filled(specs, like)
        return specs


async def _like(source: SpecsSource, car: Car, known: Specs, vin: str | None) -> Specs | None:
    """What a source knows of the very trim that another one described."""
    if isinstance(source, LikenessSource):
        return await source.specs_like(car, known)
    sheet = await source.specs(replace(car, trim_id=None), vin)
    return sheet.specs if sheet and _same_engine(sheet.specs, known) else None


def _same_engine(one: Specs, other: Specs) -> bool:
    """Whether two sources mean the same engine; what neither says proves nothing."""
    if one.engine_displacement_cc is None or other.engine_displacement_cc is None:
        return False
    apart = abs(one.engine_displacement_cc - other.engine_displacement_cc)
    cylinders = {one.engine_cylinders, other.engine_cylinders} - {None}
    return apart <= SAME_DISPLACEMENT_CC and len(cylinders) <= 1


def _gaps(specs: Specs) -> list[str]:
    """The fields that are unknown; fuel economy is one field, so that its figures fit together."""
    return [
        one.name
        for one in fields(specs)
        if one.name not in OWN and getattr(specs, one.name) in (None, FuelEconomy())
    ]


def filled(specs: Specs, like: Specs) -> Specs:
    """`specs`, with what it does not know taken from `like`, and the source of each noted."""
    unknown = FuelEconomy()
    found = {
        name: value
        for name in _gaps(specs)
        if (value := getattr(like, name)) not in (None, unknown)
    }
    sources = {**specs.field_sources, **dict.fromkeys(found, like.source)}
    return replace(specs, **found, field_sources=sources)


@dataclass(frozen=True, slots=True)
class ValuersByCountry:
    """Valuer that asks those who know the country's market, in order."""

    by_country: Mapping[str, tuple[Valuer, ...]]

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        failure: TechnicalError | None = None
        for valuer in self.by_country.get(country, self.by_country.get(DEFAULT, ())):
            try:
                if price := await valuer.value(car, specs, usage, country, vin):
                    return replace(price, source=valuer.source)
            except TechnicalError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return None

    async def check(self) -> None:
        for valuer in dict.fromkeys(one for some in self.by_country.values() for one in some):
            await valuer.check()
