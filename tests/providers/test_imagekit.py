"""
ImageKit: what it is sent, and what is read of its answers.

The answers are those of its page on auto-tagging; see `mocks/answers/imagekit`.
"""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Awaited, Flag
from carvalue.core.errors import (
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
from carvalue.providers.http import Channel, NotFoundAtProvider, Refusal
from carvalue.providers.imagekit import PATIENCE, TEMPORARY, ImageKit, meaning
from tests.contracts import assert_fits
from tests.fakes import a_photo
from tests.servers import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.respx(assert_all_called=False)]

UPLOAD = "http://upload.test/api/v1/files/upload"
FILES = "http://api.test/v1/files"
FILE_ID = "598821f949c0a938d57563bd"
FILE = f"{FILES}/{FILE_ID}"
DETAILS = f"{FILE}/details"
GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
BOTH = f"{GOOGLE}+{AWS}"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = Awaited("imagekit", FILE_ID, BOTH)
REFUSAL = {
    "message": "Your account cannot be authenticated.",
    "help": "For support kindly contact us at support@imagekit.io .",
}

Make = Callable[..., ImageKit]


@pytest.fixture
def make(http: httpx.AsyncClient) -> Make:
    """An adapter, with other settings where they are given."""

    def make(**other: Any) -> ImageKit:
        settings: dict[str, Any] = {
            "upload_url": "http://upload.test/",
            "base_url": "http://api.test/",
            "private_key": "the-key",
            "extensions": [GOOGLE, AWS],
            "min_confidence": 40,
            "max_tags": 10,
            "folder": "/carvalue",
            "webhook_url": "https://us.test/notices/imagekit",
            "webhook_secret": None,
            "now": lambda: NOW,
        }
        return ImageKit(Channel(http, "imagekit", 5.0), **settings | other)

    return make


@pytest.fixture
def imagekit(make: Make) -> ImageKit:
    return make()


@pytest.fixture
def deleted(respx_mock: respx.MockRouter) -> respx.Route:
    """The photo can be deleted."""
    return respx_mock.delete(FILE, name="deleted").respond(204)


def documented(name: str) -> dict[str, Any]:
    path = ROOT / "mocks" / "answers" / "imagekit" / f"{name}.json"
    answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["answer"]
    return answer


def tag(name: Any, confidence: Any, source: Any = GOOGLE) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "source": source}


def uploaded(tags: Any, **statuses: Any) -> dict[str, Any]:
    """The answer to an upload; statuses by the tagger's first word."""
    by_name = {f"{name}-auto-tagging": status for name, status in statuses.items()}
    return {"fileId": FILE_ID, "AITags": tags, "extensionStatus": by_name}


def details(ai_tags: Any, *, changed: timedelta = timedelta(days=1), **more: Any) -> dict[str, Any]:
    """What is told of a photo that was changed so long ago."""
    at = (NOW - changed).isoformat().replace("+00:00", "Z")
    told = {"fileId": FILE_ID, "AITags": ai_tags, "tags": [TEMPORARY], "createdAt": at}
    return told | {"updatedAt": at} | more


def parts_of(request: httpx.Request) -> dict[str, str]:
    """The fields of a form, without files."""
    found = re.findall(rb'form-data; name="(\w+)"\r\n\r\n(.*?)\r\n--', request.content, re.DOTALL)
    return {name.decode(): text.decode() for name, text in found}


async def ask(imagekit: ImageKit) -> Answer | Awaited:
    return await imagekit.categorize(a_photo(Side.front), imagekit.default_id)


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


async def test_what_is_sent_without_notices(make: Make, respx_mock: respx.MockRouter) -> None:
    """
    Photos that stay are not marked, and who expects no notice asks for none.
    """
    route = respx_mock.post(UPLOAD).respond(json=documented("upload"))

    await ask(make(webhook_url=None, keep_photos=True))

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

    assert answer == Answer((), chosen)
    extensions = json.loads(parts_of(route.calls.last.request)["extensions"])
    assert [one["name"] for one in extensions] == [chosen]


@pytest.mark.parametrize("chosen", ["", "remove-bg", f"{GOOGLE}+remove-bg", "cars"])
async def test_a_tagger_that_is_not_configured(imagekit: ImageKit, chosen: str) -> None:
    """
    Nobody makes us pay for an extension that the operator did not choose; nothing is sent.
    """
    with pytest.raises(ProviderRequestRefused):
        await imagekit.categorize(a_photo(Side.front), chosen)


async def test_the_categorizers(make: Make) -> None:
    """
    Both taggers together and each alone, or the only one there is.
    """
    assert await make().categorizers() == [
        CategorizerInfo(BOTH, "Google Cloud Vision + Amazon Rekognition", ()),
        CategorizerInfo(GOOGLE, "Google Cloud Vision", ()),
        CategorizerInfo(AWS, "Amazon Rekognition", ()),
    ]
    assert await make(extensions=[AWS]).categorizers() == [
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


# What is read


async def test_the_documented_answer(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    What both taggers see counts once, as the surer one says it; the surest comes first.
    """
    answer = documented("upload")
    assert_fits("imagekit", "post", "/api/v1/files/upload", 200, answer)
    respx_mock.post(UPLOAD).respond(json=answer)

    assert await ask(imagekit) == Answer(
        (
            Label("Teddy Bear", pytest.approx(0.9852)),
            Label("Toy", pytest.approx(0.9852)),
            Label("Red", pytest.approx(0.8177)),
            Label("Sweets", pytest.approx(0.7784)),
            Label("Stuffed toy", pytest.approx(0.7625)),
            Label("Art", pytest.approx(0.7283)),
            Label("Heart", pytest.approx(0.6119)),
            Label("Plush", pytest.approx(0.5664)),
        ),
        BOTH,
    )
    assert deleted.call_count == 1


@pytest.mark.parametrize("tags", [None, [], "absent"])
async def test_nothing_seen(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route, tags: Any
) -> None:
    """
    Taggers that succeeded and found nothing have answered, whichever way that is written.
    """
    answer = uploaded(tags, google="success", aws="success")
    if tags == "absent":
        del answer["AITags"]
    respx_mock.post(UPLOAD).respond(json=answer)

    assert await ask(imagekit) == Answer((), BOTH)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "Car",
        [],
        {},
        tag(None, 50),
        tag(7, 50),
        tag(" ", 50),
        tag("x", None),
        tag("x", "fifty"),
        tag("x", True),
        tag("x", -1),
        tag("x", 250),
        tag("x", 10**400),
        {"name": "x", "source": GOOGLE},
    ],
    ids=repr,
)
async def test_a_broken_tag(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route, broken: Any
) -> None:
    """
    One broken tag is left out and flagged; it does not cost the others.
    """
    tags = [broken, tag("Car", 50)]
    respx_mock.post(UPLOAD).respond(json=uploaded(tags, google="success", aws="success"))

    answer = await ask(imagekit)

    assert isinstance(answer, Answer)
    assert answer.labels == (Label("Car", 0.5),)
    assert set(answer.flags) <= {Flag.bad_entry, Flag.bad_confidence}
    assert answer.flags


@pytest.mark.parametrize(("source", "labels"), [("azure", ()), (None, (Label("x", 0.5),))])
async def test_tags_of_others(
    imagekit: ImageKit,
    respx_mock: respx.MockRouter,
    deleted: respx.Route,
    source: str | None,
    labels: tuple[Label, ...],
) -> None:
    """
    Only those who were asked are heard; a tag that does not say whose it is counts.
    """
    tags = [tag("x", 50, source)]
    respx_mock.post(UPLOAD).respond(json=uploaded(tags, google="success", aws="success"))

    assert await ask(imagekit) == Answer(labels, BOTH)


@pytest.mark.parametrize(
    ("google", "aws", "awaited"),
    [
        ("pending", "pending", BOTH),
        ("success", "pending", BOTH),
        ("pending", "success", BOTH),
        ("pending", "failed", GOOGLE),
        ("failed", "pending", AWS),
        ("success", "queued", BOTH),
        ("success", None, BOTH),
        ("success", ["success"], BOTH),
    ],
)
async def test_a_tagger_that_needs_longer(
    imagekit: ImageKit, respx_mock: respx.MockRouter, google: str, aws: Any, awaited: str
) -> None:
    """
    The answer is awaited of those who have not failed, and the photo stays until then.
    """
    respx_mock.post(UPLOAD).respond(json=uploaded(None, google=google, aws=aws))

    assert await ask(imagekit) == Awaited("imagekit", FILE_ID, awaited)


async def test_a_status_that_is_not_told(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    Without a word on the extensions, tags say that their tagger has ended.
    """
    route = respx_mock.post(UPLOAD)

    route.respond(json={"fileId": FILE_ID, "AITags": [tag("Car", 50), tag("Car", 40, AWS)]})
    assert await ask(imagekit) == Answer((Label("Car", 0.5),), BOTH)

    route.respond(json={"fileId": FILE_ID, "AITags": [tag("Car", 50)]})
    assert await ask(imagekit) == LATER

    route.respond(json={"fileId": FILE_ID})
    assert await ask(imagekit) == LATER


async def test_one_tagger_failed(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    The other one's answer is an answer, in its own name.
    """
    tags = [tag("Car", 50, AWS)]
    respx_mock.post(UPLOAD).respond(json=uploaded(tags, google="failed", aws="success"))

    assert await ask(imagekit) == Answer((Label("Car", 0.5),), AWS)
    assert deleted.call_count == 1


async def test_all_taggers_failed(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    That is not "nothing seen": another categorizer may be asked, and the photo does not stay.
    """
    respx_mock.post(UPLOAD).respond(json=uploaded(None, google="failed", aws="failed"))

    with pytest.raises(ProviderUnavailable):
        await ask(imagekit)

    assert deleted.call_count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"fileId": None},
        {"fileId": 7},
        {"fileId": ""},
        {"fileId": "../../v1/files"},
        {"fileId": "a" * 101},
        {"fileId": f"{FILE_ID}\n"},
        {"AITags": {}},
        {"AITags": "Car"},
        {"extensionStatus": []},
        {"extensionStatus": "success"},
    ],
    ids=repr,
)
async def test_another_answer(
    imagekit: ImageKit, respx_mock: respx.MockRouter, change: dict[str, Any]
) -> None:
    """
    What has another form is not guessed at, least of all an id that leads elsewhere.
    """
    respx_mock.post(UPLOAD).respond(json=documented("upload") | change)

    with pytest.raises(ProviderAnswerUnreadable):
        await ask(imagekit)


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


async def test_photos_that_are_kept(make: Make, respx_mock: respx.MockRouter) -> None:
    """
    Who keeps photos has none deleted, unless one is to be forgotten.
    """
    imagekit = make(keep_photos=True)
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


# Answers that are awaited


async def test_collecting(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    Tags of both taggers are the answer, however fresh; then the photo is deleted.
    """
    tags = [tag("Toyota corolla", 90), tag("toyota corolla", 88, AWS)]
    respx_mock.get(DETAILS).respond(json=details(tags, changed=timedelta(0)))

    assert await imagekit.collect(LATER) == Answer((Label("Toyota corolla", 0.9),), BOTH)
    assert deleted.call_count == 1


@pytest.mark.parametrize(
    ("tags", "changed", "asked", "there"),
    [
        (None, timedelta(days=1), BOTH, False),
        (None, timedelta(days=1), GOOGLE, False),
        ([], timedelta(0), GOOGLE, True),
        ([], timedelta(0), BOTH, False),
        ([], PATIENCE, BOTH, True),
        ([tag("Car", 50)], timedelta(0), GOOGLE, True),
        ([tag("Car", 50)], timedelta(0), BOTH, False),
        ([tag("Car", 50)], PATIENCE - timedelta(seconds=1), BOTH, False),
        ([tag("Car", 50)], PATIENCE, BOTH, True),
        ([tag("Car", 50)], timedelta(0), AWS, False),
        ([tag("Car", 50)], PATIENCE, AWS, True),
    ],
)
async def test_whether_an_answer_is_there(
    imagekit: ImageKit,
    respx_mock: respx.MockRouter,
    deleted: respx.Route,
    tags: Any,
    changed: timedelta,
    asked: str,
    there: bool,
) -> None:
    """
    Details do not tell who is still at work: a missing tagger is waited for, but not for ever.
    """
    awaited = Awaited("imagekit", FILE_ID, asked)
    respx_mock.get(DETAILS).respond(json=details(tags, changed=changed))

    said = await imagekit.collect(awaited)

    assert isinstance(said, Answer) if there else said == awaited
    assert deleted.call_count == (1 if there else 0)


@pytest.mark.parametrize("time", [None, 7, "", "yesterday", "9" * 50])
async def test_a_photo_of_unknown_age(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route, time: Any
) -> None:
    """
    Where no age can be read, what is there is taken.
    """
    told = details([tag("Car", 50)], createdAt=time, updatedAt=time)
    respx_mock.get(DETAILS).respond(json=told)

    assert await imagekit.collect(LATER) == Answer((Label("Car", 0.5),), BOTH)


async def test_a_photo_without_a_time_zone(
    imagekit: ImageKit, respx_mock: respx.MockRouter
) -> None:
    """
    A time without a zone is UTC, and the latest of the two counts.
    """
    told = details([tag("Car", 50)], updatedAt="2026-11-21T11:59:55")
    respx_mock.get(DETAILS).respond(json=told)

    assert await imagekit.collect(LATER) == LATER


async def test_collecting_without_a_categorizer(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    respx_mock.get(DETAILS).respond(json=details([tag("Car", 50), tag("Car", 40, AWS)]))

    answer = await imagekit.collect(Awaited("imagekit", FILE_ID))

    assert answer == Answer((Label("Car", 0.5),), BOTH)


async def test_collecting_what_is_gone(imagekit: ImageKit, respx_mock: respx.MockRouter) -> None:
    """
    Of a photo that was deleted there will never be an answer.
    """
    respx_mock.get(DETAILS).respond(404, json={"message": "The requested file does not exist."})

    with pytest.raises(ProviderRequestRefused):
        await imagekit.collect(LATER)


# Photos that are in the library already


async def test_updating(imagekit: ImageKit, respx_mock: respx.MockRouter) -> None:
    """
    A photo of the library is tagged anew in place of its old tags, and is not deleted.
    """
    answer = documented("update")
    assert_fits("imagekit", "patch", "/v1/files/{fileId}/details", 200, answer)
    route = respx_mock.patch(DETAILS).respond(json=answer)

    said = await imagekit.update(FILE_ID)

    assert said == Answer(
        (Label("Teddy Bear", pytest.approx(0.9852)), Label("Toy", pytest.approx(0.9173))), BOTH
    )
    assert json.loads(route.calls.last.request.content) == {
        "removeAITags": "all",
        "extensions": [
            {"name": GOOGLE, "minConfidence": 40, "maxTags": 10},
            {"name": AWS, "minConfidence": 40, "maxTags": 10},
        ],
        "webhookUrl": "https://us.test/notices/imagekit",
    }


@pytest.mark.parametrize("tags", [None, [], ["holiday"], "text", 7], ids=repr)
async def test_collecting_a_photo_of_the_library(
    make: Make, respx_mock: respx.MockRouter, tags: Any
) -> None:
    """
    A photo that was not uploaded to be deleted never is, however its tags were awaited.
    """
    imagekit = make(webhook_url=None)
    respx_mock.patch(DETAILS).respond(json=uploaded(None, google="pending"))
    respx_mock.get(DETAILS).respond(json=details([tag("Car", 50)], tags=tags))

    awaited = await imagekit.update(FILE_ID, GOOGLE)

    assert awaited == Awaited("imagekit", FILE_ID, GOOGLE)
    assert await imagekit.collect(awaited) == Answer((Label("Car", 0.5),), GOOGLE)


# What goes wrong


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (207, ProviderAnswerUnreadable),
        (302, ProviderAnswerUnreadable),
        (400, ProviderRequestRefused),
        (401, ProviderKeyRefused),
        (403, ProviderKeyRefused),
        (404, NotFoundAtProvider),
        (409, ProviderRequestRefused),
        (422, ProviderRequestRefused),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", ["json", "text", "empty"])
async def test_every_status(
    imagekit: ImageKit,
    respx_mock: respx.MockRouter,
    status: int,
    kind: type[ProviderError],
    body: str,
) -> None:
    """
    Every status has its meaning, with JSON, with plain text and with nothing at all.
    """
    bodies: dict[str, dict[str, Any]] = {
        "json": {"json": REFUSAL},
        "text": {"text": "Some words"},
        "empty": {},
    }
    wait = {"X-RateLimit-Reset": "60000"}
    route = respx_mock.post(UPLOAD).respond(status, **bodies[body], headers=wait)

    with pytest.raises(ProviderError) as failed:
        await ask(imagekit)

    assert type(failed.value) is kind
    assert failed.value.provider == "imagekit"
    assert "authenticated" not in str(failed.value)
    assert "words" not in str(failed.value)
    assert "the-key" not in f"{failed.value!r} {vars(failed.value)}"
    assert route.call_count == 1


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"message": "Your account has exceeded its upload limit."}},
        {"json": {"message": "Plan LIMIT reached."}},
        {"json": {"message": "Your storage quota is used up.", "help": "x"}},
        {"text": "Bandwidth limits exceeded"},
        {"json": {"error": "limit exceeded"}},
    ],
    ids=repr,
)
async def test_a_plan_that_is_used_up(
    imagekit: ImageKit, respx_mock: respx.MockRouter, body: dict[str, Any]
) -> None:
    """
    A 403 that speaks of a limit is no fault of the key: another categorizer may be asked.
    """
    respx_mock.post(UPLOAD).respond(403, **body)

    with pytest.raises(ProviderQuotaUsedUp):
        await ask(imagekit)


@pytest.mark.parametrize(
    "body",
    [
        {"json": REFUSAL},
        {"json": {"message": "Your account is disabled."}},
        {"json": REFUSAL | {"help": "Read on about the limits of your plan."}},
        {"json": {"message": ["unlimited"]}},
        {"content": b"\xff\xfe"},
    ],
    ids=repr,
)
async def test_a_key_that_is_refused(
    imagekit: ImageKit, respx_mock: respx.MockRouter, body: dict[str, Any]
) -> None:
    """
    Any other 403 is about the key or the account.
    """
    respx_mock.post(UPLOAD).respond(403, **body)

    with pytest.raises(ProviderKeyRefused):
        await ask(imagekit)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("60000", 60),
        ("2001", 3),
        ("9" * 30, 40 * 86400),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_how_long_to_stay_away(reset: str, seconds: int | None) -> None:
    """
    ImageKit counts the wait in milliseconds; it is rounded up, never down.
    """
    headers = httpx.Headers([(b"X-RateLimit-Reset", reset.encode()), (b"Retry-After", b"7")])

    with pytest.raises(ProviderBusy) as busy:
        meaning(Refusal(429, headers, b"Too many requests"))

    assert busy.value.retry_after == seconds


async def test_a_busy_moment(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    A call that was not taken is made again.
    """
    route = respx_mock.post(UPLOAD)
    route.side_effect = [httpx.Response(429), httpx.Response(200, json=documented("upload"))]

    assert isinstance(await ask(imagekit), Answer)
    assert route.call_count == 2
