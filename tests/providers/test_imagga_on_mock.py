"""
Our Imagga and the mocked one understand each other, in every way of sending a photo.
"""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from carvalue.core.answers import Answer
from carvalue.core.errors import ProviderBusy, ProviderQuotaUsedUp
from carvalue.core.photos import Photo, Side
from carvalue.providers.http import Channel
from carvalue.providers.imagga import Imagga, ImaggaGate
from carvalue.providers.imagga_bulk import ImaggaBulk
from carvalue.providers.imagga_extras import ImaggaExtras
from carvalue.providers.imagga_uploads import Send
from carvalue.providers.imagga_usage import ImaggaUsage
from mocks.imagga import CATEGORIZER, routes
from mocks.scenarios import SECRET

pytestmark = pytest.mark.anyio

SAMPLE = Path("mocks/photos/demo/toyota_corolla/front.jpg")
PHOTO = Photo(Side.front, SAMPLE.read_bytes(), 1024, 768)
URL = "https://dealer.example/toyota_corolla/front.jpg"


def imagga_on(mock: dict[str, Any] | None = None, **options: Any) -> Imagga:
    app = Starlette(routes=routes(**(mock or {})))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
    return Imagga(
        Channel(http, "imagga", 20.0),  # learning takes seconds
        base_url="http://mocks/v2",
        api_key="mock",
        api_secret=SECRET,
        categorizer_id=CATEGORIZER,
        **options,
    )


@pytest.mark.parametrize("send", ["file", "base64", "upload"])
async def test_a_corolla(send: Send) -> None:
    """
    However a photo gets there, it is the same photo.
    """
    imagga = imagga_on(send=send)

    answer = await imagga.categorize(PHOTO, CATEGORIZER, "de")

    assert answer.labels[0].text == "toyota corolla"
    assert answer == await imagga.categorize_url(URL, CATEGORIZER)
    assert await ImaggaGate(imagga, cars=True, nsfw=True).refuse(PHOTO) is None
    assert await ImaggaExtras(imagga).color(PHOTO)
    assert await ImaggaExtras(imagga).texts(PHOTO) == []
    await imagga.discard(PHOTO.info, None)
    assert await imagga.categorize(PHOTO, CATEGORIZER) == answer


async def test_words_for_a_car() -> None:
    """
    The tagger's words are shown in the caller's language and read in English.
    """
    imagga = imagga_on(tag_limit=1)

    answer = await imagga.categorize(PHOTO, "tags", "zh-Hans-CN")

    assert [(label.text, label.local) for label in answer.labels] == [("car", "汽车")]


async def test_the_account() -> None:
    """
    The check is free, and the usage counts what was charged.
    """
    imagga = imagga_on({"monthly_limit": 2000, "concurrency": 2})

    await imagga.check()
    await imagga.categorize(PHOTO, CATEGORIZER)

    assert await imagga.usage() == ImaggaUsage(
        used=1, monthly_limit=2000, concurrency=2, resets_on_day=18
    )
    assert {one.id for one in await imagga.categorizers()} == {
        CATEGORIZER,
        "personal_photos",
        "nsfw_beta",
        "tags",
    }


async def test_limits_that_are_reached() -> None:
    """
    What Imagga refuses for its limits is told as what it is, and the limits are learned.
    """
    learned: list[ImaggaUsage] = []

    async def learn(usage: ImaggaUsage) -> None:
        learned.append(usage)

    imagga = imagga_on({"monthly_limit": 1}, learn=learn)
    await imagga.categorize(PHOTO, CATEGORIZER)

    with pytest.raises(ProviderQuotaUsedUp):
        await imagga.categorize(PHOTO, CATEGORIZER)

    assert [(one.used, one.monthly_limit) for one in learned] == [(1, 1)]


async def test_a_rush() -> None:
    """
    Who asks twice at once where one call is allowed gets both answers, one a little later.
    """
    imagga = imagga_on({"concurrency": 1})
    await imagga.check()

    both = await asyncio.gather(
        *(imagga.categorize(PHOTO, CATEGORIZER) for _ in range(2)), return_exceptions=True
    )

    assert all(isinstance(one, Answer | ProviderBusy) for one in both)
    assert any(isinstance(one, Answer) for one in both)


async def test_a_batch() -> None:
    """
    A batch says of each picture what is said of it by itself.
    """
    imagga = imagga_on()

    async def at_once(_: float) -> None:
        pass

    bulk = ImaggaBulk(imagga, sleep=at_once)
    (batch,) = [batch async for batch in bulk.categorize([URL, f"{URL}.gif"], CATEGORIZER)]

    assert batch[0].answer == await imagga.categorize_url(URL, CATEGORIZER)
    assert batch[1].answer is None
