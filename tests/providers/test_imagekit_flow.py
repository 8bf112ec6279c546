"""
ImageKit from the photo to its tags, against the mock: at once, later, and by notice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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
from carvalue.providers.http import Channel
from carvalue.providers.imagekit import ImageKit
from mocks.imagekit import routes
from mocks.imagekit_webhooks import WEBHOOK_SECRET, Scheme
from mocks.imagga import PHOTOS
from mocks.recognition import learn
from tests.servers import ROOT

pytestmark = pytest.mark.anyio

GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
COROLLA = ROOT / "mocks" / "photos" / "demo" / "toyota_corolla"
Notice = tuple[dict[str, str], bytes]


@pytest.fixture(scope="module", autouse=True)
def learned() -> None:
    """The mock has learned its photos: that takes seconds, which are not the adapter's."""
    learn(PHOTOS)


class World:
    """The mocked ImageKit, and the address at which we get its notices."""

    def __init__(self, **options: Any) -> None:
        self.notices: list[Notice] = []
        self._came = asyncio.Event()

        async def receive(request: Request) -> Response:
            self.notices.append((dict(request.headers), await request.body()))
            self._came.set()
            return Response()

        hook = Route("/notices/imagekit", receive, methods=["POST"])
        us = httpx.ASGITransport(app=Starlette(routes=[hook]))
        self.app = Starlette(routes=routes(webhook_transport=us, **options))

    async def notice(self, count: int) -> list[Notice]:
        """The notices, once there are so many."""
        async with asyncio.timeout(5):
            while len(self.notices) < count:
                self._came.clear()
                await self._came.wait()
        return self.notices


@asynccontextmanager
async def imagekit(
    world: World, key: str = "mock", seconds: float = 5.0, **other: Any
) -> AsyncIterator[ImageKit]:
    settings: dict[str, Any] = {
        "extensions": [GOOGLE, AWS],
        "min_confidence": 1,
        "max_tags": 10,
        "folder": "/carvalue",
        "webhook_url": "http://us.test/notices/imagekit",
        "webhook_secret": WEBHOOK_SECRET,
        "now": lambda: datetime.now(UTC),
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.app)) as http:
        yield ImageKit(Channel(http, "imagekit", seconds), private_key=key, **settings | other)


def corolla() -> Photo:
    return Photo(Side.front, (COROLLA / "front.jpg").read_bytes(), 400, 300)


async def files(world: World) -> list[dict[str, Any]]:
    """What is in the media library."""
    transport = httpx.ASGITransport(app=world.app)
    async with httpx.AsyncClient(transport=transport, auth=("mock", "")) as client:
        found: list[dict[str, Any]] = (await client.get("http://api.test/v1/files")).json()
        return found


def assert_corolla(said: Answer | Awaited) -> Label:
    assert isinstance(said, Answer)
    assert said.labels[0].text.casefold() == "toyota corolla"
    texts = [label.text.lower() for label in said.labels]
    assert len(texts) == len(set(texts))
    return said.labels[0]


async def test_at_once() -> None:
    """
    A photo of a Corolla is known as one, and leaves nothing behind at ImageKit.
    """
    world = World()
    async with imagekit(world) as api:
        await api.check()
        said = await api.categorize(corolla(), api.default_id)
        alone = await api.categorize(corolla(), AWS)

    # Google is the surer one, and capitalizes.
    assert assert_corolla(said).text == "Toyota corolla"
    assert assert_corolla(alone).text == "toyota corolla"
    assert await files(world) == []
    assert world.notices == []


async def test_photos_that_stay_and_are_tagged_anew() -> None:
    """
    A kept photo can be tagged again without another upload, and stays until it is forgotten.
    """
    world = World()
    async with imagekit(world, keep_photos=True) as api:
        first = await api.categorize(corolla(), api.default_id)
        (file,) = await files(world)
        again = await api.update(file["fileId"])

        assert again == first
        assert file["filePath"].startswith("/carvalue/front_")
        assert file["isPrivateFile"] is True
        await api.forget(file["fileId"])

    assert await files(world) == []


async def test_later() -> None:
    """
    Tags that need longer are there when they are asked for again; then the photo goes.
    """
    world = World(later_seconds=60, later_reads=2)
    async with imagekit(world, "mock-later") as api:
        said = await api.categorize(corolla(), api.default_id)
        assert isinstance(said, Awaited)
        assert len(await files(world)) == 1

        assert await api.collect(said) == said
        assert_corolla(await api.collect(said))

        assert await files(world) == []
        with pytest.raises(ProviderRequestRefused):
            await api.collect(said)


@pytest.mark.parametrize("scheme", [Scheme.standard, Scheme.older])
async def test_by_notice(scheme: Scheme) -> None:
    """
    Each tagger sends one notice that names the ticket, in either scheme; then the tags are there.
    """
    world = World(later_seconds=0.01, later_reads=99, webhook_scheme=scheme)
    async with imagekit(world, "mock-later") as api:
        said = await api.categorize(corolla(), api.default_id)
        assert isinstance(said, Awaited)
        notices = await world.notice(2)

        assert [api.read_notice(*notice) for notice in notices] == [said.ticket] * 2
        assert_corolla(await api.collect(said))
        # Once more: the notice still names its ticket, for which there is no answer any more.
        assert api.read_notice(*notices[0]) == said.ticket
        with pytest.raises(ProviderRequestRefused):
            await api.collect(said)
    assert len(world.notices) == 2


async def test_notices_that_are_not_signed() -> None:
    """
    If ImageKit should send notices without a signature they are refused; asking still helps.
    """
    world = World(later_seconds=0.01, later_reads=99, webhook_scheme=Scheme.unsigned)
    async with imagekit(world, "mock-later") as api:
        said = await api.categorize(corolla(), api.default_id)
        assert isinstance(said, Awaited)
        for notice in await world.notice(2):
            with pytest.raises(NoticeRefused):
                api.read_notice(*notice)

        assert_corolla(await api.collect(said))


async def test_the_same_photo_in_the_library_tagged_later() -> None:
    """
    A photo of the library that is tagged anew is still there when its tags were collected.
    """
    world = World(later_seconds=60, later_reads=1)
    async with imagekit(world, keep_photos=True) as api:
        await api.categorize(corolla(), api.default_id)
    (file,) = await files(world)

    async with imagekit(world, "mock-later") as api:
        awaited = await api.update(file["fileId"])
        assert isinstance(awaited, Awaited)
        assert_corolla(await api.collect(awaited))

    assert [one["fileId"] for one in await files(world)] == [file["fileId"]]


async def test_one_tagger_fails() -> None:
    """
    At once, the answer is the other one's. Later, only a notice tells: the photo is asked for
    until the other's tags are there, and then until patience ends.
    """
    world = World(fails=[GOOGLE], later_seconds=60, later_reads=1)
    async with imagekit(world) as api:
        said = await api.categorize(corolla(), api.default_id)
    assert isinstance(said, Answer)
    assert said.categorizer_id == AWS

    async with imagekit(world, "mock-later") as api:
        awaited = await api.categorize(corolla(), api.default_id)
        assert isinstance(awaited, Awaited)
        assert await api.collect(awaited) == awaited
        failure = next(one for one in await world.notice(2) if b"FAILURE" in one[1])
        assert api.read_notice(*failure) == awaited.ticket
    in_a_year: Callable[[], datetime] = lambda: datetime(2030, 1, 1, tzinfo=UTC)  # noqa: E731
    async with imagekit(world, now=in_a_year) as api:
        assert_corolla(await api.collect(awaited))


async def test_all_taggers_fail() -> None:
    """
    At once, that is a failure. Later, nothing tells it: the answer is awaited until its caller
    gives up, and has the photo forgotten.
    """
    world = World(fails=[GOOGLE, AWS], later_seconds=60, later_reads=1)
    async with imagekit(world) as api:
        with pytest.raises(ProviderUnavailable):
            await api.categorize(corolla(), api.default_id)
    assert await files(world) == []

    async with imagekit(world, "mock-later") as api:
        awaited = await api.categorize(corolla(), api.default_id)
        assert isinstance(awaited, Awaited)
        assert await api.collect(awaited) == await api.collect(awaited) == awaited
        await api.forget(awaited.ticket)
    assert await files(world) == []


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("stranger", ProviderKeyRefused),
        ("mock-refused", ProviderKeyRefused),
        ("mock-quota", ProviderQuotaUsedUp),
        ("mock-busy", ProviderBusy),
        ("mock-down", ProviderUnavailable),
        ("mock-nonsense", ProviderAnswerUnreadable),
        ("mock-slow", ProviderTimedOut),
    ],
)
async def test_a_bad_day(key: str, kind: type[ProviderError]) -> None:
    """
    Every bad day is told apart from the others.
    """
    async with imagekit(World(), key, seconds=0.2) as api:
        with pytest.raises(ProviderError) as failed:
            await api.categorize(corolla(), api.default_id)

    assert type(failed.value) is kind
    assert failed.value.retry_after == (3 if kind is ProviderBusy else None)
