"""
The use cases: from two photos to a price.

What the user gave is saved before a provider is asked, together with what is to be done about it.
The work goes on whoever hangs up; a caller waits for it as long as it likes. No provider's failure
is an error of the appraisal: it becomes the step's code, and the step can be repeated.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from carvalue.core.appraisal import (
    KEPT_FOR,
    Appraisal,
    AppraisalStatus,
    Entered,
    NextAction,
    Stage,
    new_id,
)
from carvalue.core.budget import time_budget
from carvalue.core.callers import ANYBODY
from carvalue.core.cars import Trim
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.categorizing import Categorizing
from carvalue.core.changes import Changes
from carvalue.core.choosing import Choosing
from carvalue.core.confirming import CorrectionScope
from carvalue.core.errors import (
    AlreadyConfirmed,
    ChangedMeanwhile,
    PhotoNotFound,
    ProviderError,
    UnknownCategorizer,
)
from carvalue.core.identification import DEFAULT_RULE, MergeRule
from carvalue.core.notices import NoticeBook, Notices
from carvalue.core.observer import Confirmed, tell
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
from carvalue.core.request_keys import RequestKey
from carvalue.core.runner import UNHEARD_AFTER, Runner
from carvalue.core.spending import paid_by
from carvalue.core.steps import StepCode, StepStatus
from carvalue.core.suppliers import ValuersByCountry
from carvalue.core.valuation import Usage, Valuation
from carvalue.core.valuing import Choice, Valuing
from carvalue.core.vin_reading import VinReading, read_vin
from carvalue.core.vins import plain_vin
from carvalue.core.work import NOTHING_GIVEN, Given, Outcome

ANSWERED_WITHIN = 15.0
"""Seconds that a stage may ask providers for, all in all; a phone does not wait longer."""
DISCARDED_WITHIN = 5.0
"""Seconds for removing photos from categorizers, which remove them by themselves within a day."""


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
    owner: str = ANYBODY.owner


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
        changes: Changes | None = None,
        rule: MergeRule = DEFAULT_RULE,
        scope: CorrectionScope = CorrectionScope.catalog,
        checker: PhotoChecker | None = None,
        gate: PhotoGate | None = None,
        colors: ColorReader | None = None,
        texts: TextReader | None = None,
        notice_readers: Mapping[str, NoticeReader] | None = None,
        notice_book: NoticeBook | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.categorizers = categorizers
        self.changes = changes or Changes()
        self.runner = Runner(store, self.changes, self._advanced, self._given_up)
        self._vin_decoder = vin_decoder
        self._texts = texts
        look = partial(self.get, told=True)
        self._notices = Notices(notice_readers or {}, store, notice_book, look, now)
        self._categorizing = Categorizing(categorizers, catalog, rule, now, checker, gate, colors)
        self._valuing = Valuing(specs_source, valuers, vin_decoder, catalog, scope, now)
        self._choosing = Choosing(store, self.runner, self._valuing, self.get, now)
        self._now = now

    async def start(
        self, front: Photo, back: Photo, given: Start, *, wait: float = ANSWERED_WITHIN
    ) -> Appraisal:
        """Keep the photos and say which cars they may show; see `begin`."""
        return await self.settled(await self.begin(front, back, given), wait)

    async def begin(
        self, front: Photo, back: Photo, given: Start, key: RequestKey | None = None
    ) -> str:
        """
        Keep the photos and begin to look at them; the answer is the appraisal's id.

        Raises what is wrong with the request before anything is kept: `InvalidVin`,
        `UnknownCategorizer`, and `RequestKeyTaken`.
        """
        vin_car = self._vin_decoder.decode(given.vin) if given.vin else None
        with time_budget(ANSWERED_WITHIN):
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
            owner=given.owner,
            entered=entered,
            vin_car=vin_car,
        )
        adding = asyncio.create_task(self.store.add(appraisal, (front, back), key))
        vin = plain_vin(given.vin) if given.vin else None
        self.runner.run_new(appraisal, Given((front, back), vin), adding)
        await asyncio.shield(adding)  # who hangs up now has been heard
        return appraisal.id

    async def settled(self, id: str, wait: float) -> Appraisal:
        """The appraisal when nothing of ours is open, or as it is after `wait` seconds."""
        return (await self.runner.settled(id, wait)).appraisal

    async def get(self, id: str, *, told: bool = False) -> Appraisal:
        """
        The appraisal as it stands.

        Answers that were awaited are asked for; `told` as in `Categorizing.collected`.
        """
        appraisal = await self.store.get(id)
        if not appraisal.awaited or appraisal.status is not AppraisalStatus.categorizing:
            return appraisal
        with time_budget(ANSWERED_WITHIN):
            collected = await self._categorizing.collected(appraisal, told=told)
        if collected is appraisal:
            return appraisal
        given_up = set(appraisal.awaited) - set(collected.awaited) - set(collected.answers)
        if given_up:
            with time_budget(DISCARDED_WITHIN):
                await self._discard(appraisal, given_up)
        try:
            self.runner.run(await self.store.save(self._unasked(collected)))
        except ChangedMeanwhile:
            await self.get(id)  # somebody else has come to the same, or to less
        return await self.settled(id, ANSWERED_WITHIN)

    async def changed(self, id: str, version: int | None, wait: float) -> Appraisal:
        """
        The appraisal as soon as it is at another version than `version`, or without one as soon
        as there is nothing to wait for; or as it is after `wait` seconds.
        """
        ends_at = time.monotonic() + wait
        with self.changes.watching(id) as watch:
            while True:
                appraisal = await self.get(id)
                left = ends_at - time.monotonic()
                if version is None:
                    there = appraisal.next_action is not NextAction.wait
                else:
                    there = appraisal.version != version
                if there or left <= 0:
                    return appraisal
                await watch.wait(min(left, UNHEARD_AFTER))

    async def notice(self, provider: str, headers: Mapping[str, str], body: bytes) -> None:
        """
        A provider says that an awaited answer is there; nothing else of its notice is believed.

        A notice that nobody waits for (any more), or that came before, changes nothing. Raises
        `NoticeRefused`.
        """
        await self._notices.receive(provider, headers, body)

    async def recategorize(
        self,
        id: str,
        categorizer_id: str | None = None,
        *,
        poor_too: bool = False,
        key: RequestKey | None = None,
        wait: float = ANSWERED_WITHIN,
    ) -> Appraisal:
        """
        Ask the categorizer again: for the photos that it gave no answer to, or for both when
        they have all been answered or another categorizer is named. `poor_too`: even for photos
        that we find of no use.

        Raises `AlreadyConfirmed`, `StillCategorizing`, and `PhotoNotFound` when the time of a
        photo is over.
        """
        appraisal = await self._unconfirmed(id)
        with time_budget(ANSWERED_WITHIN):
            chosen = await self._categorizer_id(categorizer_id or appraisal.categorizer_id)
        failed = {
            side
            for side, step in appraisal.categorization.items()
            if step.status is not StepStatus.success
        }
        sides = failed if failed and chosen == appraisal.categorizer_id else set(Side)
        await self._check_kept(id, sides)
        appraisal = replace(appraisal, categorizer_id=chosen)
        changed = appraisal.categorizing(sides, poor_too=poor_too, at=self._now())
        self.runner.run(await self.store.save(changed, key=key))
        return await self.settled(id, wait)

    async def retake(self, id: str, photo: Photo, *, wait: float = ANSWERED_WITHIN) -> Appraisal:
        """
        Replace one photo by a better one, and categorize it; the other's answer stays.

        If the two were one photo, the other was never asked about; now it is. Raises
        `AlreadyConfirmed`, `StillCategorizing`, and `PhotoNotFound` when that one's time is over.
        """
        appraisal = await self._unconfirmed(id)
        sides = {photo.side} | {
            side
            for side, step in appraisal.categorization.items()
            if step.code is StepCode.same_photo_twice
        }
        await self._check_kept(id, sides - {photo.side})
        changed = appraisal.with_photo(photo.info, at=self._now())
        changed = changed.categorizing(sides, at=self._now())
        self.runner.run(await self.store.save(changed, photo), Given((photo,)))
        return await self.settled(id, wait)

    async def confirm(
        self, id: str, choice: Choice, version: int | None = None, *, wait: float = ANSWERED_WITHIN
    ) -> Appraisal:
        """See `Choosing.confirm`."""
        return await self._choosing.confirm(id, choice, version, wait=wait)

    async def value(
        self,
        id: str,
        usage: Usage | None = None,
        *,
        valuation_id: str | None = None,
        key: RequestKey | None = None,
        wait: float = ANSWERED_WITHIN,
    ) -> Valuation:
        """See `Choosing.value`."""
        return await self._choosing.value(id, usage, valuation_id=valuation_id, key=key, wait=wait)

    async def delete(self, id: str) -> None:
        """
        Remove the appraisal, its photos and its valuations, and what categorizers keep of it.

        Raises `AppraisalNotFound`.
        """
        appraisal = await self.store.get(id)
        await self.store.delete(id)
        with time_budget(DISCARDED_WITHIN):
            await self._discard(appraisal, set(Side))

    async def read_vin(self, photo: Photo) -> VinReading:
        """The VIN on a photo, and the car that it means; see `vin_reading.read_vin`."""
        with time_budget(ANSWERED_WITHIN):
            return await read_vin(photo, self._texts, self._vin_decoder)

    async def trims(self, model_id: str, year: int) -> Sequence[Trim]:
        """See `Valuing.trims`."""
        with time_budget(ANSWERED_WITHIN):
            return await self._valuing.trims(model_id, year)

    # What is done in the background

    async def _advanced(self, appraisal: Appraisal, given: Given = NOTHING_GIVEN) -> Outcome:
        """The appraisal after the stage that is open."""
        with time_budget(ANSWERED_WITHIN), paid_by(appraisal.owner):
            match appraisal.stage:
                case Stage.categorization:
                    photos = await self._photos(appraisal, given)
                    seen = await self._categorizing.categorized(appraisal, photos)
                    return Outcome(self._unasked(seen))
                case Stage.specs:
                    return await self._valuing.specified(appraisal, given.vin)
                case Stage.valuation:
                    return await self._valuing.valued(appraisal, given.vin)
                case None:
                    return Outcome(appraisal)

    def _given_up(self, appraisal: Appraisal) -> Appraisal:
        if appraisal.stage is Stage.categorization:
            return self._categorizing.interrupted(appraisal)
        return appraisal.interrupted(at=self._now())

    async def _photos(self, appraisal: Appraisal, given: Given) -> dict[Side, Photo]:
        """The photos, but for one that was answered for and is not kept any more."""
        photos = {}
        for side in Side:
            try:
                kept = given.photo(appraisal, side) or await self.store.photo(appraisal.id, side)
            except PhotoNotFound:
                if side in appraisal.unasked:
                    raise
            else:
                photos[side] = kept
        return photos

    def _unasked(self, appraisal: Appraisal) -> Appraisal:
        if appraisal.status is AppraisalStatus.categorizing:
            return appraisal
        unasked = self._valuing.unasked(appraisal)
        if unasked.car is not None:
            tell(Confirmed(unasked.car.source.value))
        return unasked

    async def _discard(self, appraisal: Appraisal, sides: set[Side]) -> None:
        await asyncio.gather(
            *(
                self.categorizers.discard(photo, appraisal.awaited.get(photo.side, ()))
                for photo in appraisal.photos
                if photo.side in sides
            )
        )

    async def _check_kept(self, id: str, sides: set[Side]) -> None:
        for side in sides:
            await self.store.photo(id, side)

    async def _unconfirmed(self, id: str) -> Appraisal:
        appraisal = await self.get(id)
        appraisal.check_categorized()
        if appraisal.car is not None:
            raise AlreadyConfirmed("The car is confirmed already.")
        return appraisal

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
