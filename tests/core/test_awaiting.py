"""
A categorizer that needs longer: its answer is fetched when somebody looks, or when it says so.
"""

import pytest

from carvalue.core import errors
from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import AppraisalStatus, NextAction
from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog
from carvalue.core.categorizing import AWAITED_FOR
from carvalue.core.photos import Photo, Side
from carvalue.core.steps import PENDING, SUCCESS
from carvalue.core.valuing import Choice
from tests.core.conftest import SIGNED, assert_found, have_answers, noticed, using
from tests.fakes import (
    Clock,
    FakeCategorizer,
    a_photo,
    started,
)

pytestmark = pytest.mark.anyio


async def test_the_answer_is_not_there_yet(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    The phone has its appraisal at once, and is told to wait.
    """
    appraisal = await started(waiting)

    assert appraisal.status is AppraisalStatus.categorizing
    assert appraisal.next_action is NextAction.wait
    assert appraisal.categorization == dict.fromkeys(Side, PENDING)
    assert await waiting.get(appraisal.id) == appraisal
    for refused in (
        waiting.confirm(appraisal.id, Choice("toyota", "toyota-corolla", 2010)),
        waiting.recategorize(appraisal.id),
        waiting.retake(appraisal.id, a_photo(Side.back)),
    ):
        with pytest.raises(errors.StillCategorizing):
            await refused


async def test_looking_fetches_it(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    A phone that asks again gets the candidates; nothing is paid for twice.
    """
    appraisal = await started(waiting)
    have_answers(slow)

    assert_found(await waiting.get(appraisal.id))

    assert_found(await waiting.get(appraisal.id))
    assert (len(slow.asked), slow.collected) == (2, [Side.front, Side.back])


async def test_a_notice_fetches_it(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    With the provider's notice the answer is there before anybody looks.
    """
    appraisal = await started(waiting)
    have_answers(slow)

    await noticed(waiting)

    assert_found(await waiting.store.get(appraisal.id))


async def test_a_notice_that_is_too_early(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    A notice is a hint; the answer is what the provider gives when it is asked.
    """
    appraisal = await started(waiting)

    await noticed(waiting)

    assert await waiting.store.get(appraisal.id) == appraisal
    assert set(slow.collected) == set(Side)


async def test_a_forged_notice(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    Who cannot prove to be the provider changes nothing, and not even costs a call.
    """
    appraisal = await started(waiting)
    have_answers(slow)

    for provider, headers in (
        ("fake-categorizer", {}),
        ("fake-categorizer", {"x-signature": "bad"}),
        ("somebody", SIGNED),
    ):
        with pytest.raises(errors.NoticeRefused):
            await waiting.notice(provider, headers, b"ticket-front")

    assert await waiting.store.get(appraisal.id) == appraisal
    assert slow.collected == []


@pytest.mark.parametrize("body", [b"ticket-front", b"ticket-unknown", b"ping"])
async def test_a_notice_that_nobody_waits_for(
    waiting: Appraiser, slow: FakeCategorizer, body: bytes
) -> None:
    """
    One that comes twice, too late, or about something else is taken and changes nothing.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    found = await waiting.get(appraisal.id)
    slow.collected.clear()

    await waiting.notice("fake-categorizer", SIGNED, body)

    assert await waiting.store.get(appraisal.id) == found
    assert slow.collected == []


async def test_a_notice_about_what_was_deleted(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    A deleted appraisal does not come back, and the provider need not send its notice again.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    await waiting.store.delete(appraisal.id)

    await noticed(waiting)

    with pytest.raises(errors.AppraisalNotFound):
        await waiting.get(appraisal.id)


async def test_one_notice_for_two_appraisals(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    Two who sent the same photo are both served.
    """
    both = [await started(waiting) for _ in range(2)]
    have_answers(slow)

    await noticed(waiting)

    for appraisal in both:
        assert_found(await waiting.store.get(appraisal.id))


# One side, one of several


async def test_one_photo_is_answered_later(catalog: Catalog, clock: Clock) -> None:
    """
    What was said of one photo stays while the other is waited for.
    """

    class LateBacks(FakeCategorizer):
        async def categorize(
            self, photo: Photo, categorizer_id: str, language: str = "en"
        ) -> Answer | Awaited:
            self.later = 0 if photo.side is Side.back else None
            return await super().categorize(photo, categorizer_id, language)

    late = LateBacks()
    appraiser = using(catalog, clock, late)
    appraisal = await started(appraiser)
    assert appraisal.categorization == {Side.front: SUCCESS, Side.back: PENDING}
    assert appraisal.next_action is NextAction.wait

    have_answers(late)
    assert_found(await appraiser.get(appraisal.id))
    assert late.collected == [Side.back]


async def test_one_of_two_categorizers_is_late(
    catalog: Catalog, slow: FakeCategorizer, clock: Clock
) -> None:
    """
    Both are heard: the quick one's answer is kept until the slow one's is there.
    """
    quick = FakeCategorizer("tags", "quick")
    appraiser = using(catalog, clock, quick, slow, at_once=True)
    appraisal = await started(appraiser)
    assert appraisal.next_action is NextAction.wait
    assert [said.categorizer_id for said in appraisal.answers[Side.front]] == ["tags"]

    have_answers(slow)
    found = await appraiser.get(appraisal.id)

    assert_found(found)
    assert [said.categorizer_id for said in found.answers[Side.front]] == ["tags", "cars"]
    assert len(quick.asked) == 2


async def test_what_one_of_two_has_said_is_enough(
    catalog: Catalog, slow: FakeCategorizer, clock: Clock
) -> None:
    """
    A provider that never answers costs the user ten minutes, not the candidates.
    """
    appraiser = using(catalog, clock, FakeCategorizer("tags", "quick"), slow, at_once=True)
    appraisal = await started(appraiser)
    clock.now += AWAITED_FOR

    found = await appraiser.get(appraisal.id)

    assert_found(found)
