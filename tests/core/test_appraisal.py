from dataclasses import replace
from datetime import timedelta

import pytest

from carvalue.core.answers import Answer
from carvalue.core.appraisal import (
    Appraisal,
    AppraisalStatus,
    CarSource,
    ConfirmedCar,
    Entered,
    NextAction,
)
from carvalue.core.candidates import merge_sides
from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.catalog import Catalog
from carvalue.core.errors import NotConfirmed, StillCategorizing
from carvalue.core.identification import Decision
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, Side
from carvalue.core.steps import PENDING, SKIPPED, SUCCESS, Step, StepCode, StepStatus
from carvalue.core.valuation import Condition, MileageUnit, Usage, Valuation
from tests.fakes import (
    LE,
    PRICE,
    Clock,
    S,
    an_appraisal,
)

COROLLA = MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla")
CAMRY = MakeModel("toyota", "Toyota", "toyota-camry", "Camry")
USAGE = Usage(90_000, MileageUnit.km, Condition.good)
CONFIRMED = ConfirmedCar(Car(COROLLA, 2010), CarSource.suggested, LE, trim_assumed=True)
VALUATION = Valuation("val_1", "45963", USAGE, "US", PRICE, "fake", Clock().now)
NO_CAR = Step.failed(StepCode.no_car_found)
SAME = Step.failed(StepCode.same_photo_twice)
BLURRED = Step.failed(StepCode.photo_blurred)
TIMED_OUT = Step.failed(StepCode.categorizer_timeout)
SAID = Answer((Label("toyota corolla", 0.9),), "cars")
LATER = Clock().now + timedelta(minutes=5)


def steps(front: Step, back: Step) -> dict[Side, Step]:
    return {Side.front: front, Side.back: back}


@pytest.mark.parametrize(
    ("front", "back", "status", "next_action"),
    [
        (PENDING, PENDING, "categorizing", "wait"),
        (PENDING, SUCCESS, "categorizing", "wait"),
        (TIMED_OUT, PENDING, "categorizing", "wait"),
        (SUCCESS, SUCCESS, "needs_confirmation", "confirm_car"),
        (SUCCESS, TIMED_OUT, "needs_confirmation", "confirm_car"),
        (NO_CAR, SUCCESS, "needs_confirmation", "confirm_car"),
        (TIMED_OUT, TIMED_OUT, "categorization_failed", "retry_categorization"),
        (NO_CAR, TIMED_OUT, "categorization_failed", "retry_categorization"),
        (NO_CAR, NO_CAR, "categorization_failed", "retake_photos"),
        (SAME, SAME, "categorization_failed", "retake_photos"),
        (BLURRED, NO_CAR, "categorization_failed", "retake_photos"),
        (BLURRED, TIMED_OUT, "categorization_failed", "retry_categorization"),
        (BLURRED, SUCCESS, "needs_confirmation", "confirm_car"),
    ],
)
def test_where_it_stands_before_a_car_is_confirmed(
    front: Step, back: Step, status: str, next_action: str
) -> None:
    """
    The app learns from what became of each photo whether to wait, ask, repeat or retake.
    """
    appraisal = an_appraisal(categorization=steps(front, back))

    assert (appraisal.status, appraisal.next_action) == (status, next_action)


@pytest.mark.parametrize(
    ("given", "status", "next_action"),
    [
        ({}, "confirmed", "request_valuation"),
        ({"trims": (LE,)}, "confirmed", "request_valuation"),
        ({"trims": (LE, S)}, "confirmed", "choose_trim"),
        (
            {"trims": (LE, S), "car": replace(CONFIRMED, trim_assumed=False)},
            "confirmed",
            "request_valuation",
        ),
        ({"valuation_step": Step.failed(StepCode.no_market_data)}, "confirmed", "done"),
        (
            {"trims": (LE, S), "valuation_step": Step.failed(StepCode.no_market_data)},
            "confirmed",
            "done",
        ),
        (
            {"valuation_step": Step.failed(StepCode.provider_timeout)},
            "confirmed",
            "request_valuation",
        ),
        ({"trims": (LE, S), "valuation": VALUATION}, "valued", "done"),
        (
            {"trims": (LE, S), "valuation_step": Step.failed(StepCode.provider_busy)},
            "confirmed",
            "request_valuation",
        ),
        (
            {"valuation": VALUATION, "valuation_step": Step.failed(StepCode.provider_busy)},
            "valued",
            "request_valuation",
        ),
        (
            {"valuation": VALUATION, "valuation_step": Step.failed(StepCode.no_market_data)},
            "valued",
            "done",
        ),
    ],
)
def test_where_it_stands_with_a_confirmed_car(
    given: dict[str, object], status: str, next_action: str
) -> None:
    """
    A trim is asked for only while there is a choice and no price yet, and a price that was asked
    for and failed is asked for again.
    """
    appraisal = an_appraisal(
        categorization=steps(SUCCESS, SUCCESS), car=CONFIRMED, specs_step=SUCCESS
    )
    appraisal = replace(appraisal, **given)

    assert (appraisal.status, appraisal.next_action) == (status, next_action)


def test_photos_that_say_too_little(catalog: Catalog) -> None:
    """
    Where nothing is likely, better photos are asked for; the guesses can be confirmed all the same.
    """
    guesses = tuple(Label(car, 0.05) for car in ("toyota corolla", "honda accord", "bmw z3"))
    found = merge_sides(dict.fromkeys(Side, (Answer(guesses),)), catalog)
    appraisal = an_appraisal(categorization=steps(SUCCESS, SUCCESS), identification=found)

    assert found.decision is Decision.retake
    assert len(found.candidates) == 3
    assert appraisal.status is AppraisalStatus.needs_confirmation
    assert appraisal.next_action is NextAction.retake_photos


def test_every_status_has_a_next_action() -> None:
    """
    An app that knows the actions is never left without one.
    """
    states = [
        an_appraisal(),
        an_appraisal(categorization=steps(NO_CAR, NO_CAR)),
        an_appraisal(categorization=steps(SUCCESS, SUCCESS)),
        an_appraisal(car=CONFIRMED),
        an_appraisal(car=CONFIRMED, valuation=VALUATION),
    ]

    assert [state.status for state in states] == list(AppraisalStatus)
    assert all(state.next_action in NextAction for state in states)


def test_the_confirmed_car_of_an_unconfirmed_appraisal() -> None:
    """
    Without a confirmed car nothing is priced, and the reason is told apart from waiting.
    """
    with pytest.raises(StillCategorizing):
        an_appraisal().confirmed_car()
    with pytest.raises(NotConfirmed):
        an_appraisal(categorization=steps(SUCCESS, SUCCESS)).confirmed_car()
    assert an_appraisal(car=CONFIRMED).confirmed_car() == CONFIRMED


def test_categorizing_one_side_again() -> None:
    """
    What the other photo gave stays.
    """
    appraisal = an_appraisal(
        categorization=steps(SUCCESS, SUCCESS), answers=dict.fromkeys(Side, (SAID,))
    )

    again = appraisal.categorizing({Side.back}, at=LATER)

    assert again.categorization == steps(SUCCESS, PENDING)
    assert again.answers == {Side.front: (SAID,)}
    assert again.updated_at == LATER


def test_the_categorizer_has_answered(catalog: Catalog) -> None:
    """
    Steps and candidates change together.
    """
    answers = {Side.front: (SAID,)}
    found = merge_sides(answers, catalog)

    known = an_appraisal().categorized(steps(SUCCESS, TIMED_OUT), answers, found, at=LATER)

    assert (known.answers, known.identification) == (answers, found)
    assert known.categorization == steps(SUCCESS, TIMED_OUT)
    assert known.updated_at == LATER


@pytest.mark.parametrize("side", list(Side))
def test_a_photo_taken_again(side: Side) -> None:
    """
    It takes the place of the old one; front stays before back.
    """
    taken = Photo(side, b"a better one", 400, 320).info
    appraisal = an_appraisal(categorization=steps(SUCCESS, SUCCESS))

    changed = appraisal.with_photo(taken, at=LATER)

    assert [photo.side for photo in changed.photos] == list(Side)
    assert taken in changed.photos
    assert changed.categorization[side] == PENDING
    assert changed.status is AppraisalStatus.categorizing


def valued_corolla() -> Appraisal:
    return an_appraisal(
        categorization=steps(SUCCESS, SUCCESS),
        car=CONFIRMED,
        entered=Entered(year=2010, usage=USAGE),
        trims=(LE, S),
        specs_step=SUCCESS,
        specs=Specs("45963", "fake"),
        valuation_step=SUCCESS,
        valuation=VALUATION,
    )


def test_confirming_another_car_lets_go_of_the_first() -> None:
    """
    Specs and price of another car never stand beside the confirmed one; what the user
    entered stays.
    """
    camry = ConfirmedCar(Car(CAMRY, 2011), CarSource.catalog)

    changed = valued_corolla().confirmed(camry, None, at=LATER)

    assert (changed.car, changed.status) == (camry, AppraisalStatus.confirmed)
    assert (changed.trims, changed.specs, changed.valuation) == ((), None, None)
    assert (changed.specs_step, changed.valuation_step) == (PENDING, PENDING)
    assert changed.entered == Entered(year=2011, usage=USAGE)


def test_confirming_with_another_usage() -> None:
    """
    What the user says last counts.
    """
    other = Usage(10, MileageUnit.mi, Condition.poor)

    changed = valued_corolla().confirmed(CONFIRMED, other, at=LATER)

    assert changed.entered.usage == other


SHEET = SpecsSheet((LE, S), Specs("45964", "fake"))


@pytest.mark.parametrize(("chosen", "assumed"), [(None, True), ("45964", False)])
def test_the_trim_that_the_specs_are_of(chosen: str | None, assumed: bool) -> None:
    """
    A trim that the user did not choose is marked as assumed; the specs say which it is.
    """
    car = ConfirmedCar(Car(COROLLA, 2010, chosen), CarSource.catalog)

    specified = an_appraisal(car=car).specified(SHEET, at=LATER)

    assert replace(car, trim=S, trim_assumed=assumed) == specified.car
    assert (
        specified.trims,
        specified.specs,
        specified.specs_step,
    ) == (SHEET.trims, replace(SHEET.specs, trim_name="S"), SUCCESS)


def test_specs_of_a_trim_that_is_not_listed() -> None:
    """
    A source that lists no trim for its own specs leaves the trim unknown.
    """
    sheet = SpecsSheet((Trim("1", "L"),), Specs("2", "fake"))

    specified = an_appraisal(car=CONFIRMED).specified(sheet, at=LATER)

    assert specified.car is not None
    assert specified.car.trim is None


@pytest.mark.parametrize(("usage", "left_out"), [(USAGE, SKIPPED), (None, PENDING)])
def test_failed_specs_leave_the_valuation_out(usage: Usage | None, left_out: Step) -> None:
    """
    A price that was asked for is marked as left out; one that was not is still to be asked for.
    """
    appraisal = an_appraisal(car=CONFIRMED, entered=Entered(usage=usage))

    failed = appraisal.specs_failed(StepCode.provider_timeout, at=LATER)

    assert failed.specs_step == Step(StepStatus.failed, StepCode.provider_timeout)
    assert failed.valuation_step == left_out


def test_a_failed_valuation_leaves_the_earlier_one() -> None:
    """
    A price that is there is not lost to a provider's bad day.
    """
    failed = valued_corolla().valuation_failed(StepCode.provider_busy, at=LATER)

    assert failed.valuation == VALUATION
    assert failed.status is AppraisalStatus.valued
    assert failed.valuation_step == Step.failed(StepCode.provider_busy)


@pytest.mark.parametrize(
    ("mileage", "unit", "miles"),
    [(90_000, "mi", 90_000), (90_000, "km", 55_923), (0, "km", 0), (1, "km", 1)],
)
def test_kilometres_are_turned_into_miles(mileage: int, unit: str, miles: int) -> None:
    """
    Who counts in kilometres gets the price of the same car.
    """
    assert Usage(mileage, MileageUnit(unit), Condition.good).miles == miles


def test_a_photo_does_not_show_in_a_log() -> None:
    """
    A photo that ends up in a log line tells its size, not what it shows.
    """
    assert repr(Photo(Side.back, b"number plate", 400, 320)) == "Photo(back, 400x320, 12 bytes)"
