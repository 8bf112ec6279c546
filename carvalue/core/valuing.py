"""
From the confirmed car to its specs and its price.

The user's choice is saved before a provider is asked, and stands whatever the providers do: a
failure becomes the step's code, and the step can be repeated.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakValueDictionary

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
from carvalue.core.errors import (
    NoMarketData,
    ProviderError,
    UnknownTrim,
    UsageMissing,
    VersionOutdated,
)
from carvalue.core.ports import AppraisalStore, SpecsSource, VinDecoder
from carvalue.core.steps import StepCode, provider_code
from carvalue.core.suppliers import ValuersByCountry
from carvalue.core.valuation import Usage, Valuation
from carvalue.core.vins import choice_contradicts, plain_vin

logger = logging.getLogger(__name__)


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
    store: AppraisalStore
    scope: CorrectionScope
    now: Callable[[], datetime]
    # Those who confirm or value one appraisal take turns: a second tap finds what the first has
    # brought, and pays for nothing.
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def confirm(self, id: str, choice: Choice, version: int | None = None) -> Appraisal:
        """
        Take the car that the user says it is, get its specs, and a price if the usage is known.

        Repeating it asks only for what is still missing. The choice stands whatever the
        providers do. Raises `UnknownCar`, `NotACandidate`, `UnknownYear`, `YearNotCovered`,
        `UnknownTrim`, `InvalidVin`, `StillCategorizing`, and `VersionOutdated` when the appraisal
        is not at `version`.
        """
        async with self._turn(id):
            appraisal = await self.store.get(id)
            if version is not None and version != appraisal.version:
                raise VersionOutdated("The appraisal has changed; get it and choose again.")
            appraisal.check_categorized()
            known = appraisal.vin_car
            if choice.vin:
                appraisal = replace(appraisal, vin_car=self.vin_decoder.decode(choice.vin))
            make_model = known_car(choice.make_id, choice.model_id, self.catalog)
            if self.scope is CorrectionScope.candidates:
                check_offered(appraisal, make_model)
            check_year(make_model, choice.year, appraisal.vin_car, self.catalog)
            car = Car(make_model, choice.year, choice.trim_id)
            appraisal.check_trim(car)
            source, told = source_of(appraisal, car), appraisal.vin_car != known
            vin = plain_vin(choice.vin) if choice.vin else None
            return await self._confirm(appraisal, car, choice.usage, source, vin=vin, vin_told=told)

    async def value(self, id: str, usage: Usage | None = None) -> Valuation:
        """
        Value the confirmed car, as used; without `usage` as the user said before.

        A missing specs answer is asked for again first. Raises `NotConfirmed`, `UsageMissing`,
        `UnknownTrim` if that answer says so, and `NoMarketData` or `ProviderError` after the
        failed step has been kept.
        """
        async with self._turn(id):
            appraisal = await self.store.get(id)
            appraisal.confirmed_car()
            usage = usage or appraisal.entered.usage
            if usage is None:
                raise UsageMissing("A valuation needs the mileage and the condition.")
            if usage != appraisal.entered.usage:
                appraisal = await self.store.save(appraisal.using(usage, at=self.now()))
            appraisal = await self._look_up(appraisal)
            return await self._value(appraisal, usage)

    async def trims(self, model_id: str, year: int) -> Sequence[Trim]:
        """
        The trims of a catalogued car.

        Raises `ModelNotFound`, `UnknownYear`, `YearNotCovered`, and the source's `ProviderError`.
        """
        self.catalog.check_year(model_id, year)
        return await self.specs_source.trims(self.catalog.model(model_id).make_model, year)

    def _turn(self, id: str) -> asyncio.Lock:
        return self._turns.setdefault(id, asyncio.Lock())

    async def confirm_unasked(self, appraisal: Appraisal, vin: str | None = None) -> Appraisal:
        """Confirm the car without asking, if the caller wished it and everything is sure."""
        car = unasked_car(appraisal, self.catalog)
        if car is None:
            return appraisal
        return await self._confirm(appraisal, car, appraisal.entered.usage, CarSource.auto, vin=vin)

    async def _confirm(
        self,
        appraisal: Appraisal,
        car: Car,
        usage: Usage | None,
        source: CarSource,
        *,
        vin: str | None = None,
        vin_told: bool = False,
    ) -> Appraisal:
        now = self.now()
        contradicts = choice_contradicts(appraisal.vin_car, car, self.catalog)
        if appraisal.car is None or appraisal.car.car != car:
            changed = appraisal.confirmed(ConfirmedCar(car, source), usage, at=now)
            appraisal = await self.store.save(replace(changed, vin_conflict=contradicts))
        elif vin_told:  # the same car, with a VIN this time
            appraisal = await self.store.save(replace(appraisal, vin_conflict=contradicts))
        if usage is not None and usage != appraisal.entered.usage:
            appraisal = await self.store.save(appraisal.using(usage, at=now))

        try:
            appraisal = await self._look_up(appraisal, vin)
            usage = appraisal.entered.usage
            if usage and not (appraisal.valuation and appraisal.valuation.usage == usage):
                await self._value(appraisal, usage, vin)
        except (ProviderError, NoMarketData):
            # Kept as the failed step; the choice stands.
            logger.info("confirmed without all that was asked for")
        return await self.store.get(appraisal.id)

    async def _look_up(self, appraisal: Appraisal, vin: str | None = None) -> Appraisal:
        """
        Ask for the specs, unless they are there or the source does not know the car.

        Keeps a failure as the failed step, then raises it.
        """
        known = appraisal.specs_step.code is StepCode.no_specs_known
        if appraisal.specs is not None or known:
            return appraisal
        try:
            sheet = await self.specs_source.specs(appraisal.confirmed_car().car, vin)
        except UnknownTrim:
            # The trim is the one thing of the choice that only the source can judge.
            await self.store.save(appraisal.without_trim(at=self.now()))
            raise
        except ProviderError as error:
            failed = appraisal.specs_failed(provider_code(error), at=self.now())
            await self.store.save(failed)
            raise
        if sheet is None:
            now = self.now()
            nothing = appraisal.without_trim(at=now).specs_failed(StepCode.no_specs_known, at=now)
            return await self.store.save(nothing)
        return await self.store.save(appraisal.specified(sheet, at=self.now()))

    # Valuing

    async def _value(self, appraisal: Appraisal, usage: Usage, vin: str | None = None) -> Valuation:
        """Ask for a price. Keeps a failure as the failed step, then raises it."""
        car = appraisal.confirmed_car().car
        try:
            price = await self.valuers.value(car, appraisal.specs, usage, appraisal.country, vin)
            if price is None:
                raise NoMarketData("There are no prices known for this car.")
        except (ProviderError, NoMarketData) as error:
            failed = appraisal.valuation_failed(provider_code(error), at=self.now())
            await self.store.save(failed)
            raise
        valuation = Valuation(
            id=new_id("val"),
            trim_id=appraisal.specs.trim_id if appraisal.specs else None,
            usage=usage,
            country=appraisal.country,
            price=price,
            source=price.source,
            created_at=self.now(),
        )
        await self.store.save(appraisal.valued(valuation, at=self.now()))
        return valuation
