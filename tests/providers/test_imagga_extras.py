"""
Imagga's colours, barcodes and text.
"""

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
from carvalue.providers.http import Channel
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_extras import ImaggaExtras
from tests.fakes import a_photo

pytestmark = pytest.mark.anyio

BASE = "http://imagga.test/v2"
SUCCESS = {"text": "", "type": "success"}
PHOTO = a_photo(Side.front)


def extras_with(http: httpx.AsyncClient, **options: Any) -> ImaggaExtras:
    return ImaggaExtras(
        Imagga(
            Channel(http, "imagga", 5.0),
            base_url=BASE,
            api_key="the-key",
            api_secret="the-secret",
            categorizer_id="cars",
            **options,
        )
    )


@pytest.fixture
def extras(http: httpx.AsyncClient) -> ImaggaExtras:
    return extras_with(http)


def answer(**result: Any) -> dict[str, Any]:
    return {"result": result, "status": SUCCESS}


def color(parent: Any, percent: Any) -> dict[str, Any]:
    # As printed at https://docs.imagga.com/#colors.
    return {
        "r": 70,
        "g": 116,
        "b": 146,
        "html_code": "#467492",
        "percent": percent,
        "closest_palette_color": "cerulean",
        "closest_palette_color_html_code": "#0074a8",
        "closest_palette_color_parent": parent,
        "closest_palette_distance": 5.53350780052479,
    }


@pytest.mark.parametrize(
    ("colors", "name"),
    [
        (
            {
                "background_colors": [color("green", 90)],
                "foreground_colors": [color("blue", 39.05), color("grey", 30)],
                "image_colors": [color("green", 80)],
            },
            "blue",
        ),
        # Two shades of one colour are that colour.
        ({"foreground_colors": [color("grey", 40), color("red", 35), color("red", 25)]}, "red"),
        # Nobody's car is of the colour of skin.
        ({"foreground_colors": [color("skin", 60), color("navy blue", 20)]}, "navy blue"),
        # No object was found, or it was not looked for.
        ({"foreground_colors": [], "image_colors": [color("white", 30)]}, "white"),
        ({"foreground_colors": None, "image_colors": [color("white", 30)]}, "white"),
        ({"image_colors": [color("white", 30)], "object_percentage": None}, "white"),
        ({"foreground_colors": [], "image_colors": []}, None),
        ({}, None),
        # Odd values are left out.
        ({"image_colors": [7, None, color(None, 90), color("", 90), color(" red ", 5)]}, "red"),
        ({"image_colors": [color("blue", v) for v in ("9", None, True, -1, 250, 10**400)]}, None),
    ],
)
async def test_the_color(
    extras: ImaggaExtras, respx_mock: respx.MockRouter, colors: dict[str, Any], name: str | None
) -> None:
    """
    The colour that most of the car has, by a name that people use.
    """
    respx_mock.post(f"{BASE}/colors").respond(json=answer(colors=colors))

    assert await extras.color(PHOTO) == name


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"status": {"type": "error"}}, ProviderRequestRefused),
        (answer(), ProviderAnswerUnreadable),
        (answer(colors=[]), ProviderAnswerUnreadable),
        (answer(colors={"image_colors": "blue"}), ProviderAnswerUnreadable),
    ],
)
async def test_no_colors(
    extras: ImaggaExtras, respx_mock: respx.MockRouter, body: Any, kind: type[Exception]
) -> None:
    """
    An answer that is none is not a car without a colour.
    """
    respx_mock.post(f"{BASE}/colors").respond(json=body)

    with pytest.raises(kind):
        await extras.color(PHOTO)


VIN = "1M8GDM9AXKP042788"
BARCODES = [{"data": VIN, "type": "CODE-39", "x1": 45, "x2": 592, "y1": 31, "y2": 416}]
BOX = {"xmin": 1, "xmax": 1185, "ymin": 51, "ymax": 511, "width": 1184, "height": 460}
TEXT = [{"data": "TEST", "coordinates": BOX}, {"data": f" {VIN}\n", "coordinates": BOX}]


async def test_texts(extras: ImaggaExtras, respx_mock: respx.MockRouter) -> None:
    """
    What barcodes say comes first, as they are surer; what is there twice is said once.
    """
    respx_mock.post(f"{BASE}/barcodes").respond(json=answer(barcodes=BARCODES))
    respx_mock.post(f"{BASE}/text").respond(json=answer(text=TEXT))

    assert await extras.texts(PHOTO) == [VIN, "TEST"]


async def test_text_of_an_uploaded_photo(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    `/text` takes no id of an upload, so the photo itself goes there.
    """
    upload = {"upload_id": "i05"}
    respx_mock.post(f"{BASE}/uploads").respond(json={"result": upload, "status": SUCCESS})
    barcodes = respx_mock.get(f"{BASE}/barcodes").respond(json=answer(barcodes=BARCODES))
    text = respx_mock.post(f"{BASE}/text").respond(json=answer(text=TEXT))

    await extras_with(http, send="upload").texts(PHOTO)

    assert dict(barcodes.calls.last.request.url.params) == {"image_upload_id": "i05"}
    assert PHOTO.content in text.calls.last.request.content


@pytest.mark.parametrize(
    "odd", [None, [], [None, 7, "x", {}, {"data": 7}, {"data": " "}, {"data": None}]]
)
async def test_nothing_is_written(
    extras: ImaggaExtras, respx_mock: respx.MockRouter, odd: Any
) -> None:
    """
    A photo without a word is an answer; a broken entry says nothing.
    """
    respx_mock.post(f"{BASE}/barcodes").respond(json=answer(barcodes=odd))
    respx_mock.post(f"{BASE}/text").respond(json=answer(text=odd))

    assert await extras.texts(PHOTO) == []


async def test_one_of_two_fails(extras: ImaggaExtras, respx_mock: respx.MockRouter) -> None:
    """
    The text reader is experimental; the barcodes are told without it.
    """
    respx_mock.post(f"{BASE}/barcodes").respond(json=answer(barcodes=BARCODES))
    respx_mock.post(f"{BASE}/text").respond(500)

    assert await extras.texts(PHOTO) == [VIN]


async def test_both_fail(extras: ImaggaExtras, respx_mock: respx.MockRouter) -> None:
    """
    That nothing could be read is not told as nothing being written.
    """
    respx_mock.post(host="imagga.test").respond(401)

    with pytest.raises(ProviderKeyRefused):
        await extras.texts(PHOTO)
