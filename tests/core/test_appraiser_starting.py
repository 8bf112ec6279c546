import asyncio
from collections.abc import Sequence

import pytest

from carvalue.core import errors
from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import KEPT_FOR, Appraisal, AppraisalStatus, Entered, NextAction
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ProviderError, ProviderTimedOut
from carvalue.core.identification import Decision, Reason
from carvalue.core.labels import Label
from carvalue.core.paid import PaidCategorizer
from carvalue.core.photos import Photo, Side
from carvalue.core.remembered import Recollection
from carvalue.core.request_keys import RequestKey
from carvalue.core.steps import SUCCESS, Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    VIN_OF_COROLLA_2010,
    Clock,
    FakeCategorizer,
    a_photo,
    an_appraiser,
    started,
)
from tests.memory import FakeMemory, MemoryLedger, MemoryStore

pytestmark = pytest.mark.anyio

TIMED_OUT = ProviderTimedOut("The categorizer did not answer in time.", provider="imagga")
USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)


# Starting


async def test_two_photos_become_candidates(appraiser: Appraiser) -> None:
    """
    Two photos are enough to be told which car it may be.
    """
    appraisal = await started(appraiser)

    assert appraisal.status is AppraisalStatus.needs_confirmation
    assert appraisal.identification is not None
    best = appraisal.identification.candidates[0]
    assert (best.label, best.suggested) == ("toyota corolla", True)
    assert best.by_side == {Side.front: 0.97, Side.back: 0.95}
    assert appraisal.identification.decision is Decision.accept
    assert appraisal == await appraiser.get(appraisal.id)


async def test_what_is_kept_beside_the_candidates(
    appraiser: Appraiser, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    Everything the user gave is kept, and for how long is said.
    """
    entered = Entered(year=2010, usage=USAGE)

    appraisal = await started(appraiser, Start(entered, country="DE", client_reference="ref 7"))

    assert appraisal.entered == entered
    assert (appraisal.country, appraisal.client_reference) == ("DE", "ref 7")
    assert appraisal.photos == (a_photo(Side.front).info, a_photo(Side.back).info)
    assert appraisal.answers == {
        side: (Answer(tuple(said), "cars"),) for side, said in categorizer.answers.items()
    }
    assert appraisal.expires_at == appraisal.created_at + KEPT_FOR
    assert appraisal.created_at < appraisal.updated_at <= clock.now


async def test_ids_cannot_be_guessed(appraiser: Appraiser) -> None:
    """
    Nobody finds another user's car by counting.
    """
    ids = {(await started(appraiser)).id for _ in range(20)}

    assert len(ids) == 20
    assert all(id.startswith("apr_") and len(id) >= 36 for id in ids)


async def test_both_photos_are_asked_about_at_once(catalog: Catalog) -> None:
    """
    The user waits for one answer, not for one after the other.
    """

    both = asyncio.Barrier(2)

    class BothAtOnce(FakeCategorizer):
        async def categorize(
            self, photo: Photo, categorizer_id: str, language: str = "en"
        ) -> Answer | Awaited:
            async with asyncio.timeout(5):
                await both.wait()
            return await super().categorize(photo, categorizer_id, language)

    appraisal = await started(an_appraiser(catalog, categorizer=BothAtOnce()))

    assert appraisal.status is AppraisalStatus.needs_confirmation


async def test_photos_are_kept_before_the_categorizer_is_asked(
    catalog: Catalog, memory_store: MemoryStore
) -> None:
    """
    A server that dies while it waits has the photos still.
    """

    class Watching(FakeCategorizer):
        async def categorize(
            self, photo: Photo, categorizer_id: str, language: str = "en"
        ) -> Answer | Awaited:
            answer = await super().categorize(photo, categorizer_id, language)
            (kept,) = await memory_store.page(limit=5)
            assert kept.status is AppraisalStatus.categorizing
            assert await memory_store.photo(kept.id, photo.side) == photo
            return answer

    categorizer = Watching()

    await started(an_appraiser(catalog, categorizer=categorizer, store=memory_store))

    assert len(categorizer.asked) == 2


async def test_a_store_that_is_slow(catalog: Catalog, clock: Clock) -> None:
    """
    Meanwhile the calls are written down, and none is made.
    """
    added = asyncio.Event()

    class Slow(MemoryStore):
        async def add(
            self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
        ) -> Appraisal:
            await added.wait()
            return await super().add(appraisal, photos, key)

    categorizer, ledger = FakeCategorizer(), MemoryLedger(now=clock)
    paid = PaidCategorizer(categorizer, ledger, Recollection(FakeMemory(now=clock), now=clock))
    appraiser = an_appraiser(catalog, categorizer=paid, store=Slow(now=clock), now=clock)
    starting = asyncio.create_task(started(appraiser))
    await asyncio.sleep(0.01)
    assert (len(ledger.calls), categorizer.asked) == (2, [])

    added.set()
    appraisal = await starting

    assert len(categorizer.asked) == 2
    assert appraisal.status is AppraisalStatus.needs_confirmation
    assert appraisal == await appraiser.get(appraisal.id)


async def test_who_hangs_up_while_the_photos_are_kept(catalog: Catalog, clock: Clock) -> None:
    """
    They are kept and looked at all the same.
    """
    store, categorizer = MemoryStore(now=clock), FakeCategorizer()
    appraiser = an_appraiser(catalog, categorizer=categorizer, store=store, now=clock)
    starting = asyncio.create_task(started(appraiser))
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.sleep(0.01)

    (appraisal,) = await store.page(limit=5)
    assert appraisal.status is AppraisalStatus.needs_confirmation
    assert len(categorizer.asked) == 2


async def test_a_store_that_fails_costs_no_call(
    appraiser: Appraiser, categorizer: FakeCategorizer, memory_store: MemoryStore
) -> None:
    """
    What cannot be kept is not paid for.
    """
    memory_store.failing = True

    with pytest.raises(errors.StoreUnavailable):
        await started(appraiser)
    await asyncio.sleep(0.01)
    assert (categorizer.asked, appraiser.runner.running) == ([], 0)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (Start(vin="TOO SHORT"), errors.InvalidVin),
        (Start(categorizer_id="planes"), errors.UnknownCategorizer),
    ],
)
async def test_a_wrong_request_keeps_nothing(
    given: Start,
    refusal: type[Exception],
    appraiser: Appraiser,
    categorizer: FakeCategorizer,
    memory_store: MemoryStore,
) -> None:
    """
    What is wrong with a request is said before it costs anything.
    """
    with pytest.raises(refusal):
        await started(appraiser, given)

    assert await memory_store.page(limit=5) == []
    assert categorizer.asked == []


@pytest.mark.parametrize(("chosen", "asked"), [(None, "cars"), ("cars", "cars"), ("vans", "vans")])
async def test_the_categorizer_that_is_asked(
    chosen: str | None, asked: str, appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    A categorizer of the account can be named; else the default one is asked.
    """
    appraisal = await started(appraiser, Start(categorizer_id=chosen))

    assert appraisal.categorizer_id == asked
    assert categorizer.asked == [(Side.front, asked), (Side.back, asked)]


# VIN


async def test_a_vin_names_the_car(appraiser: Appraiser) -> None:
    """
    With a VIN the year and the trim are known; the VIN itself is not kept.
    """
    appraisal = await started(appraiser, Start(vin=VIN_OF_COROLLA_2010))

    assert appraisal.vin_car is not None
    assert str(appraisal.vin_car.make_model) == "Toyota Corolla"
    assert (appraisal.vin_car.year, appraisal.vin_car.trim) == (2010, "LE")
    assert appraisal.entered.year == 2010
    assert VIN_OF_COROLLA_2010 not in repr(appraisal)


async def test_a_year_that_was_entered_counts_before_the_vin(appraiser: Appraiser) -> None:
    """
    What the user typed is never overwritten.
    """
    given = Start(Entered(year=2011), vin=VIN_OF_COROLLA_2010)

    assert (await started(appraiser, given)).entered.year == 2011


async def test_a_vin_of_an_unknown_car(appraiser: Appraiser) -> None:
    """
    A sound VIN that says nothing is no reason to refuse the photos.
    """
    appraisal = await started(appraiser, Start(vin="1M8GDM9AXKP042788"))

    assert appraisal.vin_car is None
    assert appraisal.status is AppraisalStatus.needs_confirmation


# What fails


async def test_one_photo_fails(appraiser: Appraiser, categorizer: FakeCategorizer) -> None:
    """
    The candidates come from the other one, and the user is asked.
    """
    categorizer.answers[Side.back] = TIMED_OUT

    appraisal = await started(appraiser)

    assert appraisal.status is AppraisalStatus.needs_confirmation
    failed = Step.failed(StepCode.categorizer_timeout)
    assert appraisal.categorization == {Side.front: SUCCESS, Side.back: failed}
    assert appraisal.identification is not None
    assert appraisal.identification.candidates[0].label == "toyota corolla"
    assert appraisal.identification.reason is Reason.one_photo


async def test_repeating_asks_only_for_the_missing_photo(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    What was answered is not paid for twice, and the result is as good as at once.
    """
    whole = await started(appraiser)
    answer, categorizer.answers[Side.back] = categorizer.answers[Side.back], TIMED_OUT
    appraisal = await started(appraiser)
    categorizer.asked.clear()

    categorizer.answers[Side.back] = answer
    repeated = await appraiser.recategorize(appraisal.id)

    assert categorizer.asked == [(Side.back, "cars")]
    assert repeated.identification == whole.identification
    assert repeated.categorization == {Side.front: SUCCESS, Side.back: SUCCESS}


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.ProviderTimedOut, "categorizer-timeout"),
        (errors.ProviderBusy, "categorizer-busy"),
        (errors.ProviderQuotaUsedUp, "categorizer-quota"),
        (errors.ProviderUnavailable, "categorizer-error"),
        (errors.ProviderKeyRefused, "categorizer-error"),
        (errors.ProviderAnswerUnreadable, "categorizer-error"),
    ],
)
async def test_a_failing_categorizer_loses_nothing(
    failure: type[ProviderError], code: str, appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    The photos stay, the failure has a name, and repeating the step finishes it.
    """
    answers = dict(categorizer.answers)
    categorizer.answers = dict.fromkeys(Side, failure("It failed.", provider="imagga"))

    failed = await started(appraiser, Start(Entered(usage=USAGE)))

    assert failed.next_action is NextAction.retry_categorization
    assert {step.code for step in failed.categorization.values()} == {code}
    assert failed.entered.usage == USAGE
    categorizer.answers = answers
    assert (await appraiser.recategorize(failed.id)).next_action is NextAction.confirm_car


async def test_no_car_on_either_photo(appraiser: Appraiser, categorizer: FakeCategorizer) -> None:
    """
    Photos of something else are to be taken again, not sent again.
    """
    categorizer.answers = {Side.front: [], Side.back: []}

    appraisal = await started(appraiser)

    assert appraisal.status is AppraisalStatus.categorization_failed
    assert appraisal.next_action is NextAction.retake_photos
    assert appraisal.identification is not None
    assert appraisal.identification.reason is Reason.no_answer


async def test_a_car_that_the_catalogue_does_not_have(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    The user picks another one from the catalogue.
    """
    categorizer.answers = dict.fromkeys(Side, (Label("trabant 601", 0.9),))

    appraisal = await started(appraiser)

    assert appraisal.next_action is NextAction.confirm_car
    assert appraisal.identification is not None
    assert not any(one.suggested for one in appraisal.identification.candidates)


async def test_a_categorizer_that_cannot_be_looked_up(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    That the list of categorizers cannot be had is no reason to lose the photos.
    """
    categorizer.failure = errors.ProviderTimedOut("It failed.", provider="somebody")

    appraisal = await started(appraiser, Start(categorizer_id="vans"))

    assert categorizer.asked == [(Side.front, "vans"), (Side.back, "vans")]
    assert await appraiser.get(appraisal.id) == appraisal
