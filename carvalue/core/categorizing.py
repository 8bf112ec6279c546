"""
From photos to candidates: the photos are checked, the categorizers asked, their answers merged.

What is wrong with one photo is that photo's failed step; it never touches the other.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers, Said
from carvalue.core.errors import ProviderError
from carvalue.core.identification import MergeRule
from carvalue.core.ledger import AWAITED_FOR, paid_for
from carvalue.core.observer import Decided, tell
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import ColorReader, PhotoChecker, PhotoFindings, PhotoGate
from carvalue.core.steps import PENDING, SUCCESS, Step, StepCode, categorizer_code
from carvalue.core.vins import photos_contradict


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one photo's step."""

    step: Step
    answers: tuple[Answer, ...] = ()
    awaited: tuple[Awaited, ...] = ()


@dataclass(frozen=True, slots=True)
class Categorizing:
    """All that it takes; without a checker or a gate every photo is as good as any."""

    categorizers: Categorizers
    catalog: Catalog
    rule: MergeRule
    now: Callable[[], datetime]
    checker: PhotoChecker | None = None
    gate: PhotoGate | None = None
    colors: ColorReader | None = None

    async def categorized(self, appraisal: Appraisal, photos: Mapping[Side, Photo]) -> Appraisal:
        """
        The appraisal with the photos categorized that are to be, both at the same time.

        `photos` are all it has: two that are one photo are told by comparing them. Photos that
        are of no use cost no call, unless the user wants it.
        """
        found = await self._checked(photos)
        sides = [side for side in Side if side in appraisal.unasked]
        asked = asyncio.gather(*(self._outcome(appraisal, photos[side], found) for side in sides))
        color, outcomes = await asyncio.gather(
            self._color(appraisal, photos[sides[0]], found), asked
        )
        seen = replace(appraisal, same_photo=found.same, color=color)
        return self._identified(seen, dict(zip(sides, outcomes, strict=True)))

    async def collected(self, appraisal: Appraisal, *, told: bool = False) -> Appraisal:
        """
        The appraisal with those of the awaited answers that are there by now.

        `told`: a provider says that one is. What its provider has not given after `AWAITED_FOR`
        is given up.
        """
        late = self.now() - appraisal.updated_at > AWAITED_FOR
        sides = list(appraisal.awaited)
        asked = ([replace(one, told=told) for one in appraisal.awaited[side]] for side in sides)
        said = await asyncio.gather(*map(self.categorizers.collect, asked))
        outcomes = {}
        for side, one in zip(sides, said, strict=True):
            if late and one.awaited:
                one = replace(one, awaited=())
            outcomes[side] = _outcome_of(
                replace(one, answers=(*appraisal.answers.get(side, ()), *one.answers))
            )
        if all(outcomes[side].awaited == appraisal.awaited[side] for side in sides):
            return appraisal
        return self._identified(appraisal, outcomes)

    def interrupted(self, appraisal: Appraisal) -> Appraisal:
        """The appraisal without the photos that were to be asked about, for the user to repeat."""
        failed = Seen(Step.failed(StepCode.interrupted))
        return self._identified(appraisal, dict.fromkeys(appraisal.unasked, failed))

    def _identified(self, appraisal: Appraisal, outcomes: Mapping[Side, Seen]) -> Appraisal:
        """The appraisal with what was said of the photos merged into candidates."""
        said = {side: outcome.answers for side, outcome in outcomes.items()}
        answers = {side: some for side, some in {**appraisal.answers, **said}.items() if some}
        # The same photo twice is one photo: it cannot agree with itself.
        counted = dict(list(answers.items())[:1]) if appraisal.same_photo else answers
        found = merge_sides(counted, self.catalog, self.rule)
        awaited = {**appraisal.awaited, **{s: one.awaited for s, one in outcomes.items()}}
        identified = appraisal.categorized(
            {side: outcome.step for side, outcome in outcomes.items()},
            answers,
            found,
            awaited={side: some for side, some in awaited.items() if some},
            vin_conflict=photos_contradict(appraisal.vin_car, found, self.catalog, self.rule),
            at=self.now(),
        )
        if not identified.awaited:
            tell(Decided(found.decision.value))
        return identified

    async def _checked(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        identical = len({photo.content for photo in photos.values()}) < len(photos)
        if self.checker is None:
            return PhotoFindings({}, identical)
        found = await asyncio.to_thread(self.checker.check, photos)
        return replace(found, same=found.same or identical)

    async def _outcome(self, appraisal: Appraisal, photo: Photo, found: PhotoFindings) -> Seen:
        try:
            if not appraisal.poor_too and (code := await self._refused(photo, found)):
                return Seen(Step.failed(code))
        except ProviderError as error:
            return Seen(Step.failed(categorizer_code(error)))
        with paid_for(appraisal.id, photo.side):
            said = await self.categorizers.ask(photo, appraisal.categorizer_id, appraisal.language)
        return _outcome_of(said)

    async def _color(self, appraisal: Appraisal, photo: Photo, found: PhotoFindings) -> str | None:
        """The car's color, where somebody is asked for it; known once, it is not asked again."""
        if appraisal.color or self.colors is None or found.faults.get(photo.side) or found.same:
            return appraisal.color
        try:
            return await self.colors.color(photo)
        except ProviderError:
            return None  # nothing hangs on it

    async def _refused(self, photo: Photo, found: PhotoFindings) -> StepCode | None:
        """Why the photo is not worth asking about; what costs nothing is looked at first."""
        if fault := found.faults.get(photo.side):
            return fault
        if found.same:
            return StepCode.same_photo_twice
        return await self.gate.refuse(photo) if self.gate else None


def _outcome_of(said: Said) -> Seen:
    answers = tuple(answer for answer in said.answers if answer.labels)
    if said.awaited:
        return Seen(PENDING, answers, said.awaited)
    if answers:
        return Seen(SUCCESS, answers)
    if said.failure is not None:
        return Seen(Step.failed(categorizer_code(said.failure)))
    if said.answers:
        return Seen(Step.failed(StepCode.no_car_found))
    return Seen(Step.failed(StepCode.categorizer_timeout))
