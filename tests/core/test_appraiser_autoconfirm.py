from dataclasses import replace

import pytest

from carvalue.core.appraisal import AppraisalStatus, CarSource, Entered, NextAction
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.errors import ProviderError, ProviderTimedOut
from carvalue.core.identification import Decision, Reason
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.steps import Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    PRICE,
    VIN_OF_COROLLA_2010,
    FakeCategorizer,
    a_photo,
    started,
)

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
PRICED = replace(COROLLA_2010, usage=USAGE)
SAME = Step.failed(StepCode.same_photo_twice)
SURE = Start(Entered(year=2010, auto_confirm=True))


def failing(error: type[ProviderError] = ProviderTimedOut) -> ProviderError:
    return error("It failed.", provider="somebody")


async def test_confirmed_without_asking(appraiser: Appraiser) -> None:
    """
    One call is enough for who wished it, gave the year and took two clear photos.
    """
    given = replace(SURE, entered=replace(SURE.entered, usage=USAGE))

    valued = await started(appraiser, given)

    assert valued.status is AppraisalStatus.valued
    assert valued.car is not None
    assert (str(valued.car.car), valued.car.source) == ("Toyota Corolla 2010", CarSource.auto)
    assert valued.valuation is not None
    assert valued.valuation.price == PRICE


async def test_the_year_may_come_from_the_vin(appraiser: Appraiser) -> None:
    """
    A VIN gives the year that auto_confirm needs.
    """
    given = Start(Entered(auto_confirm=True), vin=VIN_OF_COROLLA_2010)

    assert (await started(appraiser, given)).status is AppraisalStatus.confirmed


@pytest.mark.parametrize(
    ("given", "front"),
    [
        (Start(Entered(year=2010)), 0.97),
        (Start(Entered(auto_confirm=True)), 0.97),
        (Start(Entered(year=1970, auto_confirm=True)), 0.97),
        (Start(Entered(year=2025, auto_confirm=True)), 0.97),
        (SURE, 0.4),
        (SURE, 0.0),
    ],
    ids=["not wished", "no year", "not sold then", "not covered", "not sure", "one photo"],
)
async def test_asked_after_all(
    given: Start, front: float, appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Nothing is confirmed silently that is not wished, not complete or not sure.
    """
    answer = [Label("toyota corolla", front)] if front else failing()
    categorizer.answers[Side.front] = answer

    appraisal = await started(appraiser, given)

    assert appraisal.status is AppraisalStatus.needs_confirmation
    assert appraisal.car is None


async def test_a_car_outside_the_catalogue_is_not_confirmed(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    However sure both photos are of it.
    """
    categorizer.answers = dict.fromkeys(Side, (Label("trabant 601", 0.99),))

    assert (await started(appraiser, SURE)).car is None


async def test_the_same_photo_twice(appraiser: Appraiser, categorizer: FakeCategorizer) -> None:
    """
    One photo sent as front and back agrees with nobody: it costs no call and is to be taken again.
    """
    front = a_photo(Side.front, "red")
    back = a_photo(Side.back, "red")

    appraisal = await appraiser.start(front, back, SURE)

    assert appraisal.categorization == dict.fromkeys(Side, SAME)
    assert appraisal.next_action is NextAction.retake_photos
    assert appraisal.same_photo
    assert appraisal.car is None
    assert categorizer.asked == []


async def test_the_same_photo_twice_by_wish(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Who insists has both asked about, and the user is asked still: one photo agrees with nobody.
    """
    front, back = a_photo(Side.front, "red"), a_photo(Side.back, "red")
    appraisal = await appraiser.start(front, back, SURE)

    again = await appraiser.recategorize(appraisal.id, poor_too=True)

    assert categorizer.asked == [(Side.front, "cars"), (Side.back, "cars")]
    assert again.identification is not None
    assert again.identification.decision is Decision.ask
    assert again.identification.reason is Reason.one_photo
    assert again.car is None
