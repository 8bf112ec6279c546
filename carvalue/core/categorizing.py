"""
From photos to candidates: the photos are checked, the categorizers asked, their answers merged.

What is wrong with one photo is that photo's failed step; it never touches the other.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers, Said
from carvalue.core.errors import ProviderError
from carvalue.core.identification import MergeRule
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import ColorReader, PhotoChecker, PhotoFindings, PhotoGate
from carvalue.core.steps import PENDING, SUCCESS, Step, StepCode, StepStatus, categorizer_code
from carvalue.core.vins import photos_contradict

ABANDONED_AFTER = timedelta(seconds=60)
"""A categorization that has not ended by then never will: its process is gone."""
AWAITED_FOR = timedelta(minutes=10)
"""How long a provider may need for an answer that it gives later."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one photo's step."""

    step: Step
    answers: tuple[Answer, ...] = ()
    awaited: tuple[Awaited, ...] = ()


INTERRUPTED = Outcome(Step.failed(StepCode.interrupted))


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

    async def categorized(
        self,
        appraisal: Appraisal,
        photos: Mapping[Side, Photo],
        sides: Collection[Side],
        *,
        poor_too: bool = False,
    ) -> Appraisal:
        """
        The appraisal with the photos of `sides` categorized, both at the same time.

        `photos` are all it has: two that are one photo are told by comparing them. Photos that
        are of no use cost no call, unless the caller wants `poor_too`.
        """
        found = await self._checked(photos)
        sides = [side for side in Side if side in sides]
        asked = asyncio.gather(
            *(self._outcome(appraisal, photos[side], found, poor_too=poor_too) for side in sides)
        )
        color, outcomes = await asyncio.gather(
            self._color(appraisal, photos[sides[0]], found), asked
        )
        seen = replace(appraisal, same_photo=found.same, color=color)
        return self._identified(seen, dict(zip(sides, outcomes, strict=True)))

    async def collected(self, appraisal: Appraisal) -> Appraisal:
        """
        The appraisal with those of the awaited answers that are there by now.

        What its provider has not given after `AWAITED_FOR` is given up.
        """
        late = self.now() - appraisal.updated_at > AWAITED_FOR
        sides = list(appraisal.awaited)
        said = await asyncio.gather(
            *(self.categorizers.collect(appraisal.awaited[side]) for side in sides)
        )
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
        """The appraisal after its process is gone: what was under way can be repeated."""
        pending = (
            side
            for side, step in appraisal.categorization.items()
            if step.status is StepStatus.pending
        )
        return self._identified(appraisal, dict.fromkeys(pending, INTERRUPTED))

    def _identified(self, appraisal: Appraisal, outcomes: Mapping[Side, Outcome]) -> Appraisal:
        """The appraisal with what was said of the photos merged into candidates."""
        said = {side: outcome.answers for side, outcome in outcomes.items()}
        answers = {side: some for side, some in {**appraisal.answers, **said}.items() if some}
        # The same photo twice is one photo: it cannot agree with itself.
        counted = dict(list(answers.items())[:1]) if appraisal.same_photo else answers
        found = merge_sides(counted, self.catalog, self.rule)
        awaited = {**appraisal.awaited, **{s: one.awaited for s, one in outcomes.items()}}
        return appraisal.categorized(
            {side: outcome.step for side, outcome in outcomes.items()},
            answers,
            found,
            awaited={side: some for side, some in awaited.items() if some},
            vin_conflict=photos_contradict(appraisal.vin_car, found, self.catalog, self.rule),
            at=self.now(),
        )

    async def _checked(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        identical = len({photo.content for photo in photos.values()}) < len(photos)
        if self.checker is None:
            return PhotoFindings({}, identical)
        found = await asyncio.to_thread(self.checker.check, photos)
        return replace(found, same=found.same or identical)

    async def _outcome(
        self, appraisal: Appraisal, photo: Photo, found: PhotoFindings, *, poor_too: bool
    ) -> Outcome:
        try:
            if not poor_too and (code := await self._refused(photo, found)):
                return Outcome(Step.failed(code))
        except ProviderError as error:
            return Outcome(Step.failed(categorizer_code(error)))
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


def _outcome_of(said: Said) -> Outcome:
    answers = tuple(answer for answer in said.answers if answer.labels)
    if said.awaited:
        return Outcome(PENDING, answers, said.awaited)
    if answers:
        return Outcome(SUCCESS, answers)
    if said.failure is not None:
        return Outcome(Step.failed(categorizer_code(said.failure)))
    if said.answers:
        return Outcome(Step.failed(StepCode.no_car_found))
    return Outcome(Step.failed(StepCode.categorizer_timeout))
