"""
Imagga: what it is sent, and what is read of its answers.

The answers are those of https://docs.imagga.com, with the article's car.
"""

import base64
import json
import re
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Awaited, Flag, Scale
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
from carvalue.core.ports import CategorizerInfo
from carvalue.core.steps import StepCode
from carvalue.providers.http import Channel, NotFoundAtProvider
from carvalue.providers.imagga import Imagga, ImaggaGate
from carvalue.providers.imagga_wire import GoneAtProvider
from tests.fakes import a_photo

pytestmark = pytest.mark.anyio

BASE = "http://imagga.test/v2"
CATEGORIES = f"{BASE}/categories/cars"
SUCCESS = {"text": "", "type": "success"}


def imagga_with(http: httpx.AsyncClient, **options: Any) -> Imagga:
    return Imagga(
        Channel(http, "imagga", 5.0),
        base_url=f"{BASE}/",
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
        **options,
    )


@pytest.fixture
def imagga(http: httpx.AsyncClient) -> Imagga:
    return imagga_with(http)


def category(name: Any, confidence: Any) -> dict[str, Any]:
    return {"confidence": confidence, "name": name}


def categories(*entries: Any) -> dict[str, Any]:
    return {"result": {"categories": list(entries)}, "status": SUCCESS}


async def read(imagga: Imagga, respx_mock: respx.MockRouter, *entries: Any) -> Answer:
    body = json.dumps(categories(*entries))
    respx_mock.post(CATEGORIES).respond(content=body, content_type="application/json")
    return await imagga.categorize(a_photo(Side.front), "cars")


async def test_what_is_sent(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    The photo itself goes to the categorizer, with our key in the header and nowhere else.
    """
    photo = a_photo(Side.front)
    route = respx_mock.post(CATEGORIES).respond(json=categories())

    await imagga.categorize(photo, "cars")

    request = route.calls.last.request
    key = base64.b64encode(b"the-key:the-secret").decode()
    assert request.headers["authorization"] == f"Basic {key}"
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert request.url.query == b""
    parts = re.findall(rb'form-data; name="(\w+)"; filename="(.+?)"', request.content)
    assert parts == [(b"image", b"front.jpg")]
    assert b"Content-Type: image/jpeg\r\n\r\n" + photo.content + b"\r\n" in request.content


@pytest.mark.parametrize(
    ("categorizer_id", "path"),
    [
        ("custom-car-categorizer", b"/v2/categories/custom-car-categorizer"),
        ("../../x", b"/v2/categories/..%2F..%2Fx"),
        ("a?b=c#d", b"/v2/categories/a%3Fb%3Dc%23d"),
        ("a b", b"/v2/categories/a%20b"),
        ("autó", b"/v2/categories/aut%C3%B3"),
    ],
)
async def test_the_categorizer_is_one_step_of_the_path(
    imagga: Imagga, respx_mock: respx.MockRouter, categorizer_id: str, path: bytes
) -> None:
    """
    A caller names a categorizer, and cannot name another of Imagga's endpoints with it.
    """
    route = respx_mock.post(host="imagga.test").respond(json=categories())

    await imagga.categorize(a_photo(Side.back), categorizer_id)

    assert route.calls.last.request.url.raw_path == path


async def test_labels(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    Imagga's percent are our 0 to 1; the order stays.
    """
    respx_mock.post(CATEGORIES).respond(
        json=categories(
            category({"en": "toyota corolla"}, 99.9991073608398),
            category({"en": "honda accord"}, 31.5),
        )
    )

    answer = await imagga.categorize(a_photo(Side.front), "cars")

    assert answer.labels == (
        Label("toyota corolla", pytest.approx(0.999991073608398)),
        Label("honda accord", pytest.approx(0.315)),
    )
    assert (answer.categorizer_id, answer.flags) == ("cars", ())


async def test_no_labels(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    Nothing seen is an answer, not a failure.
    """
    respx_mock.post(CATEGORIES).respond(json=categories())

    assert await imagga.categorize(a_photo(Side.front), "cars") == Answer((), "cars")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        1,
        "toyota corolla",
        [],
        {},
        {"confidence": 50},
        {"name": {"en": "toyota corolla"}},
        category({}, 50),
        category(None, 50),
        category({"en": None}, 50),
        category({"en": 7}, 50),
        category({"en": "  "}, 50),
        category({"en": "x"}, None),
        category({"en": "x"}, "fifty"),
        category({"en": "x"}, True),
        category({"en": "x"}, [50]),
        category({"en": "x"}, 0),
        category({"en": "x"}, -1),
        category({"en": "x"}, 250),
        category({"en": "x"}, 10**400),
        category({"en": "x"}, "NaN"),
        category({"en": "x"}, "Infinity"),
    ],
    ids=repr,
)
async def test_a_broken_entry(imagga: Imagga, respx_mock: respx.MockRouter, broken: Any) -> None:
    """
    One broken entry is left out; it does not cost the others.
    """
    answer = await read(imagga, respx_mock, broken, category({"en": "honda accord"}, 50))

    assert answer.labels == (Label("honda accord", 0.5),)


async def test_what_was_broken_is_said(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    Who looks after the categorizer sees that its answers are not sound.
    """
    answer = await read(imagga, respx_mock, category(None, 50), category({"en": "x"}, 250))

    assert answer == Answer((), "cars", (Flag.bad_confidence, Flag.bad_entry))


async def test_a_scale_to_one(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    A categorizer whose confidences run to 1 is read so where the settings say it.
    """
    imagga = imagga_with(http, scale=Scale.unit)

    answer = await read(imagga, respx_mock, category({"en": "toyota corolla"}, 0.97))

    assert answer.labels == (Label("toyota corolla", 0.97),)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ({"en": "toyota corolla"}, "toyota corolla"),
        ({"de": "toyota corolla kombi", "en": "toyota corolla"}, "toyota corolla"),
        ({"zh_chs": "丰田花冠"}, "丰田花冠"),
        ("toyota corolla", "toyota corolla"),
        ({"en": " toyota corolla\n"}, "toyota corolla"),
    ],
)
async def test_the_language_of_a_label(
    imagga: Imagga, respx_mock: respx.MockRouter, name: Any, text: str
) -> None:
    """
    English where there is English; a categorizer that was trained in another language works too.
    """
    assert (await read(imagga, respx_mock, category(name, 50))).labels == (Label(text, 0.5),)


@pytest.mark.parametrize(
    ("language", "sent", "names", "label"),
    [
        ("bg", "en,bg", {"bg": "кола", "en": "car"}, Label("car", 0.5, "кола")),
        ("zh-Hans", "en,zh_chs", {"en": "car", "zh_chs": "汽车"}, Label("car", 0.5, "汽车")),
        ("bg", "en,bg", {"en": "car"}, Label("car", 0.5)),
        ("bg", "en,bg", {"en": "car", "bg": 7}, Label("car", 0.5)),
        ("bg", "en,bg", "car", Label("car", 0.5)),
        ("tlh", None, {"en": "car"}, Label("car", 0.5)),
        ("en-GB", None, {"en": "car"}, Label("car", 0.5)),
    ],
)
async def test_labels_in_the_language_of_the_caller(
    imagga: Imagga,
    respx_mock: respx.MockRouter,
    language: str,
    sent: str | None,
    names: Any,
    label: Label,
) -> None:
    """
    Labels are read in English and shown in the caller's language, where Imagga has it.
    """
    route = respx_mock.post(CATEGORIES).respond(json=categories(category(names, 50)))

    answer = await imagga.categorize(a_photo(Side.front), "cars", language)

    assert answer.labels == (label,)
    content = route.calls.last.request.content
    found = re.search(rb'name="language"\r\n\r\n(.*?)\r\n', content)
    assert (found and found[1].decode()) == sent


async def test_nothing_is_ever_awaited(imagga: Imagga) -> None:
    """
    Imagga answers at once; a ticket that somebody holds is not Imagga's.
    """
    with pytest.raises(ProviderRequestRefused):
        await imagga.collect(Awaited("imagga", "a-ticket"))


async def test_the_photo_as_text(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Base64 goes as a field of a multipart form, in the place of the file.
    """
    photo = a_photo(Side.front)
    route = respx_mock.post(CATEGORIES).respond(json=categories())

    await imagga_with(http, send="base64").categorize(photo, "cars")

    request = route.calls.last.request
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="image_base64"\r\n\r\n' + base64.b64encode(photo.content) in request.content
    assert b"filename" not in request.content


async def test_a_picture_by_its_address(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    A picture that is on the web already is named, not sent.
    """
    url = "https://dealer.test/a b.jpg?size=1&side=front"
    route = respx_mock.get(CATEGORIES).respond(json=categories(category({"en": "car"}, 50)))

    answer = await imagga.categorize_url(url, "cars", "de")

    assert answer.labels == (Label("car", 0.5),)
    params = route.calls.last.request.url.params
    assert dict(params) == {"image_url": url, "language": "en,de"}


@pytest.mark.parametrize(
    ("categorizer_id", "path"),
    [
        ("tags", b"/v2/tags"),
        ("tags/our-cars", b"/v2/tags/our-cars"),
        ("tags/a/b", b"/v2/tags/a%2Fb"),
        ("tagsoup", b"/v2/categories/tagsoup"),
    ],
)
async def test_a_tagger_as_categorizer(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, categorizer_id: str, path: bytes
) -> None:
    """
    A tagger is named like a categorizer; its words are labels, whatever scale ours has.
    """
    imagga = imagga_with(http, scale=Scale.unit, tag_threshold=30, tag_limit=5)
    said = [
        {"confidence": 61.5, "tag": {"en": "car", "bg": "кола"}},
        {"confidence": 40.0, "name": {"en": "no tag"}},
        "car",
    ]
    result = {"tags": said, "categories": []}
    route = respx_mock.post(host="imagga.test").respond(json={"result": result, "status": SUCCESS})

    answer = await imagga.categorize(a_photo(Side.front), categorizer_id, "bg")

    request = route.calls.last.request
    assert request.url.raw_path == path
    if categorizer_id.startswith("tags/") or categorizer_id == "tags":
        assert answer.labels == (Label("car", 0.615, "кола"),)
        assert answer.flags == (Flag.bad_entry,)
    fields = dict(re.findall(rb'name="(\w+)"\r\n\r\n(.*?)\r\n', request.content))
    tagger = categorizer_id != "tagsoup"
    assert fields == {
        b"language": b"en,bg",
        **({b"threshold": b"30", b"limit": b"5"} if tagger else {}),
    }


async def test_the_gate_of_an_account_whose_own_scale_is_one(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    Imagga's own categorizers say percent, whatever the account's categorizer does.
    """
    imagga = imagga_with(http, scale=Scale.unit)
    respx_mock.post(f"{BASE}/categories/personal_photos").respond(
        json=categories(category({"en": "cars vehicles"}, 80))
    )

    assert await ImaggaGate(imagga, cars=True, nsfw=False).refuse(a_photo(Side.front)) is None


@pytest.mark.parametrize(
    ("vehicles", "nsfw", "refused"),
    [
        (80, 1, None),
        (15, 1, None),
        (2, 1, StepCode.not_a_car),
        (80, 90, StepCode.unsafe_photo),
    ],
)
async def test_the_gate(
    imagga: Imagga,
    respx_mock: respx.MockRouter,
    vehicles: float,
    nsfw: float,
    refused: StepCode | None,
) -> None:
    """
    A photo of a cat, or one that nobody should see, never reaches the car categorizer.
    """
    personal = [category({"en": "cars vehicles"}, vehicles), category({"en": "pets animals"}, 9)]
    respx_mock.post(f"{BASE}/categories/personal_photos").respond(json=categories(*personal))
    unsafe = [category({"en": "nsfw"}, nsfw), category({"en": "safe"}, 100 - nsfw)]
    respx_mock.post(f"{BASE}/categories/nsfw_beta").respond(json=categories(*unsafe))
    gate = ImaggaGate(imagga, cars=True, nsfw=True)

    assert await gate.refuse(a_photo(Side.front)) is refused
    # Who is refused for one thing is not asked about the other.
    assert len(respx_mock.calls) == (1 if refused is StepCode.unsafe_photo else 2)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRequestRefused),
        (401, ProviderKeyRefused),
        (403, ProviderQuotaUsedUp),
        (404, NotFoundAtProvider),
        (405, ProviderRequestRefused),
        (406, ProviderRequestRefused),
        (410, GoneAtProvider),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", ["json", "text"])
async def test_every_status(
    imagga: Imagga,
    respx_mock: respx.MockRouter,
    status: int,
    kind: type[ProviderError],
    body: str,
) -> None:
    """
    403 is Imagga's quota, not our key; 429 its concurrency, whatever it asks us to wait.
    """
    answers: dict[str, dict[str, Any]] = {
        "json": {"json": {"status": {"text": "Some words", "type": "error"}}},
        "text": {"text": "Some words"},
    }
    respx_mock.post(CATEGORIES).respond(status, **answers[body], headers={"Retry-After": "600"})

    with pytest.raises(ProviderError) as failed:
        await imagga.categorize(a_photo(Side.front), "cars")

    assert type(failed.value) is kind
    assert failed.value.provider == "imagga"
    assert "Some words" not in str(failed.value)


@pytest.mark.parametrize(
    "body",
    [
        {"status": {"text": "Some words", "type": "error"}},
        {"status": {"text": "", "type": "error"}, "result": {"categories": []}},
        {"result": {"categories": []}},
        {"status": SUCCESS},
        {"status": SUCCESS, "result": None},
    ],
    ids=repr,
)
async def test_an_error_with_status_200(
    imagga: Imagga, respx_mock: respx.MockRouter, body: dict[str, Any]
) -> None:
    """
    An error in friendly wrapping does not read as "no car seen".
    """
    respx_mock.post(CATEGORIES).respond(json=body)

    with pytest.raises(ProviderRequestRefused) as refused:
        await imagga.categorize(a_photo(Side.front), "cars")

    assert "Some words" not in str(refused.value)


@pytest.mark.parametrize(
    "result", [[], "categories", 7, {}, {"categories": None}, {"categories": {}}], ids=repr
)
async def test_another_answer(imagga: Imagga, respx_mock: respx.MockRouter, result: Any) -> None:
    respx_mock.post(CATEGORIES).respond(json={"result": result, "status": SUCCESS})

    with pytest.raises(ProviderAnswerUnreadable):
        await imagga.categorize(a_photo(Side.front), "cars")


async def test_the_categorizers_of_the_account(
    imagga: Imagga, respx_mock: respx.MockRouter
) -> None:
    """
    A custom categorizer shows up beside Imagga's own, with or without a title.
    """
    answer = {
        "result": {
            "categorizers": [
                {"id": "nsfw_beta", "labels": ["nsfw", "safe"], "title": "NSFW Categorizer"},
                {"id": "custom-car-categorizer"},
            ]
        },
        "status": SUCCESS,
    }
    respx_mock.get(f"{BASE}/categorizers").respond(json=answer)

    assert await imagga.categorizers() == [
        CategorizerInfo("nsfw_beta", "NSFW Categorizer", ("nsfw", "safe")),
        CategorizerInfo("custom-car-categorizer", "", ()),
        CategorizerInfo("tags", "Tags", ()),
    ]


async def test_checking_costs_nothing(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    The check asks for the list of categorizers: it tries the key, and uses no quota.
    """
    listing = respx_mock.get(f"{BASE}/categorizers")

    ours = {"id": imagga.default_id, "title": "Cars", "labels": ["toyota corolla"]}
    listing.respond(json={"result": {"categorizers": [ours]}, "status": SUCCESS})
    await imagga.check()

    listing.respond(json={"result": {"categorizers": []}, "status": SUCCESS})
    with pytest.raises(ProviderRequestRefused):
        await imagga.check()

    tagger = {"id": "personal_photos", "title": "Photos", "labels": []}
    listing.respond(json={"result": {"categorizers": [tagger]}, "status": SUCCESS})
    imagga.default_id = "tags/ours"  # no list has the account's own taggers
    await imagga.check()

    listing.respond(401)
    with pytest.raises(ProviderKeyRefused):
        await imagga.check()
