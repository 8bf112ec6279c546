"""
Cloudinary: what it is sent, and what is read of its answers.

The answer is the documented one, https://cloudinary.com/documentation/imagga_auto_tagging_addon.
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Awaited, Flag
from carvalue.core.errors import (
    NoticeRefused,
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.ports import Categorizer, CategorizerInfo, NoticeReader
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.cloudinary_signature import notice_signature, signature_of
from carvalue.providers.http import Channel, NotFoundAtProvider
from tests.fakes import a_photo
from tests.servers import ROOT

pytestmark = pytest.mark.anyio

BASE = "http://cloudinary.test/v1_1/demo"
UPLOAD = f"{BASE}/image/upload"
DESTROY = f"{BASE}/image/destroy"
NOW = 1_700_000_000
PHOTO = a_photo(Side.front)
TICKET = f"carvalue/{PHOTO.info.sha256}"
RESOURCE = f"{BASE}/resources/image/upload/{TICKET}"
DOCUMENTED = json.loads(
    (ROOT / "mocks/answers/cloudinary/upload.json").read_text(encoding="utf-8")
)["answer"]


def a_cloudinary(http: httpx.AsyncClient, seconds: float = 5.0, **given: Any) -> Cloudinary:
    return Cloudinary(
        Channel(http, "cloudinary", seconds),
        **{
            "base_url": "http://cloudinary.test/",
            "cloud_name": "demo",
            "api_key": "the-key",
            "api_secret": "the-secret",
            "keep_photos": True,
            "now": lambda: NOW,
            **given,
        },
    )


@pytest.fixture
def cloudinary(http: httpx.AsyncClient) -> Cloudinary:
    return a_cloudinary(http)


def tag(name: Any, confidence: Any) -> dict[str, Any]:
    return {"tag": name, "confidence": confidence}


def complete(*data: Any) -> dict[str, Any]:
    return {"status": "complete", "data": list(data)}


def asset(imagga: Any = None, **more: Any) -> dict[str, Any]:
    said = {"imagga_tagging": imagga, **more.pop("others", {})} if imagga else {}
    info = {"info": {"categorization": said}} if said else {}
    return {"public_id": TICKET, "version": NOW, **info, **more}


def fields_of(request: httpx.Request) -> dict[str, str]:
    """The fields of a multipart form that are text."""
    parts = re.findall(rb'form-data; name="(\w+)"\r\n\r\n(.*?)\r\n--', request.content, re.S)
    return {name.decode(): value.decode() for name, value in parts}


def a_notice(
    body: dict[str, Any] | bytes, *, at: int = NOW, secret: str = "the-secret"
) -> tuple[dict[str, str], bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = notice_signature(raw, str(at), secret)
    return {"x-cld-timestamp": str(at), "x-cld-signature": signature}, raw


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
    )


async def test_nothing_seen(cloudinary: Cloudinary, respx_mock: respx.MockRouter) -> None:
    """
    Nothing seen is an answer, not a failure.
    """
    respx_mock.post(UPLOAD).respond(json=asset(complete()))

    assert await cloudinary.categorize(PHOTO, "imagga_tagging") == Answer((), "imagga_tagging")


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
        (Label("sports car", 0.5, "sportkocsi"),), "imagga_tagging"
    )

    name["de"] = "Sportwagen"  # of several languages nobody knows which one was asked for
    resource.respond(json=asset(complete(tag(name, 0.5))))
    assert await cloudinary.collect(awaited) == Answer(
        (Label("sports car", 0.5),), "imagga_tagging"
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


# Refusals


def limits(seconds: float) -> dict[str, str]:
    reset = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"X-FeatureRateLimit-Reset": format_datetime(reset, usegmt=True)}


STALE = "Stale request - reported time is 2016-12-15 04:14:53 +0000 which is more than 1 hour ago"
SIGNATURE = "Invalid Signature 0123. String to sign - 'public_id=x&timestamp=1'."
REFUSALS = [
    (400, "Missing required parameter - file", {}, ProviderRequestRefused),
    (400, "File size too large. Got 11. Maximum is 10.", {}, ProviderRequestRefused),
    (400, "Categorization x is not valid", {}, ProviderRequestRefused),
    (400, STALE, {}, ProviderKeyRefused),
    (401, STALE, {}, ProviderKeyRefused),
    (401, SIGNATURE, {}, ProviderKeyRefused),
    (403, "The add-on is not subscribed", {}, ProviderKeyRefused),
    (404, "Resource not found - x", {}, NotFoundAtProvider),
    (409, "It exists", {}, ProviderRequestRefused),
    (420, "Rate Limit Exceeded", limits(1800), ProviderQuotaUsedUp),
    (429, "Rate Limit Exceeded", limits(1800), ProviderQuotaUsedUp),
    (429, "Rate Limit Exceeded", {"Retry-After": "600"}, ProviderQuotaUsedUp),
    (420, "Rate Limit Exceeded", limits(10), ProviderBusy),
    (420, "Rate Limit Exceeded", {}, ProviderBusy),
    (429, "Rate Limit Exceeded", {"X-FeatureRateLimit-Reset": "soon"}, ProviderBusy),
    (423, "Still processed", {}, ProviderBusy),
    (500, "Internal", {}, ProviderUnavailable),
    (503, "Down", {}, ProviderUnavailable),
]


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize(("status", "message", "headers", "kind"), REFUSALS)
async def test_every_refusal(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    status: int,
    message: str,
    headers: dict[str, str],
    kind: type[ProviderError],
    html: bool,
) -> None:
    """
    A limit by the hour is a quota, a wrong clock and a missing add-on a matter of the key.

    A page in the place of JSON says by its status alone what is the matter.
    """
    # Who is busy is asked again, if there is time.
    cloudinary = a_cloudinary(http, seconds=0.1 if kind is ProviderBusy else 5.0)
    body: dict[str, Any] = {"json": {"error": {"message": message}}}
    if html:
        body = {"html": f"<html>{message}</html>"}
        kind = ProviderRequestRefused if (status, message) == (400, STALE) else kind
    respx_mock.post(UPLOAD).respond(status, headers=headers, **body)

    with pytest.raises(ProviderError) as failed:
        await cloudinary.categorize(PHOTO, "imagga_tagging")

    assert type(failed.value) is kind
    assert failed.value.provider == "cloudinary"
    assert message not in str(failed.value)


@pytest.mark.parametrize("error", [{"message": "Some words"}, "Some words", {}, 0, False])
async def test_an_error_with_status_200(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, error: Any
) -> None:
    """
    An error counts before everything else that an answer says, its status included.
    """
    respx_mock.post(UPLOAD).respond(json={**DOCUMENTED, "error": error})

    with pytest.raises(ProviderRequestRefused) as refused:
        await cloudinary.categorize(PHOTO, "imagga_tagging")

    assert "Some words" not in str(refused.value)


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


# Notices


async def test_a_notice(cloudinary: Cloudinary) -> None:
    """
    A genuine notice of an answer names the photo by the ticket that we wait with.
    """
    for kind in ("upload", "info"):
        notice = a_notice({"notification_type": kind, "public_id": TICKET})
        assert cloudinary.read_notice(*notice) == TICKET


@pytest.mark.parametrize(
    "body",
    [
        {"notification_type": "delete", "resources": [{"public_id": TICKET}]},
        {"notification_type": "eager", "public_id": TICKET},
        {"notification_type": "moderation", "public_id": TICKET},
        {"notification_type": "info"},
        {"notification_type": "info", "public_id": "somebody-elses"},
    ],
)
async def test_a_notice_of_something_else(cloudinary: Cloudinary, body: dict[str, Any]) -> None:
    """
    What else happens in the account is heard, and is no answer.
    """
    assert cloudinary.read_notice(*a_notice(body)) is None


@pytest.mark.parametrize(
    "notice",
    [
        a_notice({"notification_type": "info", "public_id": TICKET}, secret="another"),
        a_notice({"notification_type": "info", "public_id": TICKET}, at=NOW - 7201),
        a_notice(b""),
        a_notice(b"[]"),
        a_notice(b"\xff\xfe"),
        a_notice(b"{} 1"),
        a_notice(b"[" * 100_000),
        a_notice({"public_id": TICKET}),
        a_notice({"notification_type": 7, "public_id": TICKET}),
        a_notice({"notification_type": "info", "public_id": [TICKET]}),
        ({}, b"{}"),
    ],
    ids=lambda notice: repr(notice)[-60:],
)
async def test_a_notice_that_is_refused(
    cloudinary: Cloudinary, notice: tuple[dict[str, str], bytes]
) -> None:
    """
    Forged, old or unreadable: it is refused and never a crash; the reason quotes nothing of it.
    """
    with pytest.raises(NoticeRefused) as refused:
        cloudinary.read_notice(*notice)

    assert TICKET not in str(refused.value)
