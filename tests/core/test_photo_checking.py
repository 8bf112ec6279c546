from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from carvalue.core.appraisal import AppraisalStatus, Entered, NextAction
from carvalue.core.appraiser import Start
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ProviderTimedOut
from carvalue.core.identification import Reason
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import PhotoFindings
from carvalue.core.steps import SUCCESS, Step, StepCode
from tests.fakes import (
    FakeCategorizer,
    a_photo,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio

BLURRED = Step.failed(StepCode.photo_blurred)
SAME = Step.failed(StepCode.same_photo_twice)
BOTH = [(Side.front, "cars"), (Side.back, "cars")]


@dataclass
class FakeChecker:
    """Finds fault with the photos it is told to, and takes any two for one if told to."""

    faults: dict[Side, StepCode] = field(default_factory=dict)
    all_same: bool = False

    def check(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        return PhotoFindings(self.faults, self.all_same)


@dataclass
class FakeGate:
    """Refuses every photo, or fails."""

    failure: ProviderTimedOut | None = None
    asked: list[Side] = field(default_factory=list)

    async def refuse(self, photo: Photo) -> StepCode | None:
        self.asked.append(photo.side)
        if self.failure:
            raise self.failure
        return StepCode.not_a_car


async def test_a_poor_photo_costs_no_call(catalog: Catalog, categorizer: FakeCategorizer) -> None:
    """
    A photo of no use is told what is wrong with it; the other one is asked about all the same.
    """
    checker = FakeChecker({Side.back: StepCode.photo_blurred})
    appraiser = an_appraiser(catalog, categorizer=categorizer, checker=checker)

    appraisal = await started(appraiser)

    assert categorizer.asked == [(Side.front, "cars")]
    assert appraisal.categorization == {Side.front: SUCCESS, Side.back: BLURRED}
    assert appraisal.next_action is NextAction.confirm_car
    assert appraisal.identification is not None
    assert appraisal.identification.reason is Reason.one_photo


@pytest.mark.parametrize(
    "fault", [StepCode.photo_too_dark, StepCode.photo_too_bright, StepCode.photo_blurred]
)
async def test_two_poor_photos_are_to_be_taken_again(
    fault: StepCode, catalog: Catalog, categorizer: FakeCategorizer
) -> None:
    """
    Asking again would change nothing: the photos are of no use, and nothing was paid.
    """
    checker = FakeChecker(dict.fromkeys(Side, fault))
    appraiser = an_appraiser(catalog, categorizer=categorizer, checker=checker)

    appraisal = await started(appraiser)
    again = await appraiser.recategorize(appraisal.id)

    assert categorizer.asked == []
    assert again.status is AppraisalStatus.categorization_failed
    assert again.next_action is NextAction.retake_photos
    assert {step.code for step in again.categorization.values()} == {fault}


async def test_a_poor_photo_by_wish(catalog: Catalog, categorizer: FakeCategorizer) -> None:
    """
    Who has no better photo may have it asked about; the one that was answered is not paid twice.
    """
    checker = FakeChecker({Side.back: StepCode.photo_too_dark})
    appraiser = an_appraiser(catalog, categorizer=categorizer, checker=checker)
    appraisal = await started(appraiser)

    again = await appraiser.recategorize(appraisal.id, poor_too=True)

    assert categorizer.asked == BOTH
    assert again.categorization == dict.fromkeys(Side, SUCCESS)
    assert again.identification is not None
    assert again.identification.agree


async def test_a_better_photo_is_checked_too(
    catalog: Catalog, categorizer: FakeCategorizer
) -> None:
    """
    A retaken photo that is no better costs no call either; one that is, does.
    """
    checker = FakeChecker({Side.back: StepCode.photo_blurred})
    appraiser = an_appraiser(catalog, categorizer=categorizer, checker=checker)
    appraisal = await started(appraiser)
    categorizer.asked.clear()

    still = await appraiser.retake(appraisal.id, a_photo(Side.back, "green"))
    assert (still.categorization[Side.back], categorizer.asked) == (BLURRED, [])

    checker.faults.clear()
    better = await appraiser.retake(appraisal.id, a_photo(Side.back, "yellow"))
    assert better.categorization == dict.fromkeys(Side, SUCCESS)
    assert categorizer.asked == [(Side.back, "cars")]


# One photo twice


async def test_one_photo_saved_in_two_ways(catalog: Catalog, categorizer: FakeCategorizer) -> None:
    """
    A photo that was only encoded again or cut is no second photo, and costs no call.
    """
    appraiser = an_appraiser(catalog, categorizer=categorizer, checker=FakeChecker(all_same=True))

    appraisal = await started(appraiser, Start(Entered(year=2010, auto_confirm=True)))

    assert categorizer.asked == []
    assert appraisal.categorization == dict.fromkeys(Side, SAME)
    assert appraisal.next_action is NextAction.retake_photos
    assert appraisal.car is None


async def test_retaking_one_of_two_that_are_one(
    catalog: Catalog, categorizer: FakeCategorizer
) -> None:
    """
    With one photo taken again, both are asked about: the other one never was.
    """
    appraiser = an_appraiser(catalog, categorizer=categorizer)
    front, back = a_photo(Side.front, "red"), a_photo(Side.back, "red")
    appraisal = await appraiser.start(front, back, Start())
    assert categorizer.asked == []

    retaken = await appraiser.retake(appraisal.id, a_photo(Side.back, "blue"))

    assert categorizer.asked == BOTH
    assert retaken.categorization == dict.fromkeys(Side, SUCCESS)
    assert retaken.next_action is NextAction.confirm_car
    assert not retaken.same_photo


async def test_retaking_the_same_photo_again(
    catalog: Catalog, categorizer: FakeCategorizer
) -> None:
    """
    A front that is sent for a back as well makes the two one, and agrees with nobody.
    """
    appraiser = an_appraiser(catalog, categorizer=categorizer)
    appraisal = await started(appraiser)
    categorizer.asked.clear()

    retaken = await appraiser.retake(appraisal.id, a_photo(Side.back, "red"))

    assert categorizer.asked == []
    assert retaken.categorization == {Side.front: SUCCESS, Side.back: SAME}
    assert retaken.identification is not None
    assert retaken.identification.reason is Reason.one_photo


# Asking a provider first


async def test_a_photo_of_no_car_is_refused(catalog: Catalog, categorizer: FakeCategorizer) -> None:
    """
    What the gate refuses is not categorized, unless the caller insists.
    """
    gate = FakeGate()
    appraiser = an_appraiser(catalog, categorizer=categorizer, gate=gate)

    appraisal = await started(appraiser)

    assert appraisal.next_action is NextAction.retake_photos
    assert (gate.asked, categorizer.asked) == (list(Side), [])
    again = await appraiser.recategorize(appraisal.id, poor_too=True)
    assert again.next_action is NextAction.confirm_car


async def test_a_gate_that_fails(catalog: Catalog, categorizer: FakeCategorizer) -> None:
    """
    It is a step that can be repeated, and no verdict on the photo.
    """
    gate = FakeGate(ProviderTimedOut("It did not answer in time.", provider="gate"))
    appraiser = an_appraiser(catalog, categorizer=categorizer, gate=gate)

    appraisal = await started(appraiser)

    assert appraisal.next_action is NextAction.retry_categorization
    assert {step.code for step in appraisal.categorization.values()} == {
        StepCode.categorizer_timeout
    }


async def test_what_costs_nothing_is_looked_at_first(catalog: Catalog) -> None:
    """
    A photo that is blurred anyway is not shown to a provider that is paid.
    """
    gate = FakeGate()
    checker = FakeChecker(dict.fromkeys(Side, StepCode.photo_blurred))

    await started(an_appraiser(catalog, checker=checker, gate=gate))

    assert gate.asked == []
