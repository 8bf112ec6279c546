"""
Confirming while a provider fails, or does not know the car.
"""

from dataclasses import replace

import pytest

from carvalue.core import errors
from carvalue.core.appraisal import AppraisalStatus, NextAction
from carvalue.core.appraiser import Appraiser
from carvalue.core.errors import ProviderError, ProviderTimedOut
from carvalue.core.steps import SKIPPED, Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import FakeSpecsSource, FakeValuer, started

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
PRICED = replace(COROLLA_2010, usage=USAGE)


def failing(error: type[ProviderError] = ProviderTimedOut) -> ProviderError:
    return error("It failed.", provider="somebody")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.ProviderTimedOut, "provider-timeout"),
        (errors.ProviderBusy, "provider-busy"),
        (errors.ProviderQuotaUsedUp, "provider-quota"),
        (errors.ProviderUnavailable, "provider-error"),
        (errors.ProviderRequestRefused, "provider-error"),
    ],
)
async def test_failing_specs_leave_the_choice(
    failure: type[ProviderError],
    code: str,
    appraiser: Appraiser,
    specs_source: FakeSpecsSource,
    valuer: FakeValuer,
) -> None:
    """
    The user's choice stands, and repeating it finishes what is missing.
    """
    specs_source.failure = failing(failure)
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, PRICED)

    assert confirmed.status is AppraisalStatus.confirmed
    assert (confirmed.specs_step.code, confirmed.valuation_step) == (code, SKIPPED)
    assert confirmed.next_action is NextAction.request_valuation
    assert valuer.asked == []
    specs_source.failure = None
    assert (await appraiser.confirm(appraisal.id, PRICED)).status is AppraisalStatus.valued


async def test_a_failing_valuer_leaves_the_specs(
    appraiser: Appraiser, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    Repeating the confirmation asks for the price alone.
    """
    valuer.failure = failing()
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, PRICED)

    assert confirmed.valuation_step == Step.failed(StepCode.provider_timeout)
    assert confirmed.specs is not None
    assert confirmed.entered.usage == USAGE
    assert confirmed.next_action is not NextAction.done
    valuer.failure = None
    assert (await appraiser.confirm(appraisal.id, COROLLA_2010)).status is AppraisalStatus.valued
    assert len(specs_source.asked) == 1


async def test_a_car_without_specs(
    appraiser: Appraiser, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    A car that the source does not know is confirmed all the same, and priced if the valuer can.
    """
    specs_source.knows = False
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, PRICED)

    assert confirmed.car is not None
    assert confirmed.specs_step == Step.failed(StepCode.no_specs_known)
    assert (confirmed.specs, confirmed.trims) == (None, ())
    assert len(valuer.asked) == 1
    await appraiser.confirm(appraisal.id, PRICED)
    assert len(specs_source.asked) == 1


async def test_a_car_without_a_market(appraiser: Appraiser, valuer: FakeValuer) -> None:
    """
    No price is an answer, too: the app is done, and shows the specs.
    """
    valuer.price = None
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, PRICED)

    assert confirmed.valuation_step == Step.failed(StepCode.no_market_data)
    assert (confirmed.status, confirmed.next_action) == (
        AppraisalStatus.confirmed,
        NextAction.done,
    )
    assert confirmed.specs is not None
