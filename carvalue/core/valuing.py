"""
From the confirmed car to its specs and its price.

The user's choice is kept before a provider is asked, and stands whatever the providers do: a
failure becomes the step's code, and the step can be repeated. Nothing is saved here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from carvalue.core.appraisal import Appraisal, CarSource, ConfirmedCar, new_id
from carvalue.core.cars import Car, Trim
from carvalue.core.catalog import Catalog
from carvalue.core.confirming import (
    CorrectionScope,
    check_offered,
    check_year,
    known_car,
    source_of,
    unasked_car,
)
from carvalue.core.errors import NoMarketData, ProviderError, UnknownTrim, VersionOutdated
from carvalue.core.ports import SpecsSource, VinDecoder
from carvalue.core.steps import StepCode, provider_code
from carvalue.core.suppliers import ValuersByCountry
from carvalue.core.trust import judged
from carvalue.core.valuation import Usage, Valuation
from carvalue.core.vins import choice_contradicts
from carvalue.core.work import Outcome


@dataclass(frozen=True, slots=True)
class Choice:
    """The car that the user says it is. `usage` asks for a price in the same breath."""

    make_id: str
    model_id: str
    year: int
    trim_id: str | None = None
    usage: Usage | None = None
    vin: str | None = None


@dataclass(frozen=True, slots=True)
class Valuing:
    """All that it takes to confirm a car and to value it."""

    specs_source: SpecsSource
    valuers: ValuersByCountry
    vin_decoder: VinDecoder
    catalog: Catalog
    scope: CorrectionScope
    now: Callable[[], datetime]

    def chosen(self, appraisal: Appraisal, choice: Choice, version: int | None = None) -> Appraisal:
        """
        The appraisal with the car that the user says it is; what is missing of it is open.

        The very same appraisal if nothing is new and nothing is missing. Raises `UnknownCar`,
        `NotACandidate`, `UnknownYear`, `YearNotCovered`, `UnknownTrim`, `InvalidVin`,
        `StillCategorizing`, and `VersionOutdated` when the appraisal is not at `version`.
        """
        if version is not None and version != appraisal.version:
            raise VersionOutdated("The appraisal has changed; get it and choose again.")
        appraisal.check_categorized()
        known = appraisal.vin_car
        if choice.vin:
            vin_car = self.vin_decoder.decode(choice.vin)
            appraisal = appraisal if vin_car == known else replace(appraisal, vin_car=vin_car)
        make_model = known_car(choice.make_id, choice.model_id, self.catalog)
        if self.scope is CorrectionScope.candidates:
            check_offered(appraisal, make_model)
        check_year(make_model, choice.year, appraisal.vin_car, self.catalog)
        car = Car(make_model, choice.year, choice.trim_id)
        appraisal.check_trim(car)
        source = source_of(appraisal, car)
        told = choice.vin is not None
        return self._confirmed(appraisal, car, choice.usage, source, vin_told=told)

    def unasked(self, appraisal: Appraisal) -> Appraisal:
        """The car confirmed without asking, if the caller wished it and everything is sure."""
        car = unasked_car(appraisal, self.catalog)
        if car is None:
            return appraisal
        return self._confirmed(appraisal, car, appraisal.entered.usage, CarSource.auto)

    def _confirmed(
        self,
        appraisal: Appraisal,
        car: Car,
        usage: Usage | None,
        source: CarSource,
        *,
        vin_told: bool = False,
    ) -> Appraisal:
        now = self.now()
        contradicts = choice_contradicts(appraisal.vin_car, car, self.catalog)
        if appraisal.car is None or appraisal.car.car != car:
            changed = appraisal.confirmed(ConfirmedCar(car, source), usage, at=now)
            return replace(changed, vin_conflict=contradicts)
        if appraisal.vin_conflict != contradicts:  # the same car, with a VIN this time
            appraisal = replace(appraisal, vin_conflict=contradicts)
        if usage is not None and usage != appraisal.entered.usage:
            appraisal = appraisal.using(usage, at=now)
        return appraisal.asking_again(vin_told=vin_told)

    async def trims(self, model_id: str, year: int) -> Sequence[Trim]:
        """
        The trims of a catalogued car.

        Raises `ModelNotFound`, `UnknownYear`, `YearNotCovered`, and the source's `ProviderError`.
        """
        self.catalog.check_year(model_id, year)
        return await self.specs_source.trims(self.catalog.model(model_id).make_model, year)

    async def specified(self, appraisal: Appraisal, vin: str | None) -> Outcome:
        """Ask for the specs. A trim that the car does not come in is let go, and told."""
        try:
            sheet = await self.specs_source.specs(appraisal.confirmed_car().car, vin)
        except UnknownTrim as error:
            # The trim is the one thing of the choice that only the source can judge.
            return Outcome(appraisal.without_trim(at=self.now()), error)
        except ProviderError as error:
            return Outcome(appraisal.specs_failed(provider_code(error), at=self.now()), error)
        now = self.now()
        if sheet is None:
            unknown = appraisal.without_trim(at=now)
            return Outcome(unknown.specs_failed(StepCode.no_specs_known, at=now))
        return Outcome(appraisal.specified(sheet, at=now))

    async def valued(self, appraisal: Appraisal, vin: str | None) -> Outcome:
        """Ask for a price of the car as it was used."""
        car, usage, specs = appraisal.confirmed_car().car, appraisal.entered.usage, appraisal.specs
        if usage is None:
            return Outcome(appraisal)
        try:
            price = await self.valuers.value(car, specs, usage, appraisal.country, vin)
            if price is None:
                raise NoMarketData("There are no prices known for this car.")
        except (ProviderError, NoMarketData) as error:
            return Outcome(appraisal.valuation_failed(provider_code(error), at=self.now()), error)
        now = self.now()
        price = judged(price, today=now.date())
        valuation = Valuation(
            id=appraisal.valuation_id or new_id("val"),
            trim_id=specs.trim_id if specs else None,
            usage=usage,
            country=appraisal.country,
            price=price,
            source=price.source,
            created_at=now,
            car=car,
            trim=specs.trim_name if specs else None,
        )
        return Outcome(appraisal.valued(valuation, at=now))
