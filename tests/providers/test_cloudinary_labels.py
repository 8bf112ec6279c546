"""
Cloudinary: what is read of its answers, at once or later.

The answer is the documented one, https://cloudinary.com/documentation/imagga_auto_tagging_addon.
"""

import base64
import json
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Awaited, Flag
from carvalue.core.errors import ProviderAnswerUnreadable, ProviderRequestRefused
from carvalue.core.labels import Label
from carvalue.providers.cloudinary import Cloudinary
from tests.providers.cloudinary_answers import (
    BASE,
    DOCUMENTED,
    PHOTO,
    TICKET,
    UPLOAD,
    a_cloudinary,
    asset,
    complete,
    tag,
)

pytestmark = pytest.mark.anyio

RESOURCE = f"{BASE}/resources/image/upload/{TICKET}"


# What is read


async def test_the_documented_answer(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    Cloudinary's confidences run to 1 as ours do; the order stays.
    """
    respx_mock.post(UPLOAD).respond(json=DOCUMENTED)

    assert await cloudinary.categorize(PHOTO, "imagga_tagging") == Answer(
        (
            Label("sea turtle", 1.0),
            Label("loggerhead", 1.0),
            Label("turtle", 0.8903),
            Label("crab", 0.3089),
        ),
        "imagga_tagging",
        independent=True,
    )


async def test_nothing_seen(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    Nothing seen is an answer, not a failure.
    """
    respx_mock.post(UPLOAD).respond(json=asset(complete()))

    assert await cloudinary.categorize(PHOTO, "imagga_tagging") == Answer(
        (), "imagga_tagging", independent=True
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("sports car", Label("sports car", 0.5)),
        ({"en": "sports car", "hu": "sportkocsi"}, Label("sports car", 0.5, "sportkocsi")),
        ({"hu": "sportkocsi", "en": " sports car "}, Label("sports car", 0.5, "sportkocsi")),
        ({"en": "sports car", "de": "Sportwagen"}, Label("sports car", 0.5)),
        ({"en": "sports car", "hu": None}, Label("sports car", 0.5)),
        ({"en": "sports car", "hu": "  "}, Label("sports car", 0.5)),
        ({"hu": "sportkocsi"}, Label("sportkocsi", 0.5, "sportkocsi")),
    ],
)
async def test_the_language_of_a_label(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, name: Any, label: Label
) -> None:
    """
    A label is English, and beside it is what the caller calls it, where Cloudinary tells.
    """
    respx_mock.post(UPLOAD).respond(json=asset(complete(tag(name, 0.5))))

    answer = await cloudinary.categorize(PHOTO, "imagga_tagging", "hu-HU")

    assert isinstance(answer, Answer)
    assert answer.labels == (label,)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        [],
        {},
        "car",
        tag(None, 0.5),
        tag({}, 0.5),
        tag({"en": 7}, 0.5),
        tag([], 0.5),
        tag("x", None),
        tag("x", True),
        tag("x", -1),
        tag("x", 97.2),
        tag("x", "NaN"),
        tag("x", 10**400),
        tag({"en": "x", "hu": {}}, "much"),
    ],
    ids=repr,
)
async def test_a_broken_entry(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, broken: Any
) -> None:
    """
    One broken entry is left out; it does not cost the others. Percents are no confidences here.
    """
    said = asset(complete(broken, tag("honda accord", 0.5)))
    respx_mock.post(UPLOAD).respond(content=json.dumps(said))

    answer = await cloudinary.categorize(PHOTO, "imagga_tagging", "hu")

    assert isinstance(answer, Answer)
    assert answer.labels == (Label("honda accord", 0.5),)
    assert answer.flags


async def test_labels_for_somebody_else(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter
) -> None:
    """
    Who asks in English is not shown the Hungarian in which a photo was described before.
    """
    said = complete(tag({"en": "sports car", "hu": "sportkocsi"}, 0.5))
    respx_mock.post(UPLOAD).respond(json=asset(said, existing=True))

    for language in ("en", "en-GB", "fil"):
        answer = await cloudinary.categorize(PHOTO, "imagga_tagging", language)
        assert isinstance(answer, Answer)
        assert answer.labels == (Label("sports car", 0.5),)


async def test_two_addons(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Of a label that two add-ons see the surer one counts; it keeps its name in both languages.
    """
    cloudinary = a_cloudinary(http, addons=("imagga_tagging", "google_tagging"))
    imagga = complete(tag({"en": "car", "hu": "autó"}, 0.6), tag("bmw z3", 0.8), 7)
    google = complete(tag("Car", 0.9), tag("Wheel", 0.7), tag("BMW Z3", 0.1))
    respx_mock.post(UPLOAD).respond(json=asset(imagga, others={"google_tagging": google}))

    answer = await cloudinary.categorize(PHOTO, cloudinary.default_id, "hu")

    assert answer == Answer(
        (Label("Car", 0.9, "autó"), Label("bmw z3", 0.8), Label("Wheel", 0.7)),
        "imagga_tagging.google_tagging",
        (Flag.bad_entry,),
        independent=True,
    )


@pytest.mark.parametrize("bad", [{"status": "failed"}, {"status": "lost"}, None, 7, []], ids=repr)
async def test_one_of_two_addons(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, bad: Any
) -> None:
    """
    An add-on that fails does not cost what the other one saw.
    """
    cloudinary = a_cloudinary(http, addons=("imagga_tagging", "google_tagging"))
    said = asset(complete(tag("bmw z3", 0.8)), others={"google_tagging": bad})
    respx_mock.post(UPLOAD).respond(json=said)

    answer = await cloudinary.categorize(PHOTO, cloudinary.default_id)

    assert isinstance(answer, Answer)
    assert answer.labels == (Label("bmw z3", 0.8),)


async def test_an_addon_that_gave_up(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    There will be no answer, so nobody waits for one.
    """
    respx_mock.post(UPLOAD).respond(json=asset({"status": "failed"}))
    respx_mock.get(RESOURCE).respond(json=asset({"status": "failed"}))

    with pytest.raises(ProviderRequestRefused):
        await cloudinary.categorize(PHOTO, "imagga_tagging")
    with pytest.raises(ProviderRequestRefused):
        await cloudinary.collect(Awaited("cloudinary", TICKET, "imagga_tagging"))


@pytest.mark.parametrize(
    "info",
    [
        None,
        7,
        [],
        {},
        {"categorization": None},
        {"categorization": []},
        {"categorization": {}},
        {"categorization": {"google_tagging": complete(tag("car", 0.5))}},
        {"categorization": {"imagga_tagging": complete()["data"]}},
        {"categorization": {"imagga_tagging": {"data": []}}},
        {"categorization": {"imagga_tagging": {"status": []}}},
    ],
    ids=repr,
)
async def test_an_answer_without_what_was_asked(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, info: Any
) -> None:
    """
    That no add-on said anything does not read as "no car seen".
    """
    respx_mock.post(UPLOAD).respond(json={**asset(), "info": info})

    with pytest.raises(ProviderAnswerUnreadable):
        await cloudinary.categorize(PHOTO, "imagga_tagging")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"{}",
        b'{"public_id": 7}',
        b'{"info": {"categorization": {"imagga_tagging": {"status": "complete"}}}}',
        b"<html>Hi</html>",
    ],
)
async def test_another_answer(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, body: bytes
) -> None:
    respx_mock.post(UPLOAD).respond(content=body)

    with pytest.raises(ProviderAnswerUnreadable):
        await cloudinary.categorize(PHOTO, "imagga_tagging")


# A photo that is there already


async def test_a_photo_that_was_told_before(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter
) -> None:
    """
    What was paid for once is not paid for again: its tags are looked up, which is free.
    """
    respx_mock.post(UPLOAD).respond(json=asset(existing=True))
    respx_mock.get(RESOURCE).respond(json=asset(complete(tag("bmw z3", 0.8))))

    answer = await cloudinary.categorize(PHOTO, "imagga_tagging")

    assert isinstance(answer, Answer)
    assert answer.labels == (Label("bmw z3", 0.8),)


async def test_a_photo_whose_upload_tells(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter
) -> None:
    """
    If the upload tells what was seen before, nothing more is asked.
    """
    respx_mock.post(UPLOAD).respond(json=asset(complete(tag("bmw z3", 0.8)), existing=True))

    assert isinstance(await cloudinary.categorize(PHOTO, "imagga_tagging"), Answer)
    assert len(respx_mock.calls) == 1


@pytest.mark.parametrize("before", [None, {"status": "failed"}])
async def test_a_photo_that_nobody_was_asked_about(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, before: Any
) -> None:
    """
    A photo that is there without tags, or without luck, is updated: the add-on is asked anew.
    """
    cloudinary = a_cloudinary(http, auto_tagging=0.4, notification_url="https://carvalue.test/n")
    respx_mock.post(UPLOAD).respond(json=asset(existing=True))
    respx_mock.get(RESOURCE).respond(json=asset(before))
    update = respx_mock.post(RESOURCE).respond(json=asset(complete(tag("bmw z3", 0.8))))

    answer = await cloudinary.categorize(PHOTO, "imagga_tagging", "hu")

    assert isinstance(answer, Answer)
    assert answer.labels == (Label("bmw z3", 0.8),)
    request = update.calls.last.request
    key = base64.b64encode(b"the-key:the-secret").decode()
    assert request.headers["authorization"] == f"Basic {key}"
    assert json.loads(request.content) == {
        "categorization": "imagga_tagging:en:hu",
        "auto_tagging": "0.4",
        "notification_url": "https://carvalue.test/n",
    }


# Answers that come later


async def test_an_answer_that_is_awaited(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter
) -> None:
    """
    An add-on that needs longer is asked again by the photo's name, until it has an answer.
    """
    respx_mock.post(UPLOAD).respond(json=asset({"status": "pending"}))
    resource = respx_mock.get(RESOURCE).respond(json=asset({"status": "pending"}))

    awaited = await cloudinary.categorize(PHOTO, "imagga_tagging", "hu")
    assert awaited == Awaited("cloudinary", TICKET, "imagga_tagging")
    assert await cloudinary.collect(awaited) == awaited
    path = resource.calls.last.request.url.raw_path
    assert path == f"/v1_1/demo/resources/image/upload/{TICKET}".encode()

    name = {"en": "sports car", "hu": "sportkocsi"}
    resource.respond(json=asset(complete(tag(name, 0.5))))
    assert await cloudinary.collect(awaited) == Answer(
        (Label("sports car", 0.5, "sportkocsi"),),
        "imagga_tagging",
        independent=True,
    )

    name["de"] = "Sportwagen"  # of several languages nobody knows which one was asked for
    resource.respond(json=asset(complete(tag(name, 0.5))))
    assert await cloudinary.collect(awaited) == Answer(
        (Label("sports car", 0.5),),
        "imagga_tagging",
        independent=True,
    )


async def test_an_answer_that_nobody_will_give(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter
) -> None:
    """
    A photo that has vanished from Cloudinary is not waited for.
    """
    respx_mock.get(RESOURCE).respond(404, json={"error": {"message": "Resource not found"}})

    with pytest.raises(ProviderRequestRefused):
        await cloudinary.collect(Awaited("cloudinary", TICKET, "imagga_tagging"))


async def test_two_addons_of_which_one_needs_longer(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    Both are waited for: one answer is made of the two.
    """
    cloudinary = a_cloudinary(http, addons=("imagga_tagging", "google_tagging"))
    said = asset(complete(tag("car", 0.5)), others={"google_tagging": {"status": "pending"}})
    respx_mock.post(UPLOAD).respond(json=said)

    answer = await cloudinary.categorize(PHOTO, cloudinary.default_id)

    assert answer == Awaited("cloudinary", TICKET, "imagga_tagging.google_tagging")
