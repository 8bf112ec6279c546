"""
The use cases: from two photos to a price.

What the user gave is saved before a provider is asked, and no provider's failure is an error of
the appraisal: it becomes the step's code, and the step can be repeated.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from carvalue.core.appraisal import (
    KEPT_FOR,
    Appraisal,
    AppraisalStatus,
    Entered,
    new_id,
)
from carvalue.core.budget import time_budget
from carvalue.core.cars import Trim
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.categorizing import ABANDONED_AFTER, Categorizing
from carvalue.core.confirming import CorrectionScope
from carvalue.core.errors import (
    AlreadyConfirmed,
    AppraisalNotFound,
    ChangedMeanwhile,
    NoticeRefused,
    ProviderError,
    UnknownCategorizer,
)
from carvalue.core.identification import DEFAULT_RULE, MergeRule
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import (
    AppraisalStore,
    ColorReader,
    NoticeReader,
    PhotoChecker,
    PhotoGate,
    SpecsSource,
    TextReader,
    VinDecoder,
)
from carvalue.core.steps import StepCode, StepStatus
from carvalue.core.suppliers import ValuersByCountry
from carvalue.core.valuation import Usage, Valuation
from carvalue.core.valuing import Choice, Valuing
from carvalue.core.vin_reading import VinReading, read_vin
from carvalue.core.vins import plain_vin

logger = logging.getLogger(__name__)

ANSWERED_WITHIN = 15.0
"""Seconds that a request may ask providers for, all in all; a phone does not wait longer."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Start:
    """What comes with the photos; everything but the photos may be left out."""

    entered: Entered = Entered()
    vin: str | None = None
    categorizer_id: str | None = None
    country: str = "US"
    client_reference: str | None = None
    language: str = "en"


class Appraiser:
    """The use cases, over the ports that they need."""

    def __init__(
        self,
        *,
        categorizers: Categorizers,
        specs_source: SpecsSource,
        valuers: ValuersByCountry,
        vin_decoder: VinDecoder,
        catalog: Catalog,
        store: AppraisalStore,
        rule: MergeRule = DEFAULT_RULE,
        scope: CorrectionScope = CorrectionScope.catalog,
        checker: PhotoChecker | None = None,
        gate: PhotoGate | None = None,
        colors: ColorReader | None = None,
        texts: TextReader | None = None,
        notice_readers: Mapping[str, NoticeReader] | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.categorizers = categorizers
        self._vin_decoder = vin_decoder
        self._texts = texts
        self._notice_readers = notice_readers or {}
        self._categorizing = Categorizing(categorizers, catalog, rule, now, checker, gate, colors)
        self._valuing = Valuing(specs_source, valuers, vin_decoder, catalog, store, scope, now)
        self._now = now

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
            id=new_id("apr"),
            created_at=now,
            updated_at=now,
            expires_at=now + KEPT_FOR,
            photos=(front.info, back.info),
            categorizer_id=categorizer_id,
            country=given.country,
            client_reference=given.client_reference,
            language=given.language,
            entered=entered,
            vin_car=vin_car,
        )
        appraisal = await self.store.add(appraisal, (front, back))
        photos = {Side.front: front, Side.back: back}
        with time_budget(ANSWERED_WITHIN):
            appraisal = await self._categorize(appraisal, photos, photos)
            vin = plain_vin(given.vin) if given.vin else None
            return await self._valuing.confirm_unasked(appraisal, vin)

    async def get(self, id: str) -> Appraisal:
        """
        The appraisal as it stands.

        Answers that were awaited are asked for, and a categorization whose process is gone is
        found here, and made repeatable.
        """
        appraisal = await self.store.get(id)
        if appraisal.status is not AppraisalStatus.categorizing:
            return appraisal
        with time_budget(ANSWERED_WITHIN):
            if appraisal.awaited:
                return await self._collected(appraisal)
            if self._now() - appraisal.updated_at > ABANDONED_AFTER:
                return await self._saved(self._categorizing.interrupted(appraisal))
        return appraisal

    async def notice(self, provider: str, headers: Mapping[str, str], body: bytes) -> None:
        """
        A provider says that an awaited answer is there; nothing else of its notice is believed.

        A notice that nobody waits for (any more) changes nothing. Raises `NoticeRefused`.
        """
        reader = self._notice_readers.get(provider)
        if reader is None:
            raise NoticeRefused("Nobody waits for notices of this provider.")
        ticket = reader.read_notice(headers, body)
        if ticket is None:
            return
        for id in await self.store.awaiting(provider, ticket):
            try:
                await self.get(id)
            except AppraisalNotFound:  # deleted in this very moment
                logger.info("a notice came too late")

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
        with time_budget(ANSWERED_WITHIN):
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
        with time_budget(ANSWERED_WITHIN):
            return await self._categorize(appraisal, photos, sides)

    async def confirm(self, id: str, choice: Choice, version: int | None = None) -> Appraisal:
        """See `Valuing.confirm`; the appraisal is looked at first as `get` does."""
        with time_budget(ANSWERED_WITHIN):
            await self.get(id)
            return await self._valuing.confirm(id, choice, version)

    async def value(self, id: str, usage: Usage | None = None) -> Valuation:
        """See `Valuing.value`; the appraisal is looked at first as `get` does."""
        with time_budget(ANSWERED_WITHIN):
            await self.get(id)
            return await self._valuing.value(id, usage)

    async def read_vin(self, photo: Photo) -> VinReading:
        """The VIN on a photo, and the car that it means; see `vin_reading.read_vin`."""
        with time_budget(ANSWERED_WITHIN):
            return await read_vin(photo, self._texts, self._vin_decoder)

    async def trims(self, model_id: str, year: int) -> Sequence[Trim]:
        """See `Valuing.trims`."""
        return await self._valuing.trims(model_id, year)

    # Categorizing

    async def _categorizer_id(self, chosen: str | None) -> str:
        default = self.categorizers.default_id
        if chosen is None or chosen == default:
            return default
        try:
            known = {one.id for one in await self.categorizers.infos()}
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

    async def _collected(self, appraisal: Appraisal) -> Appraisal:
        collected = await self._categorizing.collected(appraisal)
        if collected is appraisal:
            return appraisal
        saved = await self._saved(collected)
        if saved.status is AppraisalStatus.categorizing:
            return saved
        return await self._valuing.confirm_unasked(saved)

    async def _saved(self, appraisal: Appraisal) -> Appraisal:
        """Kept, unless somebody else has come to the same meanwhile."""
        try:
            return await self.store.save(appraisal)
        except ChangedMeanwhile:
            return await self.store.get(appraisal.id)
