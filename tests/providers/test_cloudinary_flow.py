"""
Cloudinary as carvalue knows it against the mocked Cloudinary: uploads, later answers, notices.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
import respx
from starlette.applications import Starlette

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import (
    NoticeRefused,
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, Side
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.http import Channel
from mocks.cloudinary import routes
from mocks.scenarios import SECRET
from tests.servers import ROOT

pytestmark = pytest.mark.anyio

NOTICES = "https://carvalue.test/notices"
CONTENT = (ROOT / "mocks/photos/demo/toyota_corolla/front.jpg").read_bytes()
COROLLA = Photo(Side.front, CONTENT, 400, 320)
TICKET = f"carvalue/{COROLLA.info.sha256}"

Reached = Callable[..., Cloudinary]


class Counting:
    """A gate that everything passes, and that counts what is billed."""

    def __init__(self) -> None:
        self.costs: list[int] = []

    def call(self, cost: int = 0) -> AbstractAsyncContextManager[None]:
        self.costs.append(cost)
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        yield


@pytest.fixture
def gate() -> Counting:
    return Counting()


@pytest.fixture
async def reached(gate: Counting) -> AsyncIterator[Reached]:
    """Makes a Cloudinary that is connected to one mock, with one key or another."""
    transport = httpx.ASGITransport(app=Starlette(routes=routes(later=0.05, delay=5.0)))
    async with httpx.AsyncClient(transport=transport) as http:

        def made(key: str = "mock", *, seconds: float = 20.0, **given: Any) -> Cloudinary:
            return Cloudinary(
                Channel(http, "cloudinary", seconds, gate),
                cloud_name="demo",
                api_key=key,
                api_secret=SECRET,
                **given,
            )

        yield made


def surest(answer: Answer | Awaited) -> Label:
    assert isinstance(answer, Answer)
    return answer.labels[0]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("version", [1, 2])
async def test_a_photo(reached: Reached, gate: Counting, algorithm: str, version: int) -> None:
    """
    A photo is uploaded, described and removed; the description is what is billed.
    """
    cloudinary = reached(signature_algorithm=algorithm, signature_version=version)
    await cloudinary.check()

    label = surest(await cloudinary.categorize(COROLLA, "imagga_tagging", "hu"))

    assert (label.text, label.local) == ("toyota corolla", "toyota corolla")
    assert 0.5 < label.confidence <= 1
    assert gate.costs == [0, 1, 0]
    with pytest.raises(ProviderRequestRefused):
        await cloudinary.collect(Awaited("cloudinary", TICKET, "imagga_tagging"))


async def test_a_photo_that_is_kept(reached: Reached, gate: Counting) -> None:
    """
    Kept photos are there the next time: asked again, their tags are only looked up.
    """
    cloudinary = reached(keep_photos=True)
    first = await cloudinary.categorize(COROLLA, "imagga_tagging")

    assert await cloudinary.categorize(COROLLA, "imagga_tagging") == first
    assert gate.costs == [1, 1, 0]
    await cloudinary.forget(TICKET)
    await cloudinary.forget(TICKET)


async def test_an_addon_more(reached: Reached, gate: Counting) -> None:
    """
    A kept photo that one add-on has seen is shown to both when a second one is added.
    """
    await reached(keep_photos=True).categorize(COROLLA, "imagga_tagging")
    both = reached(keep_photos=True, addons=("imagga_tagging", "google_tagging"))

    answer = await both.categorize(COROLLA, both.default_id)

    assert isinstance(answer, Answer)
    assert {"toyota corolla", "Car"} <= {label.text for label in answer.labels}
    assert gate.costs == [1, 1, 0, 1]


async def test_an_answer_that_comes_later(reached: Reached, gate: Counting) -> None:
    """
    A photo whose answer is awaited stays until that was collected, free of charge.
    """
    cloudinary = reached("mock-later")
    awaited = await cloudinary.categorize(COROLLA, "imagga_tagging", "hu")
    assert awaited == Awaited("cloudinary", TICKET, "imagga_tagging")

    assert await cloudinary.collect(awaited) == awaited
    await asyncio.sleep(0.06)
    label = surest(await cloudinary.collect(awaited))

    assert (label.text, label.local) == ("toyota corolla", "toyota corolla")
    assert gate.costs == [1, 0, 0, 0]


async def test_notices(reached: Reached, respx_mock: respx.MockRouter) -> None:
    """
    Cloudinary tells when the answer is there; the notice names the ticket that we wait with.
    """
    heard: asyncio.Queue[httpx.Request] = asyncio.Queue()

    async def hear(request: httpx.Request) -> httpx.Response:
        heard.put_nowait(request)
        return httpx.Response(200)

    respx_mock.post(NOTICES).mock(side_effect=hear)
    cloudinary = reached("mock-later", notification_url=NOTICES)
    awaited = await cloudinary.categorize(COROLLA, "imagga_tagging")
    assert isinstance(awaited, Awaited)

    for _ in range(2):
        notice = await asyncio.wait_for(heard.get(), 5)
        assert cloudinary.read_notice(notice.headers, notice.content) == awaited.ticket

    with pytest.raises(NoticeRefused):
        cloudinary.read_notice(notice.headers, notice.content + b" ")
    assert surest(await cloudinary.collect(awaited)).text == "toyota corolla"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("mock-refused", ProviderKeyRefused),
        ("somebody", ProviderKeyRefused),
        ("mock-quota", ProviderQuotaUsedUp),
        ("mock-busy", ProviderBusy),
        ("mock-down", ProviderUnavailable),
        ("mock-nonsense", ProviderAnswerUnreadable),
        ("mock-slow", ProviderTimedOut),
    ],
)
async def test_a_bad_day(reached: Reached, key: str, kind: type[ProviderError]) -> None:
    """
    Every bad day has a name, for the photos and for the check alike.
    """
    patience = 0.1 if kind in (ProviderBusy, ProviderTimedOut) else 5.0
    cloudinary = reached(key, seconds=patience)

    with pytest.raises(ProviderError) as failed:
        await cloudinary.categorize(COROLLA, "imagga_tagging")
    assert type(failed.value) is kind
    with pytest.raises(ProviderError) as failed:
        await cloudinary.check()
    assert type(failed.value) is kind


async def test_a_clock_that_is_wrong(reached: Reached) -> None:
    """
    With a clock that is hours late no call is taken, so it is as good as a refused key.
    """
    with pytest.raises(ProviderKeyRefused):
        await reached(now=lambda: 1_481_775_293).categorize(COROLLA, "imagga_tagging")


async def test_an_addon_without_a_subscription(reached: Reached) -> None:
    """
    No photo will fare better until somebody looks at the account.
    """
    cloudinary = reached(addons=("aws_rek_tagging",))

    with pytest.raises(ProviderKeyRefused):
        await cloudinary.categorize(COROLLA, "aws_rek_tagging")
