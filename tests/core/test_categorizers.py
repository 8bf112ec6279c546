"""
Several categorizers: the next one helps out when one is away, or all are asked at once.
"""

import asyncio
from dataclasses import dataclass, field

import pytest

from carvalue.core import errors
from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import NextAction
from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.errors import ProviderError
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import CategorizerInfo
from carvalue.core.steps import SUCCESS, Step, StepCode
from tests.fakes import (
    FakeCategorizer,
    a_photo,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio

FRONT = a_photo(Side.front)
COROLLA = Label("toyota corolla", 0.9)
BOTH = [(Side.front, "cars"), (Side.back, "cars")]


@dataclass
class Other(FakeCategorizer):
    """Another provider's, with categorizers of its own."""

    default_id: str = "tags"
    provider: str = "other"
    known: list[CategorizerInfo] = field(
        default_factory=lambda: [CategorizerInfo("tags", "Tags", ()), CategorizerInfo("x", "X", ())]
    )

    async def categorizers(self) -> list[CategorizerInfo]:
        await self.check()
        return self.known


@pytest.fixture
def first() -> FakeCategorizer:
    return FakeCategorizer()


@pytest.fixture
def second() -> Other:
    return Other(answers=dict.fromkeys(Side, (COROLLA,)))


def failing(kind: type[ProviderError]) -> dict[Side, ProviderError]:
    return dict.fromkeys(Side, kind("It failed.", provider="somebody"))


def using(catalog: Catalog, *members: FakeCategorizer, at_once: bool = False) -> Appraiser:
    return an_appraiser(catalog, categorizers=Categorizers(members, at_once))


# One after the other


async def test_the_first_is_enough(catalog: Catalog, first: FakeCategorizer, second: Other) -> None:
    """
    As long as the first one answers the second one costs nothing.
    """
    appraisal = await started(using(catalog, first, second))

    assert (first.asked, second.asked) == (BOTH, [])
    assert appraisal.next_action is NextAction.confirm_car


@pytest.mark.parametrize(
    "failure",
    [
        errors.ProviderTimedOut,
        errors.ProviderUnavailable,
        errors.ProviderBusy,
        errors.ProviderQuotaUsedUp,
        errors.ProviderAnswerUnreadable,
    ],
)
async def test_the_next_one_helps_out(
    catalog: Catalog, first: FakeCategorizer, second: Other, failure: type[ProviderError]
) -> None:
    """
    An outage of one provider is not seen by the user; the photo's answer says who gave it.
    """
    first.answers = failing(failure)

    appraisal = await started(using(catalog, first, second))

    assert second.asked == [(Side.front, "tags"), (Side.back, "tags")]
    assert appraisal.categorization == dict.fromkeys(Side, SUCCESS)
    assert {said.categorizer_id for some in appraisal.answers.values() for said in some} == {"tags"}


@pytest.mark.parametrize("failure", [errors.ProviderKeyRefused, errors.ProviderRequestRefused])
async def test_a_refusal_is_not_hidden(
    catalog: Catalog, first: FakeCategorizer, second: Other, failure: type[ProviderError]
) -> None:
    """
    A wrong key is seen by the operator on the first day, not on the second one's bill.
    """
    first.answers = failing(failure)

    appraisal = await started(using(catalog, first, second))

    assert second.asked == []
    assert set(appraisal.categorization.values()) == {Step.failed(StepCode.categorizer_error)}


async def test_nothing_seen_is_an_answer(
    catalog: Catalog, first: FakeCategorizer, second: Other
) -> None:
    """
    A provider that sees no car has answered; another opinion is not paid for.
    """
    first.answers = dict.fromkeys(Side, ())

    appraisal = await started(using(catalog, first, second))

    assert second.asked == []
    assert set(appraisal.categorization.values()) == {Step.failed(StepCode.no_car_found)}


async def test_only_the_photo_that_failed(
    catalog: Catalog, first: FakeCategorizer, second: Other
) -> None:
    """
    What the first one said of the other photo stands.
    """
    first.answers[Side.back] = failing(errors.ProviderTimedOut)[Side.back]

    appraisal = await started(using(catalog, first, second))

    assert second.asked == [(Side.back, "tags")]
    assert appraisal.categorization == dict.fromkeys(Side, SUCCESS)


async def test_nobody_answers(catalog: Catalog, first: FakeCategorizer, second: Other) -> None:
    """
    The step tells of the first one, which is the one that was meant to answer.
    """
    first.answers = failing(errors.ProviderTimedOut)
    second.answers = failing(errors.ProviderQuotaUsedUp)

    appraisal = await started(using(catalog, first, second))

    assert set(appraisal.categorization.values()) == {Step.failed(StepCode.categorizer_timeout)}


# All at once


async def test_all_are_asked(catalog: Catalog, first: FakeCategorizer, second: Other) -> None:
    """
    Each photo has every answer, and both are heard for the candidates.
    """
    second.answers = dict.fromkeys(Side, (Label("bmw z3", 0.9),))

    appraisal = await started(using(catalog, first, second, at_once=True))

    assert [said.categorizer_id for said in appraisal.answers[Side.front]] == ["cars", "tags"]
    assert appraisal.identification is not None
    assert {"toyota corolla", "bmw z3"} <= {
        one.label for one in appraisal.identification.candidates
    }


async def test_all_are_asked_at_the_same_time() -> None:
    """
    The user waits for the slowest, not for one after the other.
    """
    both = asyncio.Barrier(2)

    class Meeting(FakeCategorizer):
        async def categorize(
            self, photo: Photo, categorizer_id: str, language: str = "en"
        ) -> Answer | Awaited:
            async with asyncio.timeout(5):
                await both.wait()
            return await super().categorize(photo, categorizer_id, language)

    said = await Categorizers((Meeting(), Meeting()), at_once=True).ask(FRONT, "cars", "en")

    assert len(said.answers) == 2


@pytest.mark.parametrize("failure", [errors.ProviderTimedOut, errors.ProviderKeyRefused])
async def test_one_of_them_fails(
    first: FakeCategorizer, second: Other, failure: type[ProviderError]
) -> None:
    """
    The other's answer is good enough.
    """
    first.answers = failing(failure)

    said = await Categorizers((first, second), at_once=True).ask(FRONT, "cars", "en")

    assert said.failure is None
    assert [answer.categorizer_id for answer in said.answers] == ["tags"]


async def test_all_of_them_fail(first: FakeCategorizer, second: Other) -> None:
    first.answers = failing(errors.ProviderTimedOut)
    second.answers = failing(errors.ProviderBusy)

    said = await Categorizers((first, second), at_once=True).ask(FRONT, "cars", "en")

    assert said.answers == ()
    assert isinstance(said.failure, errors.ProviderTimedOut)


# One that is named


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("named", "asked"), [("tags", "tags"), ("x", "x")])
async def test_a_categorizer_of_the_second(
    first: FakeCategorizer, second: Other, named: str, asked: str, at_once: bool
) -> None:
    """
    Who names a categorizer gets an answer of that one and no other.
    """
    said = await Categorizers((first, second), at_once).ask(FRONT, named, "en")

    assert (first.asked, second.asked) == ([], [(Side.front, asked)])
    assert len(said.answers) == 1


async def test_the_named_one_is_not_replaced(first: FakeCategorizer, second: Other) -> None:
    """
    If it fails, it fails: another one is not what was asked for.
    """
    second.answers = failing(errors.ProviderTimedOut)

    said = await Categorizers((first, second)).ask(FRONT, "x", "en")

    assert first.asked == []
    assert isinstance(said.failure, errors.ProviderTimedOut)


async def test_the_list_has_all_accounts(first: FakeCategorizer, second: Other) -> None:
    """
    The app can offer every categorizer, and knows whose it is and which are asked by themselves.
    """
    both = Categorizers((first, second))

    infos = await both.infos()

    assert [(info.id, info.provider) for info in infos] == [
        ("cars", "fake-categorizer"),
        ("vans", "fake-categorizer"),
        ("tags", "other"),
        ("x", "other"),
    ]
    marked = {(one.provider, one.id) for one in await both.infos() if both.is_default(one)}
    assert marked == {("fake-categorizer", "cars"), ("other", "tags")}


async def test_an_account_that_cannot_be_reached(first: FakeCategorizer, second: Other) -> None:
    """
    Its categorizers are missing from the list; without any account the list fails.
    """
    first.failure = errors.ProviderTimedOut("Too late.", provider="first")
    both = Categorizers((first, second))

    assert [info.id for info in await both.infos()] == ["tags", "x"]

    second.failure = errors.ProviderBusy("Busy.", provider="other")
    with pytest.raises(errors.ProviderTimedOut):
        await both.infos()


# The language


async def test_labels_in_the_callers_language() -> None:
    """
    Each one asked is told which language the labels are shown in.
    """
    told: list[str] = []

    class Listening(FakeCategorizer):
        async def categorize(
            self, photo: Photo, categorizer_id: str, language: str = "en"
        ) -> Answer | Awaited:
            told.append(language)
            return Answer((Label("toyota corolla", 0.9, "тойота королла"),), categorizer_id)

    said = await Categorizers((Listening(), Listening()), at_once=True).ask(FRONT, "cars", "bg")

    assert told == ["bg", "bg"]
    assert said.answers[0].labels[0].local == "тойота королла"
