from dataclasses import replace

import pytest

from carvalue.core import errors
from carvalue.core.appraisal import AppraisalStatus, CarSource, Entered, NextAction
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.cars import Car, MakeModel, VinCar
from carvalue.core.catalog import Catalog, CatalogRow
from carvalue.core.confirming import CorrectionScope
from carvalue.core.errors import ProviderTimedOut
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.valuing import Choice
from carvalue.core.vins import choice_contradicts
from tests.fakes import (
    VIN_OF_COROLLA_2010,
    FakeCategorizer,
    FakeSpecsSource,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio

COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
ACCORD_2012 = Choice("honda", "honda-accord", 2012)
Z3_1999 = Choice("bmw", "bmw-z3", 1999)
WITH_VIN = Start(Entered(auto_confirm=True), vin=VIN_OF_COROLLA_2010)
TIMED_OUT = ProviderTimedOut("It did not answer in time.", provider="somebody")


def all_say(categorizer: FakeCategorizer, *labels: Label) -> None:
    categorizer.answers = dict.fromkeys(Side, labels)


# A VIN and the photos


@pytest.mark.parametrize(
    "labels",
    [
        [Label("honda accord", 0.97)],
        [Label("honda accord", 0.97), Label("toyota corolla", 0.01)],
        [Label("trabant 601", 0.97)],
        [Label("honda accord", 0.2)],
    ],
    ids=["another car", "another car first", "not in the catalogue", "the VIN's is not named"],
)
async def test_a_vin_of_another_car_than_the_photos(
    labels: list[Label], appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    A mistyped VIN is told; nothing is confirmed unasked, however sure the photos are.
    """
    all_say(categorizer, *labels)

    appraisal = await started(appraiser, WITH_VIN)

    assert appraisal.vin_conflict
    assert appraisal.car is None
    assert appraisal.vin_car is not None
    assert appraisal.identification is not None
    assert appraisal.identification.candidates[0].label == labels[0].text


async def test_without_the_vin_the_same_photos_are_enough(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    It is the VIN that speaks against them, not the photos.
    """
    all_say(categorizer, Label("honda accord", 0.97))

    appraisal = await started(appraiser, Start(Entered(year=2010, auto_confirm=True)))

    assert not appraisal.vin_conflict
    assert appraisal.car is not None
    assert appraisal.car.source is CarSource.auto


async def test_a_vin_that_the_photos_confirm(appraiser: Appraiser) -> None:
    """
    Photos and VIN agree: the car is confirmed by wish.
    """
    appraisal = await started(appraiser, WITH_VIN)

    assert not appraisal.vin_conflict
    assert appraisal.car is not None
    assert str(appraisal.car.car) == "Toyota Corolla 2010"


async def test_unsure_photos_do_not_speak_against_a_vin(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Photos that lean to another car, but not surely, leave the VIN its car.
    """
    all_say(categorizer, Label("honda accord", 0.3), Label("toyota corolla", 0.28))

    appraisal = await started(appraiser, WITH_VIN)

    assert not appraisal.vin_conflict
    assert appraisal.status is AppraisalStatus.needs_confirmation


async def test_photos_without_an_answer_do_not_speak_against_a_vin(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Who says nothing contradicts nothing.
    """
    categorizer.answers = dict.fromkeys(Side, TIMED_OUT)

    appraisal = await started(appraiser, WITH_VIN)

    assert not appraisal.vin_conflict
    assert appraisal.next_action is NextAction.retry_categorization


async def test_an_entered_year_that_the_vin_does_not_say(appraiser: Appraiser) -> None:
    """
    The user's year is kept, but nothing is confirmed unasked against the VIN's.
    """
    given = replace(WITH_VIN, entered=Entered(year=2011, auto_confirm=True))

    appraisal = await started(appraiser, given)

    assert appraisal.entered.year == 2011
    assert appraisal.car is None


# A VIN and the user


async def test_choosing_another_car_than_the_vin(appraiser: Appraiser) -> None:
    """
    The user's choice stands, and the conflict is told; it goes when they choose the VIN's car.
    """
    appraisal = await started(appraiser, Start(vin=VIN_OF_COROLLA_2010))

    other = await appraiser.confirm(appraisal.id, ACCORD_2012)
    same = await appraiser.confirm(appraisal.id, COROLLA_2010)

    assert other.car is not None
    assert str(other.car.car) == "Honda Accord 2012"
    assert (other.vin_conflict, same.vin_conflict) == (True, False)


async def test_a_vin_that_comes_with_the_choice(appraiser: Appraiser) -> None:
    """
    Who reads the VIN later may say it with the car; it is kept as the car that it means.
    """
    appraisal = await started(appraiser)

    choice = replace(COROLLA_2010, vin=VIN_OF_COROLLA_2010)
    confirmed = await appraiser.confirm(appraisal.id, choice)

    assert confirmed.car is not None
    assert (confirmed.car.source, confirmed.vin_conflict) == (CarSource.vin, False)
    assert confirmed.vin_car is not None
    assert confirmed.vin_car.years == (2010,)
    assert VIN_OF_COROLLA_2010 not in repr(await appraiser.get(appraisal.id))


@pytest.mark.parametrize("choice", [ACCORD_2012, replace(COROLLA_2010, year=2011)])
async def test_a_choice_against_its_own_vin(choice: Choice, appraiser: Appraiser) -> None:
    """
    Another car or another year than the VIN's is taken, and told.
    """
    appraisal = await started(appraiser)

    confirmed = await appraiser.confirm(appraisal.id, replace(choice, vin=VIN_OF_COROLLA_2010))

    assert confirmed.car is not None
    assert confirmed.car.car.year == choice.year
    assert confirmed.vin_conflict


async def test_a_vin_that_comes_after_the_choice(
    appraiser: Appraiser, specs_source: FakeSpecsSource
) -> None:
    """
    The same car with a VIN this time keeps the VIN's car, and costs no further call.
    """
    appraisal = await started(appraiser)
    await appraiser.confirm(appraisal.id, COROLLA_2010)

    again = await appraiser.confirm(appraisal.id, replace(COROLLA_2010, vin=VIN_OF_COROLLA_2010))

    assert again.vin_car is not None
    assert again.vin_car.trim == "LE"
    assert not again.vin_conflict
    assert len(specs_source.asked) == 1
    choice = replace(COROLLA_2010, vin=VIN_OF_COROLLA_2010)
    assert await appraiser.confirm(appraisal.id, choice) == again


async def test_a_vin_that_is_none(appraiser: Appraiser) -> None:
    """
    It is refused, and nothing is changed.
    """
    appraisal = await started(appraiser)

    with pytest.raises(errors.InvalidVin):
        await appraiser.confirm(appraisal.id, replace(COROLLA_2010, vin="TOO SHORT"))

    assert await appraiser.get(appraisal.id) == appraisal


def test_a_version_is_no_other_car() -> None:
    """
    A VIN that says 328i does not speak against a 3 Series, nor one without a year against any.
    """
    catalog = Catalog(
        [
            CatalogRow("BMW", "3 Series", (2010, 2011), versions=("3[1-4]*",)),
            CatalogRow("BMW", "328i", (2010, 2011)),
            CatalogRow("BMW", "Z3", (1999,)),
        ],
        covered_until=2024,
    )

    def named(model: str) -> MakeModel:
        return catalog.model(f"bmw-{model}").make_model

    vin_car = VinCar(named("328i"), ())
    assert not choice_contradicts(vin_car, Car(named("3-series"), 2011), catalog)
    assert choice_contradicts(vin_car, Car(named("z3"), 1999), catalog)
    assert not choice_contradicts(None, Car(named("z3"), 1999), catalog)


# Only what was offered


async def test_only_candidates_may_be_confirmed(catalog: Catalog) -> None:
    """
    Where the operator wants it so, a car that nobody offered is refused and nothing is changed.
    """
    appraiser = an_appraiser(catalog, scope=CorrectionScope.candidates)
    appraisal = await started(appraiser)

    with pytest.raises(errors.NotACandidate):
        await appraiser.confirm(appraisal.id, Z3_1999)

    assert await appraiser.get(appraisal.id) == appraisal
    confirmed = await appraiser.confirm(appraisal.id, ACCORD_2012)
    assert confirmed.status is AppraisalStatus.confirmed


async def test_the_car_of_the_vin_is_offered_too(catalog: Catalog) -> None:
    """
    Who has a VIN is not bound to what the photos showed.
    """
    categorizer = FakeCategorizer()
    all_say(categorizer, Label("honda accord", 0.9))
    appraiser = an_appraiser(catalog, categorizer=categorizer, scope=CorrectionScope.candidates)
    appraisal = await started(appraiser)

    with pytest.raises(errors.NotACandidate):
        await appraiser.confirm(appraisal.id, COROLLA_2010)
    choice = replace(COROLLA_2010, vin=VIN_OF_COROLLA_2010)

    assert (await appraiser.confirm(appraisal.id, choice)).status is AppraisalStatus.confirmed
