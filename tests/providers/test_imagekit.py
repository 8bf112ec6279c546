"""
ImageKit: what it is sent, and which photos stay there.
"""

import base64
import json
import re

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderKeyRefused,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.core.photos import Side
from carvalue.core.ports import Categorizer, CategorizerInfo, NoticeReader
from carvalue.providers.imagekit import TEMPORARY, ImageKit
from tests.fakes import a_photo
from tests.providers.imagekit_answers import (
    AWS,
    BOTH,
    DETAILS,
    FILE,
    FILE_ID,
    FILES,
    GOOGLE,
    LATER,
    REFUSAL,
    UPLOAD,
    an_imagekit,
    ask,
    details,
    documented,
    tag,
    uploaded,
)

pytestmark = [pytest.mark.anyio, pytest.mark.respx(assert_all_called=False)]


def parts_of(request: httpx.Request) -> dict[str, str]:
    """The fields of a form, without files."""
    found = re.findall(rb'form-data; name="(\w+)"\r\n\r\n(.*?)\r\n--', request.content, re.DOTALL)
    return {name.decode(): text.decode() for name, text in found}


# What is sent


async def test_it_is_what_the_use_cases_need(imagekit: ImageKit) -> None:
    categorizer: Categorizer = imagekit
    _: NoticeReader = imagekit

    assert categorizer.provider == "imagekit"
    assert categorizer.default_id == BOTH


async def test_what_is_sent(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    The photo goes up unseen by the public, marked to be deleted, and with the taggers' options.
    """
    photo = a_photo(Side.front)
    route = respx_mock.post(UPLOAD).respond(json=documented("upload"))

    await imagekit.categorize(photo, BOTH)

    request = route.calls.last.request
    key = base64.b64encode(b"the-key:").decode()
    assert request.headers["authorization"] == f"Basic {key}"
    assert request.url.query == b""
    fields = parts_of(request)
    assert json.loads(fields.pop("extensions")) == [
        {"name": GOOGLE, "minConfidence": 40, "maxTags": 10},
        {"name": AWS, "minConfidence": 40, "maxTags": 10},
    ]
    assert fields == {
        "fileName": "front.jpg",
        "useUniqueFileName": "true",
        "isPrivateFile": "true",
        "folder": "/carvalue",
        "webhookUrl": "https://us.test/notices/imagekit",
        "tags": TEMPORARY,
    }
    assert b'name="file"; filename="front.jpg"\r\nContent-Type: image/jpeg' in request.content
    assert b"\r\n\r\n" + photo.content + b"\r\n" in request.content


async def test_what_is_sent_without_notices(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    Photos that stay are not marked, and who expects no notice asks for none.
    """
    route = respx_mock.post(UPLOAD).respond(json=documented("upload"))

    await ask(an_imagekit(http, webhook_url=None, keep_photos=True))

    assert {"tags", "webhookUrl"}.isdisjoint(parts_of(route.calls.last.request))


@pytest.mark.parametrize("chosen", [GOOGLE, AWS])
async def test_one_of_the_taggers(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route, chosen: str
) -> None:
    """
    A caller may choose one of the taggers, and pays for that one alone.
    """
    route = respx_mock.post(UPLOAD).respond(
        json=uploaded([], **{chosen.partition("-")[0]: "success"})
    )

    answer = await imagekit.categorize(a_photo(Side.back), chosen, "de")

    assert answer == Answer((), chosen, independent=True)
    extensions = json.loads(parts_of(route.calls.last.request)["extensions"])
    assert [one["name"] for one in extensions] == [chosen]


@pytest.mark.parametrize("chosen", ["", "remove-bg", f"{GOOGLE}+remove-bg", "cars"])
async def test_a_tagger_that_is_not_configured(imagekit: ImageKit, chosen: str) -> None:
    """
    Nobody makes us pay for an extension that the operator did not choose; nothing is sent.
    """
    with pytest.raises(ProviderRequestRefused):
        await imagekit.categorize(a_photo(Side.front), chosen)


async def test_the_categorizers(http: httpx.AsyncClient) -> None:
    """
    Both taggers together and each alone, or the only one there is.
    """
    assert await an_imagekit(http).categorizers() == [
        CategorizerInfo(BOTH, "Google Cloud Vision + Amazon Rekognition", ()),
        CategorizerInfo(GOOGLE, "Google Cloud Vision", ()),
        CategorizerInfo(AWS, "Amazon Rekognition", ()),
    ]
    assert await an_imagekit(http, extensions=[AWS]).categorizers() == [
        CategorizerInfo(AWS, "Amazon Rekognition", ())
    ]


async def test_checking_costs_nothing(imagekit: ImageKit, respx_mock: respx.MockRouter) -> None:
    """
    The check lists one file: it tries the key and uploads nothing.
    """
    listing = respx_mock.get(FILES, params={"limit": "1"})

    listing.respond(json=[])
    await imagekit.check()

    listing.respond(json={"files": []})
    with pytest.raises(ProviderAnswerUnreadable):
        await imagekit.check()

    listing.respond(403, json=REFUSAL)
    with pytest.raises(ProviderKeyRefused):
        await imagekit.check()


# Photos that stay and photos that go


async def test_a_photo_that_cannot_be_deleted(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    The answer is there all the same; the photo's tag lets the operator find it.
    """
    respx_mock.post(UPLOAD).respond(json=documented("upload"))
    deleted.respond(500)

    assert isinstance(await ask(imagekit), Answer)
    assert deleted.call_count == 1


async def test_photos_that_are_kept(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Who keeps photos has none deleted, unless one is to be forgotten.
    """
    imagekit = an_imagekit(http, keep_photos=True)
    respx_mock.post(UPLOAD).respond(json=documented("upload"))
    respx_mock.get(DETAILS).respond(json=details([tag("Car", 50), tag("Car", 40, AWS)]))
    deleted = respx_mock.delete(FILE).respond(204)

    await ask(imagekit)
    await imagekit.collect(LATER)
    assert deleted.call_count == 0

    await imagekit.forget(FILE_ID)
    assert deleted.call_count == 1


async def test_forgetting_twice(imagekit: ImageKit, respx_mock: respx.MockRouter) -> None:
    """
    A photo that is gone already is forgotten; one that cannot be deleted is not.
    """
    route = respx_mock.delete(FILE)

    route.respond(404, json={"message": "The requested file does not exist."})
    await imagekit.forget(FILE_ID)

    route.respond(503)
    with pytest.raises(ProviderUnavailable):
        await imagekit.forget(FILE_ID)


@pytest.mark.parametrize("ticket", ["", "..", "../x", "a/b", "a?b", "a b", "autó", "x" * 101])
async def test_a_ticket_is_one_step_of_the_path(imagekit: ImageKit, ticket: str) -> None:
    """
    Nothing but an id is put into an address; nothing is sent.
    """
    with pytest.raises(ProviderRequestRefused):
        await imagekit.collect(Awaited("imagekit", ticket, BOTH))
    with pytest.raises(ProviderRequestRefused):
        await imagekit.forget(ticket)
    with pytest.raises(ProviderRequestRefused):
        await imagekit.update(ticket)
