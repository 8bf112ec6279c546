"""
The use cases: from two photos to a price.

What the user gave is saved before a provider is asked, and no provider's failure is an error of
the appraisal: it becomes the step's code, and the step can be repeated.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

from carvalue.core.appraisal import (
    KEPT_FOR,
    Appraisal,
    AppraisalStatus,
    CarSource,
    ConfirmedCar,
    Entered,
)
from carvalue.core.cars import Car, Trim
from carvalue.core.catalog import Catalog
from carvalue.core.categorizing import Categorizing
from carvalue.core.confirming import (
    CorrectionScope,
    check_offered,
    check_year,
    known_car,
    source_of,
    unasked_car,
)
from carvalue.core.errors import (
    AlreadyConfirmed,
    ChangedMeanwhile,
    NoMarketData,
    ProviderError,
    UnknownCategorizer,
    UnknownTrim,
    UsageMissing,
    VersionOutdated,
)
from carvalue.core.identification import DEFAULT_RULE, MergeRule
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import (
    AppraisalStore,
    Categorizer,
    PhotoChecker,
    PhotoGate,
    SpecsSource,
    Valuer,
    VinDecoder,
)
from carvalue.core.steps import Step, StepCode, StepStatus, provider_code
from carvalue.core.valuation import Usage, Valuation
from carvalue.core.vins import choice_contradicts

logger = logging.getLogger(__name__)

ABANDONED_AFTER = timedelta(seconds=60)
"""A categorization that has not ended by then never will: its process is gone."""


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Start:
    """What comes with the photos; everything but the photos may be left out."""

    entered: Entered = Entered()
    vin: str | None = None
    categorizer_id: str | None = None
    country: str = "US"
    client_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The car that the user says it is. `usage` asks for a price in the same breath."""

    make_id: str
    model_id: str
    year: int
    trim_id: str | None = None
    usage: Usage | None = None
    vin: str | None = None


class Appraiser:
    """The use cases, over the ports that they need."""

    def __init__(
        self,
        *,
        categorizer: Categorizer,
        specs_source: SpecsSource,
        valuer: Valuer,
        vin_decoder: VinDecoder,
        catalog: Catalog,
        store: AppraisalStore,
        rule: MergeRule = DEFAULT_RULE,
        scope: CorrectionScope = CorrectionScope.catalog,
        checker: PhotoChecker | None = None,
        gate: PhotoGate | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.categorizer = categorizer
        self._specs_source = specs_source
        self._valuer = valuer
        self._vin_decoder = vin_decoder
        self._scope = scope
        self._categorizing = Categorizing(categorizer, catalog, rule, now, checker, gate)
        self._now = now
        # Those who confirm or value one appraisal take turns: a second tap finds what the first
        # has brought, and pays for nothing.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self, front: Photo, back: Photo, given: Start) -> Appraisal:
        """
        Keep the photos and say which cars they may show.

        Raises what is wrong with the request before anything is kept: `InvalidVin`,
        `UnknownCategorizer`.
        """
        vin_car = self._vin_decoder.decode(given.vin) if given.vin else None
        categorizer_id = await self._categorizer_id(given.categorizer_id)
        entered = given.entered
        if entered.year is None and vin_car is not None:
            entered = replace(entered, year=vin_car.year)
        now = self._now()
        appraisal = Appraisal(
            id=_new_id("apr"),
            created_at=now,
            updated_at=now,
            expires_at=now + KEPT_FOR,
            photos=(front.info, back.info),
            categorizer_id=categorizer_id,
            country=given.country,
            client_reference=given.client_reference,
            entered=entered,
            vin_car=vin_car,
        )
        appraisal = await self.store.add(appraisal, (front, back))
        photos = {Side.front: front, Side.back: back}
        appraisal = await self._categorize(appraisal, photos, photos)
        return await self._confirm_unasked(appraisal)

    async def get(self, id: str) -> Appraisal:
        """
        The appraisal as it stands.

        A categorization whose process is gone is found here, and made repeatable.
        """
        appraisal = await self.store.get(id)
        if (
            appraisal.status is AppraisalStatus.categorizing
            and self._now() - appraisal.updated_at > ABANDONED_AFTER
        ):
            interrupted = {
                side: Step.failed(StepCode.interrupted)
                for side, step in appraisal.categorization.items()
                if step.status is StepStatus.pending
            }
            try:
                ended = self._categorizing.identified(appraisal, interrupted, {})
                return await self.store.save(ended)
            except ChangedMeanwhile:  # somebody else has found it first
                return await self.store.get(id)
        return appraisal

    async def recategorize(
        self, id: str, categorizer_id: str | None = None, *, poor_too: bool = False
    ) -> Appraisal:
        """
        Ask the categorizer again: for the photos that it gave no answer to, or for both when
        they have all been answered or another categorizer is named. `poor_too`: even for photos
        that we find of no use.

        Raises `AlreadyConfirmed` and `StillCategorizing`.
        """
        appraisal = await self._unconfirmed(id)
        chosen = await self._categorizer_id(categorizer_id or appraisal.categorizer_id)
        failed = {
            side
            for side, step in appraisal.categorization.items()
            if step.status is not StepStatus.success
        }
        sides = failed if failed and chosen == appraisal.categorizer_id else set(Side)
        photos = {side: await self.store.photo(id, side) for side in Side}
        appraisal = replace(appraisal, categorizer_id=chosen)
        appraisal = await self.store.save(appraisal.categorizing(sides, at=self._now()))
        return await self._categorize(appraisal, photos, sides, poor_too=poor_too)

    async def retake(self, id: str, photo: Photo) -> Appraisal:
        """
        Replace one photo by a better one, and categorize it; the other's answer stays.

        If the two were one photo, the other was never asked about; now it is. Raises
        `AlreadyConfirmed` and `StillCategorizing`.
        """
        appraisal = await self._unconfirmed(id)
        sides = {photo.side} | {
            side
            for side, step in appraisal.categorization.items()
            if step.code is StepCode.same_photo_twice
        }
        changed = appraisal.with_photo(photo.info, at=self._now())
        changed = changed.categorizing(sides, at=self._now())
        appraisal = await self.store.save(changed, photo)
        photos = {
            side: photo if side is photo.side else await self.store.photo(id, side) for side in Side
        }
        return await self._categorize(appraisal, photos, sides)

    async def confirm(self, id: str, choice: Choice, version: int | None = None) -> Appraisal:
        """
        Take the car that the user says it is, get its specs, and a price if the usage is known.

        Repeating it asks only for what is still missing. The choice stands whatever the
        providers do. Raises `UnknownCar`, `NotACandidate`, `UnknownYear`, `YearNotCovered`,
        `UnknownTrim`, `InvalidVin`, `StillCategorizing`, and `VersionOutdated` when the appraisal
        is not at `version`.
        """
        async with self._turn(id):
            appraisal = await self.get(id)
            if version is not None and version != appraisal.version:
                raise VersionOutdated("The appraisal has changed; get it and choose again.")
            appraisal.check_categorized()
            known = appraisal.vin_car
            if choice.vin:
                appraisal = replace(appraisal, vin_car=self._vin_decoder.decode(choice.vin))
            make_model = known_car(choice.make_id, choice.model_id, self.catalog)
            if self._scope is CorrectionScope.candidates:
                check_offered(appraisal, make_model)
            check_year(make_model, choice.year, appraisal.vin_car, self.catalog)
            car = Car(make_model, choice.year, choice.trim_id)
            appraisal.check_trim(car)
            source, told = source_of(appraisal, car), appraisal.vin_car != known
            return await self._confirm(appraisal, car, choice.usage, source, vin_told=told)

    async def value(self, id: str, usage: Usage | None = None) -> Valuation:
        """
        Value the confirmed car, as used; without `usage` as the user said before.

        A missing specs answer is asked for again first. Raises `NotConfirmed`, `UsageMissing`,
        `UnknownTrim` if that answer says so, and `NoMarketData` or `ProviderError` after the
        failed step has been kept.
        """
        async with self._turn(id):
            appraisal = await self.get(id)
            appraisal.confirmed_car()
            usage = usage or appraisal.entered.usage
            if usage is None:
                raise UsageMissing("A valuation needs the mileage and the condition.")
            if usage != appraisal.entered.usage:
                appraisal = await self.store.save(appraisal.using(usage, at=self._now()))
            appraisal = await self._look_up(appraisal)
            return await self._value(appraisal, usage)

    async def trims(self, model_id: str, year: int) -> Sequence[Trim]:
        """
        The trims of a catalogued car.

        Raises `ModelNotFound`, `UnknownYear`, `YearNotCovered`, and the source's `ProviderError`.
        """
        self.catalog.check_year(model_id, year)
        return await self._specs_source.trims(self.catalog.model(model_id).make_model, year)

    def _turn(self, id: str) -> asyncio.Lock:
        return self._turns.setdefault(id, asyncio.Lock())

    # Categorizing

    async def _categorizer_id(self, chosen: str | None) -> str:
        default = self.categorizer.default_id
        if chosen is None or chosen == default:
            return default
        try:
            known = {one.id for one in await self.categorizer.categorizers()}
        except ProviderError:
            # No reason to lose the photos: if it does not exist, the failed step will say so.
            return chosen
        if chosen not in known:
            raise UnknownCategorizer("There is no such categorizer.")
        return chosen

    async def _unconfirmed(self, id: str) -> Appraisal:
        appraisal = await self.get(id)
        appraisal.check_categorized()
        if appraisal.car is not None:
            raise AlreadyConfirmed("The car is confirmed already.")
        return appraisal

    async def _categorize(
        self,
        appraisal: Appraisal,
        photos: Mapping[Side, Photo],
        sides: Collection[Side],
        *,
        poor_too: bool = False,
    ) -> Appraisal:
        seen = await self._categorizing.categorized(appraisal, photos, sides, poor_too=poor_too)
        return await self.store.save(seen)

    # Confirming

    async def _confirm_unasked(self, appraisal: Appraisal) -> Appraisal:
        car = unasked_car(appraisal, self.catalog)
        if car is None:
            return appraisal
        return await self._confirm(appraisal, car, appraisal.entered.usage, CarSource.auto)

    async def _confirm(
        self,
        appraisal: Appraisal,
        car: Car,
        usage: Usage | None,
        source: CarSource,
        *,
        vin_told: bool = False,
    ) -> Appraisal:
        now = self._now()
        contradicts = choice_contradicts(appraisal.vin_car, car, self.catalog)
        if appraisal.car is None or appraisal.car.car != car:
            changed = appraisal.confirmed(ConfirmedCar(car, source), usage, at=now)
            appraisal = await self.store.save(replace(changed, vin_conflict=contradicts))
        elif vin_told:  # the same car, with a VIN this time
            appraisal = await self.store.save(replace(appraisal, vin_conflict=contradicts))
        if usage is not None and usage != appraisal.entered.usage:
            appraisal = await self.store.save(appraisal.using(usage, at=now))

        try:
            appraisal = await self._look_up(appraisal)
            usage = appraisal.entered.usage
            if usage and not (appraisal.valuation and appraisal.valuation.usage == usage):
                await self._value(appraisal, usage)
        except (ProviderError, NoMarketData):
            # Kept as the failed step; the choice stands.
            logger.info("confirmed without all that was asked for")
        return await self.store.get(appraisal.id)

    async def _look_up(self, appraisal: Appraisal) -> Appraisal:
        """
        Ask for the specs, unless they are there or the source does not know the car.

        Keeps a failure as the failed step, then raises it.
        """
        known = appraisal.specs_step.code is StepCode.no_specs_known
        if appraisal.specs is not None or known:
            return appraisal
        try:
            sheet = await self._specs_source.specs(appraisal.confirmed_car().car)
        except UnknownTrim:
            # The trim is the one thing of the choice that only the source can judge.
            await self.store.save(appraisal.without_trim(at=self._now()))
            raise
        except ProviderError as error:
            failed = appraisal.specs_failed(provider_code(error), at=self._now())
            await self.store.save(failed)
            raise
        if sheet is None:
            now = self._now()
            nothing = appraisal.without_trim(at=now).specs_failed(StepCode.no_specs_known, at=now)
            return await self.store.save(nothing)
        return await self.store.save(appraisal.specified(sheet, at=self._now()))

    # Valuing

    async def _value(self, appraisal: Appraisal, usage: Usage) -> Valuation:
        """Ask for a price. Keeps a failure as the failed step, then raises it."""
        car = appraisal.confirmed_car().car
        try:
            price = await self._valuer.value(car, appraisal.specs, usage, appraisal.country)
            if price is None:
                raise NoMarketData("There are no prices known for this car.")
        except (ProviderError, NoMarketData) as error:
            failed = appraisal.valuation_failed(provider_code(error), at=self._now())
            await self.store.save(failed)
            raise
        valuation = Valuation(
            id=_new_id("val"),
            trim_id=appraisal.specs.trim_id if appraisal.specs else None,
            usage=usage,
            country=appraisal.country,
            price=price,
            source=self._valuer.source,
            created_at=self._now(),
        )
        await self.store.save(appraisal.valued(valuation, at=self._now()))
        return valuation
