"""
From photos to candidates: the photos are checked, the categorizer is asked, its answers merged.

What is wrong with one photo is that photo's failed step; it never touches the other.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from carvalue.core.answers import Answer
from carvalue.core.appraisal import Appraisal
from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ProviderError
from carvalue.core.identification import MergeRule
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import Categorizer, PhotoChecker, PhotoFindings, PhotoGate
from carvalue.core.steps import SUCCESS, Step, StepCode, categorizer_code
from carvalue.core.vins import photos_contradict

Outcome = tuple[Step, tuple[Answer, ...]]
"""What became of one photo's step, and what its categorizers said."""


@dataclass(frozen=True, slots=True)
class Categorizing:
    """All that it takes; without a checker or a gate every photo is as good as any."""

    categorizer: Categorizer
    catalog: Catalog
    rule: MergeRule
    now: Callable[[], datetime]
    checker: PhotoChecker | None = None
    gate: PhotoGate | None = None

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
        outcomes = await asyncio.gather(
            *(
                self._outcome(photos[side], appraisal.categorizer_id, found, poor_too=poor_too)
                for side in sides
            )
        )
        steps = {side: step for side, (step, _) in zip(sides, outcomes, strict=True)}
        said = {side: answers for side, (_, answers) in zip(sides, outcomes, strict=True)}
        return self.identified(replace(appraisal, same_photo=found.same), steps, said)

    def identified(
        self,
        appraisal: Appraisal,
        steps: Mapping[Side, Step],
        said: Mapping[Side, tuple[Answer, ...]],
    ) -> Appraisal:
        """The appraisal with what was said of the photos merged into candidates."""
        answers = {side: some for side, some in {**appraisal.answers, **said}.items() if some}
        # The same photo twice is one photo: it cannot agree with itself.
        counted = dict(list(answers.items())[:1]) if appraisal.same_photo else answers
        found = merge_sides(counted, self.catalog, self.rule)
        conflict = photos_contradict(appraisal.vin_car, found, self.catalog, self.rule)
        return appraisal.categorized(steps, answers, found, vin_conflict=conflict, at=self.now())

    async def _checked(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        identical = len({photo.content for photo in photos.values()}) < len(photos)
        if self.checker is None:
            return PhotoFindings({}, identical)
        found = await asyncio.to_thread(self.checker.check, photos)
        return replace(found, same=found.same or identical)

    async def _outcome(
        self, photo: Photo, categorizer_id: str, found: PhotoFindings, *, poor_too: bool
    ) -> Outcome:
        try:
            if not poor_too and (code := await self._refused(photo, found)):
                return Step.failed(code), ()
            answer = await self.categorizer.categorize(photo, categorizer_id)
        except ProviderError as error:
            return Step.failed(categorizer_code(error)), ()
        if not answer.labels:
            return Step.failed(StepCode.no_car_found), ()
        return SUCCESS, (answer,)

    async def _refused(self, photo: Photo, found: PhotoFindings) -> StepCode | None:
        """Why the photo is not worth asking about; what costs nothing is looked at first."""
        if fault := found.faults.get(photo.side):
            return fault
        if found.same:
            return StepCode.same_photo_twice
        return await self.gate.refuse(photo) if self.gate else None
