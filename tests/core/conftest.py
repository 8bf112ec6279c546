"""
A categorizer whose answers come later, and the use cases over it.
"""

from typing import Any

import pytest

from carvalue.core.appraisal import Appraisal, NextAction
from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.photos import Side
from carvalue.core.steps import SUCCESS
from tests.fakes import (
    Clock,
    FakeCategorizer,
    FakeNotices,
    an_appraiser,
)

SIGNED = {"x-signature": "good"}


@pytest.fixture
def slow() -> FakeCategorizer:
    """Gives its answers later."""
    return FakeCategorizer(later=0)


def using(
    catalog: Catalog, clock: Clock, *members: Any, at_once: bool = False, **others: Any
) -> Appraiser:
    return an_appraiser(
        catalog,
        categorizers=Categorizers(members, at_once),
        now=clock,
        notice_readers={"fake-categorizer": FakeNotices()},
        **others,
    )


@pytest.fixture
def waiting(catalog: Catalog, slow: FakeCategorizer, clock: Clock) -> Appraiser:
    """The use cases over a categorizer that gives its answers later."""
    return using(catalog, clock, slow)


def have_answers(slow: FakeCategorizer) -> None:
    """From now on the answers are there."""
    slow.later = 0


async def noticed(appraiser: Appraiser, side: Side = Side.front) -> None:
    await appraiser.notice("fake-categorizer", SIGNED, f"ticket-{side.value}".encode())


def assert_found(appraisal: Appraisal) -> None:
    """The photos have been answered, and there are candidates."""
    assert appraisal.categorization == dict.fromkeys(Side, SUCCESS)
    assert appraisal.next_action is NextAction.confirm_car
    assert appraisal.awaited == {}
    assert appraisal.identification is not None
    assert appraisal.identification.candidates[0].label == "toyota corolla"
