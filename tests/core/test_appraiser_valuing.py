from dataclasses import replace

import pytest

from carvalue.core import errors
from carvalue.core.appraisal import AppraisalStatus, Entered, NextAction
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.errors import ProviderError, ProviderTimedOut
from carvalue.core.steps import SUCCESS, Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    LE,
    PRICE,
    Clock,
    FakeSpecsSource,
    FakeValuer,
    S,
    started,
)

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
WORN = Usage(190_000, MileageUnit.km, Condition.poor)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
IN_GERMANY = Start(country="DE")


async def confirmed(appraiser: Appraiser, given: Start = IN_GERMANY) -> str:
    appraisal = await started(appraiser, given)
    return (await appraiser.confirm(appraisal.id, COROLLA_2010)).id


async def test_a_price_for_the_confirmed_car(
    appraiser: Appraiser, valuer: FakeValuer, clock: Clock
) -> None:
    """
    A price says all that it was asked for with.
    """
    id = await confirmed(appraiser)
    before = clock.now

    valuation = await appraiser.value(id, USAGE)

    assert (valuation.price, valuation.usage, valuation.country) == (PRICE, USAGE, "DE")
    assert (valuation.trim_id, valuation.source) == (LE.trim_id, "fake-valuer")
    assert before < valuation.created_at <= clock.now
    appraisal = await appraiser.get(id)
    assert (appraisal.status, appraisal.valuation) == (AppraisalStatus.valued, valuation)
    assert appraisal.valuation_step == SUCCESS
    assert [(str(car), usage) for car, usage in valuer.asked] == [("Toyota Corolla 2010", USAGE)]


async def test_another_mileage_is_another_valuation(appraiser: Appraiser) -> None:
    """
    A price never changes: the new one stands beside it, the old one is history.
    """
    id = await confirmed(appraiser)
    first = await appraiser.value(id, USAGE)

    second = await appraiser.value(id, WORN)

    assert second.id != first.id
    assert (await appraiser.get(id)).valuation == second
    assert await appraiser.store.valuations(id, limit=5) == [second, first]
    assert await appraiser.store.valuation(id, first.id) == first


@pytest.mark.parametrize("way", ["with the photos", "with an earlier valuation"])
async def test_the_usage_is_remembered(way: str, appraiser: Appraiser) -> None:
    """
    Nobody types the mileage twice.
    """
    if way == "with the photos":
        id = await confirmed(appraiser, Start(Entered(usage=USAGE)))
    else:
        id = await confirmed(appraiser)
        await appraiser.value(id, USAGE)

    assert (await appraiser.value(id)).usage == USAGE


async def test_without_any_usage(appraiser: Appraiser, valuer: FakeValuer) -> None:
    """
    There is no price without a mileage, and no call for one either.
    """
    id = await confirmed(appraiser)

    with pytest.raises(errors.UsageMissing):
        await appraiser.value(id)
    assert valuer.asked == []


async def test_a_price_before_the_car_is_confirmed(
    appraiser: Appraiser, valuer: FakeValuer
) -> None:
    """
    A suggestion is no car: nothing is priced that the user has not confirmed.
    """
    appraisal = await started(appraiser)

    with pytest.raises(errors.NotConfirmed):
        await appraiser.value(appraisal.id, USAGE)
    assert valuer.asked == []
    assert await appraiser.get(appraisal.id) == appraisal


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.ProviderTimedOut, "provider-timeout"),
        (errors.ProviderBusy, "provider-busy"),
        (errors.ProviderQuotaUsedUp, "provider-quota"),
        (errors.ProviderAnswerUnreadable, "provider-error"),
    ],
)
async def test_a_failing_valuer(
    failure: type[ProviderError], code: str, appraiser: Appraiser, valuer: FakeValuer
) -> None:
    """
    The failure is told and kept; so is what the user entered, and a repetition succeeds.
    """
    id = await confirmed(appraiser)
    valuer.failure = failure("It failed.", provider="valuation_api")

    with pytest.raises(failure):
        await appraiser.value(id, USAGE)

    kept = await appraiser.get(id)
    assert (kept.valuation_step.code, kept.entered.usage) == (code, USAGE)
    assert kept.next_action is not NextAction.done
    valuer.failure = None
    assert (await appraiser.value(id)).usage == USAGE


async def test_a_failing_valuer_leaves_the_price_that_is_there(
    appraiser: Appraiser, valuer: FakeValuer
) -> None:
    """
    The user still sees the price they had.
    """
    id = await confirmed(appraiser)
    first = await appraiser.value(id, USAGE)
    valuer.failure = errors.ProviderBusy("It is busy.", provider="valuation_api")

    with pytest.raises(errors.ProviderBusy):
        await appraiser.value(id, WORN)

    kept = await appraiser.get(id)
    assert (kept.status, kept.valuation) == (AppraisalStatus.valued, first)
    assert await appraiser.store.valuations(id, limit=5) == [first]


async def test_no_market(appraiser: Appraiser, valuer: FakeValuer) -> None:
    """
    A car that nobody sells has no price, which is no outage.
    """
    id = await confirmed(appraiser)
    valuer.price = None

    with pytest.raises(errors.NoMarketData):
        await appraiser.value(id, USAGE)

    kept = await appraiser.get(id)
    assert kept.valuation_step == Step.failed(StepCode.no_market_data)
    assert kept.next_action is NextAction.done


async def test_missing_specs_are_asked_for_first(
    appraiser: Appraiser, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    A price is of a trim; specs that failed before are fetched without another request.
    """
    specs_source.failure = errors.ProviderTimedOut("Too late.", provider="specs_api")
    id = await confirmed(appraiser)
    with pytest.raises(errors.ProviderTimedOut):
        await appraiser.value(id, USAGE)
    assert valuer.asked == []

    specs_source.failure = None
    valuation = await appraiser.value(id)

    assert valuation.trim_id == LE.trim_id
    assert (await appraiser.get(id)).specs_step == SUCCESS


async def test_specs_that_are_there_are_not_asked_for_again(
    appraiser: Appraiser, specs_source: FakeSpecsSource
) -> None:
    """
    A second price costs one call, not two.
    """
    id = await confirmed(appraiser)

    await appraiser.value(id, USAGE)
    await appraiser.value(id, WORN)

    assert len(specs_source.asked) == 1


async def test_a_valuation_of_a_deleted_appraisal(appraiser: Appraiser) -> None:
    """
    What was deleted stays deleted.
    """
    id = await confirmed(appraiser)
    await appraiser.store.delete(id)

    with pytest.raises(errors.AppraisalNotFound):
        await appraiser.value(id, USAGE)


# Trims to choose from


async def test_the_trims_of_a_car(appraiser: Appraiser) -> None:
    """
    They can be shown before a photo is taken.
    """
    assert list(await appraiser.trims("toyota-corolla", 2010)) == [LE, S]


async def test_the_trims_of_a_car_that_the_source_does_not_know(
    appraiser: Appraiser, specs_source: FakeSpecsSource
) -> None:
    """
    None known is an empty list.
    """
    specs_source.knows = False

    assert list(await appraiser.trims("toyota-corolla", 2010)) == []


@pytest.mark.parametrize(
    ("model_id", "year", "refusal"),
    [
        ("trabant-601", 1985, errors.ModelNotFound),
        ("bmw-z3", 2010, errors.UnknownYear),
        ("toyota-corolla", 2025, errors.YearNotCovered),
    ],
)
async def test_the_trims_of_a_car_that_does_not_exist(
    model_id: str,
    year: int,
    refusal: type[Exception],
    appraiser: Appraiser,
    specs_source: FakeSpecsSource,
) -> None:
    """
    The source is not asked about a car that was never sold.
    """
    with pytest.raises(refusal):
        await appraiser.trims(model_id, year)
    assert specs_source.asked == []


async def test_a_correction_keeps_what_was_entered(appraiser: Appraiser) -> None:
    """
    After a correction the price is asked for with the mileage that is known.
    """
    id = await confirmed(appraiser)
    await appraiser.value(id, USAGE)

    corrected = await appraiser.confirm(id, replace(COROLLA_2010, year=2012))

    assert corrected.valuation is not None
    assert corrected.valuation.usage == USAGE


async def test_a_trim_that_turns_out_not_to_exist(
    appraiser: Appraiser, specs_source: FakeSpecsSource
) -> None:
    """
    A trim that could not be judged in an outage is refused when the source is back; the car
    stays, and asking once more prices it in the default trim.
    """
    appraisal = await started(appraiser)
    specs_source.failure = ProviderTimedOut("It failed.", provider="somebody")
    await appraiser.confirm(appraisal.id, replace(COROLLA_2010, trim_id="nonsense"))
    specs_source.failure = None

    with pytest.raises(errors.UnknownTrim):
        await appraiser.value(appraisal.id, USAGE)
    await appraiser.value(appraisal.id)

    valued = await appraiser.get(appraisal.id)
    assert valued.car is not None
    assert (valued.car.car.year, valued.car.trim) == (2010, LE)
    assert valued.valuation is not None
