from dataclasses import replace

import pytest

from carvalue.core import errors
from carvalue.core.appraisal import AppraisalStatus, CarSource, Entered, NextAction
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.errors import ProviderError, ProviderTimedOut
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.steps import SUCCESS
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    LE,
    PRICE,
    VIN_OF_COROLLA_2010,
    FakeCategorizer,
    FakeSpecsSource,
    FakeValuer,
    S,
    started,
)

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
PRICED = replace(COROLLA_2010, usage=USAGE)


def failing(error: type[ProviderError] = ProviderTimedOut) -> ProviderError:
    return error("It failed.", provider="somebody")


# What the user chooses


async def test_confirming_brings_the_specs(appraiser: Appraiser, valuer: FakeValuer) -> None:
    """
    The user says which car it is, and sees its specs; no price is asked for unasked.
    """
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, COROLLA_2010)

    assert confirmed.status is AppraisalStatus.confirmed
    assert confirmed.car is not None
    assert str(confirmed.car.car) == "Toyota Corolla 2010"
    assert (confirmed.car.trim, confirmed.car.trim_assumed) == (LE, True)
    assert confirmed.specs is not None
    assert (confirmed.specs.weight_kg, confirmed.specs_step) == (1245, SUCCESS)
    assert confirmed.next_action is NextAction.choose_trim
    assert valuer.asked == []
    assert confirmed == await appraiser.get(appraisal.id)


async def test_confirming_with_the_usage_brings_the_price(appraiser: Appraiser) -> None:
    """
    Two calls are enough from photos to price.
    """
    appraisal = await started(appraiser)

    valued = await appraiser.confirm(appraisal.id, PRICED)

    assert (valued.status, valued.next_action) == (AppraisalStatus.valued, NextAction.done)
    assert valued.valuation is not None
    assert (valued.valuation.price, valued.valuation.usage) == (PRICE, USAGE)
    assert (valued.valuation.trim_id, valued.valuation.source) == ("45963", "fake-valuer")


async def test_the_usage_that_came_with_the_photos(appraiser: Appraiser) -> None:
    """
    What was typed with the photos is not asked for again.
    """
    appraisal = await started(appraiser, Start(Entered(usage=USAGE)))

    valued = await appraiser.confirm(appraisal.id, COROLLA_2010)

    assert valued.status is AppraisalStatus.valued


@pytest.mark.parametrize(
    ("choice", "given", "source"),
    [
        (COROLLA_2010, Start(), CarSource.suggested),
        (Choice("honda", "honda-accord", 2012), Start(), CarSource.suggested),
        (Choice("ford", "ford-f-150", 2012), Start(), CarSource.candidate),
        (Choice("bmw", "bmw-z3", 1999), Start(), CarSource.catalog),
        (COROLLA_2010, Start(vin=VIN_OF_COROLLA_2010), CarSource.vin),
        (replace(COROLLA_2010, trim_id="45964"), Start(vin=VIN_OF_COROLLA_2010), CarSource.vin),
        (replace(COROLLA_2010, year=2011), Start(vin=VIN_OF_COROLLA_2010), CarSource.suggested),
    ],
)
async def test_where_the_confirmed_car_came_from(
    choice: Choice,
    given: Start,
    source: CarSource,
    appraiser: Appraiser,
    categorizer: FakeCategorizer,
) -> None:
    """
    The user may confirm any catalogued car; what was followed is kept, to learn from.
    """
    categorizer.answers[Side.front] = [
        Label("toyota corolla", 0.9),
        Label("honda accord", 0.05),
        Label("toyota camry", 0.03),
        Label("ford f-150", 0.001),
    ]
    appraisal = await started(appraiser, given)

    confirmed = await appraiser.confirm(appraisal.id, choice)

    assert confirmed.car is not None
    assert (confirmed.car.car.make_model.model_id, confirmed.car.source) == (
        choice.model_id,
        source,
    )


async def test_a_car_can_be_named_though_the_photos_failed(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Who knows the car needs no categorizer.
    """
    categorizer.answers = dict.fromkeys(Side, failing())
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, PRICED)

    assert confirmed.status is AppraisalStatus.valued
    assert confirmed.car is not None
    assert confirmed.car.source is CarSource.catalog


@pytest.mark.parametrize(
    ("choice", "refusal"),
    [
        (Choice("trabant", "trabant-601", 1985), errors.UnknownCar),
        (Choice("honda", "toyota-corolla", 2010), errors.UnknownCar),
        (Choice("bmw", "bmw-z3", 2010), errors.UnknownYear),
        (Choice("toyota", "toyota-corolla", 2025), errors.YearNotCovered),
    ],
)
async def test_a_car_that_does_not_exist(
    choice: Choice,
    refusal: type[Exception],
    appraiser: Appraiser,
    specs_source: FakeSpecsSource,
) -> None:
    """
    It is refused before anything is changed or asked for.
    """
    appraisal = await started(appraiser)

    with pytest.raises(refusal):
        await appraiser.confirm(appraisal.id, choice)

    assert await appraiser.get(appraisal.id) == appraisal
    assert specs_source.asked == []


# Trims


async def test_choosing_a_trim(appraiser: Appraiser) -> None:
    """
    The trim replaces the assumed one, and its specs those of the default.
    """
    appraisal = await started(appraiser)
    await appraiser.confirm(appraisal.id, PRICED)

    chosen = await appraiser.confirm(appraisal.id, replace(COROLLA_2010, trim_id="45964"))

    assert chosen.car is not None
    assert (chosen.car.trim, chosen.car.trim_assumed) == (S, False)
    assert chosen.valuation is not None
    assert chosen.valuation.trim_id == "45964"
    assert chosen.valuation.usage == USAGE


async def test_a_trim_that_does_not_exist(appraiser: Appraiser) -> None:
    """
    It is refused; the car stays confirmed and can be given another trim.
    """
    appraisal = await started(appraiser)

    with pytest.raises(errors.UnknownTrim):
        await appraiser.confirm(appraisal.id, replace(PRICED, trim_id="0"))

    kept = await appraiser.get(appraisal.id)
    assert kept.car is not None
    assert (str(kept.car.car), kept.car.car.trim_id) == ("Toyota Corolla 2010", None)
    assert kept.entered.usage == USAGE
    finished = await appraiser.confirm(appraisal.id, replace(PRICED, trim_id="45964"))
    assert finished.status is AppraisalStatus.valued


async def test_a_wrong_trim_changes_nothing(appraiser: Appraiser) -> None:
    """
    Specs and price of a valued car survive the choice of a trim that it does not come in.
    """
    appraisal = await started(appraiser)
    valued = await appraiser.confirm(appraisal.id, PRICED)

    with pytest.raises(errors.UnknownTrim):
        await appraiser.confirm(appraisal.id, replace(COROLLA_2010, trim_id="nonsense"))

    assert await appraiser.get(appraisal.id) == valued


async def test_a_trim_of_a_car_without_specs(
    appraiser: Appraiser, specs_source: FakeSpecsSource
) -> None:
    """
    Where nothing is known of the car, nothing is claimed of its trim.
    """
    specs_source.knows = False
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, replace(COROLLA_2010, trim_id="45963"))

    assert confirmed.car is not None
    assert confirmed.car.car.trim_id is None
