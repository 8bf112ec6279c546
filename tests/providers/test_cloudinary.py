"""
Cloudinary: what it is sent, what stays there, and what is known of the account.
"""

import base64
import re
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderError,
    ProviderKeyRefused,
    ProviderRequestRefused,
)
from carvalue.core.ports import Categorizer, CategorizerInfo, NoticeReader
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.cloudinary_signature import signature_of
from tests.providers.cloudinary_answers import (
    BASE,
    NOW,
    PHOTO,
    TICKET,
    UPLOAD,
    a_cloudinary,
    asset,
    complete,
    tag,
)

pytestmark = pytest.mark.anyio

DESTROY = f"{BASE}/image/destroy"


def fields_of(request: httpx.Request) -> dict[str, str]:
    """The fields of a multipart form that are text."""
    parts = re.findall(rb'form-data; name="(\w+)"\r\n\r\n(.*?)\r\n--', request.content, re.S)
    return {name.decode(): value.decode() for name, value in parts}


# What is sent


async def test_an_upload(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    The photo goes to Cloudinary under its own hash, signed; our secret goes nowhere.
    """
    route = respx_mock.post(UPLOAD).respond(json=asset(complete()))

    await cloudinary.categorize(PHOTO, "imagga_tagging")

    request = route.calls.last.request
    fields = fields_of(request)
    signature = fields.pop("signature")
    assert fields == {
        "public_id": TICKET,
        "overwrite": "0",
        "categorization": "imagga_tagging",
        "timestamp": str(NOW),
        "api_key": "the-key",
    }
    assert signature == signature_of(fields, "the-secret")
    assert b'name="file"; filename="front.jpg"\r\nContent-Type: image/jpeg' in request.content
    assert b"\r\n\r\n" + PHOTO.content + b"\r\n" in request.content
    assert b"the-secret" not in request.content
    assert "authorization" not in request.headers
    assert len(respx_mock.calls) == 1


async def test_options(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Everything of the settings that Cloudinary shall know is sent, and signed with the rest.
    """
    cloudinary = a_cloudinary(
        http,
        addons=("imagga_tagging", "google_tagging"),
        auto_tagging=0.4,
        folder="/photos/cars/",
        notification_url="https://carvalue.test/notices?a=b&c=d",
        signature_algorithm="sha256",
    )
    route = respx_mock.post(UPLOAD).respond(json=asset(complete()))

    await cloudinary.categorize(PHOTO, cloudinary.default_id)

    fields = fields_of(route.calls.last.request)
    assert fields["categorization"] == "imagga_tagging,google_tagging"
    assert fields["auto_tagging"] == "0.4"
    assert fields["public_id"] == f"photos/cars/{PHOTO.info.sha256}"
    assert fields["notification_url"] == "https://carvalue.test/notices?a=b&c=d"
    assert fields["signature"] == signature_of(fields, "the-secret", algorithm="sha256")


async def test_no_folder(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    An account that is used for nothing else needs no folder.
    """
    route = respx_mock.post(UPLOAD).respond(json=asset(complete()))

    await a_cloudinary(http, folder="").categorize(PHOTO, "imagga_tagging")

    assert fields_of(route.calls.last.request)["public_id"] == PHOTO.info.sha256


@pytest.mark.parametrize(
    ("language", "categorization"),
    [
        ("en", "imagga_tagging"),
        ("en-GB", "imagga_tagging"),
        ("hu", "imagga_tagging:en:hu"),
        ("de-AT", "imagga_tagging:en:de"),
        ("fil", "imagga_tagging"),
        ("", "imagga_tagging"),
        ("x&y:z", "imagga_tagging"),
    ],
)
async def test_the_language(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, language: str, categorization: str
) -> None:
    """
    English is asked for always, the caller's language besides, if Cloudinary has a code for it.
    """
    route = respx_mock.post(UPLOAD).respond(json=asset(complete()))

    await cloudinary.categorize(PHOTO, "imagga_tagging", language)

    assert fields_of(route.calls.last.request)["categorization"] == categorization


async def test_an_addon_of_nobody(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    Nothing is uploaded for an add-on that the settings do not name.
    """
    for unknown in ("google_tagging", "imagga_tagging.google_tagging", "", "imagga_tagging:fi"):
        with pytest.raises(ProviderRequestRefused):
            await cloudinary.categorize(PHOTO, unknown)
    assert not respx_mock.calls


# Photos do not stay


async def test_a_photo_is_removed(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Once its answer is there a photo is of no use at Cloudinary, and goes.
    """
    cloudinary = a_cloudinary(http, keep_photos=False)
    upload = respx_mock.post(UPLOAD)
    destroy = respx_mock.post(DESTROY).respond(json={"result": "ok"})

    upload.respond(json=asset({"status": "pending"}))
    await cloudinary.categorize(PHOTO, "imagga_tagging")
    assert not destroy.called

    upload.respond(json=asset(complete()))
    await cloudinary.categorize(PHOTO, "imagga_tagging")
    fields = dict(httpx.QueryParams(destroy.calls.last.request.content.decode()))
    assert fields.pop("signature") == signature_of(fields, "the-secret")
    assert fields == {"public_id": TICKET, "timestamp": str(NOW), "api_key": "the-key"}


@pytest.mark.parametrize("trouble", [{"status_code": 503}, {"json": {"error": {"message": "x"}}}])
async def test_a_photo_that_cannot_be_removed(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, trouble: dict[str, Any]
) -> None:
    """
    The answer that was paid for is not lost because of that.
    """
    cloudinary = a_cloudinary(http, keep_photos=False)
    respx_mock.post(UPLOAD).respond(json=asset(complete(tag("bmw z3", 0.8))))
    respx_mock.post(DESTROY).respond(**trouble)

    assert isinstance(await cloudinary.categorize(PHOTO, "imagga_tagging"), Answer)
    with pytest.raises(ProviderError):
        await cloudinary.forget(TICKET)


# The account


async def test_checking_costs_nothing(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    The check tries the key, and uploads nothing.
    """
    ping = respx_mock.get(f"{BASE}/ping").respond(json={"status": "ok"})
    await cloudinary.check()
    key = base64.b64encode(b"the-key:the-secret").decode()
    assert ping.calls.last.request.headers["authorization"] == f"Basic {key}"

    ping.respond(json={"status": "tired"})
    with pytest.raises(ProviderAnswerUnreadable):
        await cloudinary.check()

    ping.respond(401, html="<html>Unauthorized</html>")
    with pytest.raises(ProviderKeyRefused):
        await cloudinary.check()


async def test_the_categorizers(http: httpx.AsyncClient) -> None:
    """
    The add-ons of the settings can be chosen one by one, and all together.
    """
    assert await a_cloudinary(http).categorizers() == [
        CategorizerInfo("imagga_tagging", "Imagga Auto Tagging", ())
    ]
    both = a_cloudinary(http, addons=("imagga_tagging", "some_tagging", "imagga_tagging"))
    assert [one.id for one in await both.categorizers()] == [
        "imagga_tagging.some_tagging",
        "imagga_tagging",
        "some_tagging",
    ]


async def test_the_cloud_is_one_step_of_the_path(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.get(host="cloudinary.test").respond(json={"status": "ok"})

    await a_cloudinary(http, cloud_name="../x?y").check()

    assert route.calls.last.request.url.raw_path == b"/v1_1/..%2Fx%3Fy/ping"


async def test_the_ports(cloudinary: Cloudinary) -> None:
    """
    It is both: who says what a photo shows, and who reads the notice that this was said.
    """
    as_categorizer: Categorizer = cloudinary
    as_reader: NoticeReader = cloudinary

    assert (as_categorizer.provider, as_categorizer.default_id) == ("cloudinary", "imagga_tagging")
    assert as_reader is cloudinary
