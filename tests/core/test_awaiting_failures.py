"""
An answer that was awaited, and never comes, or comes when much has changed.
"""

import pytest

from carvalue.core import errors
from carvalue.core.appraisal import NextAction
from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog
from carvalue.core.photos import Side
from carvalue.core.steps import Step, StepCode
from tests.core.conftest import assert_found, have_answers, using
from tests.fakes import Clock, FakeCategorizer, started

pytestmark = pytest.mark.anyio

TIMED_OUT = Step.failed(StepCode.categorizer_timeout)


async def test_an_answer_that_never_comes(
    waiting: Appraiser, slow: FakeCategorizer, clock: Clock
) -> None:
    """
    After ten minutes the photos can be asked about again.
    """
    appraisal = await started(waiting)
    clock.advance(minutes=9)
    assert (await waiting.get(appraisal.id)).next_action is NextAction.wait
    clock.advance(minutes=2)

    given_up = await waiting.get(appraisal.id)

    assert given_up.categorization == dict.fromkeys(Side, TIMED_OUT)
    assert given_up.next_action is NextAction.retry_categorization
    await waiting.recategorize(appraisal.id)
    assert len(slow.asked) == 4
    have_answers(slow)
    assert_found(await waiting.get(appraisal.id))


async def test_an_answer_in_the_last_moment(
    waiting: Appraiser, slow: FakeCategorizer, clock: Clock
) -> None:
    """
    If it is there when somebody looks at last, it counts, however late.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    clock.advance(hours=5)

    assert_found(await waiting.get(appraisal.id))


async def test_a_provider_that_is_away_for_a_moment(
    waiting: Appraiser, slow: FakeCategorizer
) -> None:
    """
    The answer is waited for still: it is paid for.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    answers, slow.answers = (
        slow.answers,
        dict.fromkeys(
            Side, errors.ProviderUnavailable("Out of order.", provider="fake-categorizer")
        ),
    )

    assert await waiting.get(appraisal.id) == appraisal

    slow.answers = answers
    assert_found(await waiting.get(appraisal.id))


async def test_a_provider_that_has_lost_it(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    An answer that there will never be is not waited for; the photos can be asked about again.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    slow.answers = dict.fromkeys(
        Side, errors.ProviderRequestRefused("Unknown.", provider="fake-categorizer")
    )

    found = await waiting.get(appraisal.id)

    assert set(found.categorization.values()) == {Step.failed(StepCode.categorizer_error)}
    assert found.next_action is NextAction.retry_categorization


async def test_no_car_after_all(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    A late answer is one like any other: photos that show no car are to be taken again.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    slow.answers = dict.fromkeys(Side, ())

    assert (await waiting.get(appraisal.id)).next_action is NextAction.retake_photos


async def test_a_provider_that_is_no_longer_configured(
    waiting: Appraiser, catalog: Catalog, clock: Clock
) -> None:
    """
    After a change of the settings the appraisal can be read and its photos be asked about again.
    """
    appraisal = await started(waiting)
    changed = using(catalog, clock, FakeCategorizer(provider="another"), store=waiting.store)

    found = await changed.get(appraisal.id)

    assert found.next_action is NextAction.retry_categorization
    assert_found(await changed.recategorize(appraisal.id))
