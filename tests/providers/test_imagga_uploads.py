"""
Imagga with photos that are uploaded once and named in every call about them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderKeyRefused,
    ProviderRequestRefused,
)
from carvalue.core.photos import Side
from carvalue.providers.http import Channel, NotFoundAtProvider
from carvalue.providers.imagga import Imagga, ImaggaGate
from carvalue.providers.imagga_extras import ImaggaExtras
from carvalue.providers.imagga_uploads import KEPT_FOR, MOST_KEPT
from tests.fakes import a_photo

pytestmark = pytest.mark.anyio

BASE = "http://imagga.test/v2"
SUCCESS = {"text": "", "type": "success"}
CATEGORIES = {
    "result": {"categories": [{"confidence": 90, "name": {"en": "cars vehicles"}}]},
    "status": SUCCESS,
}


def uploaded(upload_id: Any) -> httpx.Response:
    return httpx.Response(200, json={"result": {"upload_id": upload_id}, "status": SUCCESS})


class Clock:
    """Monotonic seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def imagga(http: httpx.AsyncClient, clock: Callable[[], float]) -> Imagga:
    return Imagga(
        Channel(http, "imagga", 5.0),
        base_url=BASE,
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
        send="upload",
        clock=clock,
    )


async def test_one_upload_for_all_that_is_asked(
    imagga: Imagga, respx_mock: respx.MockRouter
) -> None:
    """
    A photo travels once; gates, categorizer and colours name what is there already.
    """
    uploads = respx_mock.post(f"{BASE}/uploads").mock(side_effect=[uploaded("i05")])
    asked = respx_mock.get(url__startswith=f"{BASE}/categories/").respond(json=CATEGORIES)
    colors = respx_mock.get(f"{BASE}/colors").respond(
        json={"result": {"colors": {}}, "status": SUCCESS}
    )
    photo = a_photo(Side.front)

    await ImaggaGate(imagga, cars=True, nsfw=True).refuse(photo)
    await imagga.categorize(photo, "cars", "bg")
    await ImaggaExtras(imagga).color(photo)

    assert (uploads.call_count, asked.call_count, colors.call_count) == (1, 3, 1)
    assert photo.content in uploads.calls.last.request.content
    assert dict(asked.calls.last.request.url.params) == {
        "image_upload_id": "i05",
        "language": "en,bg",
    }
    assert dict(colors.calls.last.request.url.params) == {"image_upload_id": "i05"}


async def test_two_who_ask_at_once(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    The photo is uploaded once, also when two categorizers are asked at the same time.
    """
    uploads = respx_mock.post(f"{BASE}/uploads").mock(return_value=uploaded("i05"))
    respx_mock.get(url__startswith=f"{BASE}/categories/").respond(json=CATEGORIES)
    photo = a_photo(Side.front)

    await asyncio.gather(imagga.categorize(photo, "cars"), imagga.categorize(photo, "vans"))

    assert uploads.call_count == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_an_upload_that_is_gone(
    imagga: Imagga, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    Imagga keeps uploads for about a day; one that it has dropped is sent again, unnoticed.
    """
    uploads = respx_mock.post(f"{BASE}/uploads").mock(side_effect=[uploaded("i1"), uploaded("i2")])
    ok, gone = httpx.Response(200, json=CATEGORIES), httpx.Response(status)
    asked = respx_mock.get(f"{BASE}/categories/cars").mock(side_effect=[ok, gone, ok])
    photo = a_photo(Side.front)
    await imagga.categorize(photo, "cars")

    answer = await imagga.categorize(photo, "cars")

    assert answer.labels
    assert uploads.call_count == 2
    ids = [call.request.url.params["image_upload_id"] for call in asked.calls]
    assert ids == ["i1", "i1", "i2"]


async def test_an_unknown_categorizer(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    404 may mean the categorizer too: that is said, and not asked for ever.
    """
    uploads = respx_mock.post(f"{BASE}/uploads").mock(return_value=uploaded("i1"))
    asked = respx_mock.get(f"{BASE}/categories/nobodys").respond(404)

    with pytest.raises(NotFoundAtProvider):
        await imagga.categorize(a_photo(Side.front), "nobodys")

    assert (uploads.call_count, asked.call_count) == (1, 1)


async def test_an_upload_of_yesterday(
    imagga: Imagga, respx_mock: respx.MockRouter, clock: Clock
) -> None:
    """
    An id is not used for as long as Imagga keeps the photo, but for a little less.
    """
    uploads = respx_mock.post(f"{BASE}/uploads").mock(return_value=uploaded("i1"))
    respx_mock.get(f"{BASE}/categories/cars").respond(json=CATEGORIES)
    photo = a_photo(Side.front)

    await imagga.categorize(photo, "cars")
    clock.now += KEPT_FOR + 1
    await imagga.categorize(photo, "cars")

    assert uploads.call_count == 2
    assert KEPT_FOR < 24 * 3600
    assert MOST_KEPT < 100_000


async def test_a_photo_that_is_forgotten(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    Who deletes an appraisal has its photos deleted at Imagga too, once.
    """
    respx_mock.post(f"{BASE}/uploads").mock(return_value=uploaded("i/05"))
    respx_mock.get(f"{BASE}/categories/cars").respond(json=CATEGORIES)
    deleted = respx_mock.delete(host="imagga.test").respond(json={"status": SUCCESS})
    photo = a_photo(Side.front)
    await imagga.discard(photo.info, None)
    assert deleted.call_count == 0  # it never was there

    await imagga.categorize(photo, "cars")
    await imagga.discard(photo.info, None)
    await imagga.discard(photo.info, None)

    assert [call.request.url.raw_path for call in deleted.calls] == [b"/v2/uploads/i%2F05"]


@pytest.mark.parametrize("status", [404, 410])
async def test_forgetting_what_is_gone(
    imagga: Imagga, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    What Imagga has dropped itself is forgotten as well.
    """
    respx_mock.post(f"{BASE}/uploads").mock(return_value=uploaded("i1"))
    respx_mock.get(f"{BASE}/categories/cars").respond(json=CATEGORIES)
    respx_mock.delete(f"{BASE}/uploads/i1").respond(status)
    await imagga.categorize(a_photo(Side.front), "cars")

    await imagga.discard(a_photo(Side.front).info, None)


async def test_forgetting_that_fails(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    A photo that is still there is not called forgotten; the next try may succeed.
    """
    respx_mock.post(f"{BASE}/uploads").mock(return_value=uploaded("i1"))
    respx_mock.get(f"{BASE}/categories/cars").respond(json=CATEGORIES)
    error = httpx.Response(200, json={"status": {"text": "No", "type": "error"}})
    done = httpx.Response(200, json={"status": SUCCESS})
    deleted = respx_mock.delete(f"{BASE}/uploads/i1").mock(side_effect=[error, done])
    photo = a_photo(Side.front)
    await imagga.categorize(photo, "cars")

    with pytest.raises(ProviderRequestRefused):
        await imagga.discard(photo.info, None)
    await imagga.discard(photo.info, None)

    assert deleted.call_count == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401), ProviderKeyRefused),
        (httpx.Response(400), ProviderRequestRefused),
        (httpx.Response(200, json={"status": {"type": "error"}}), ProviderRequestRefused),
        (uploaded(""), ProviderAnswerUnreadable),
        (uploaded(7), ProviderAnswerUnreadable),
        (uploaded("x" * 300), ProviderAnswerUnreadable),
        (httpx.Response(200, text="<html>"), ProviderAnswerUnreadable),
    ],
)
async def test_an_upload_that_fails(
    imagga: Imagga, respx_mock: respx.MockRouter, answer: httpx.Response, kind: type[Exception]
) -> None:
    """
    Without an upload nothing is asked, and nothing is charged.
    """
    respx_mock.post(f"{BASE}/uploads").mock(return_value=answer)

    with pytest.raises(kind):
        await imagga.categorize(a_photo(Side.front), "cars")

    assert len(respx_mock.calls) == 1
