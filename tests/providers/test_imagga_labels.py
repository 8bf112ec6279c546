"""
Imagga: what is read of its answers.

The answers are those of https://docs.imagga.com, with the article's car.
"""

import json
import re
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Flag, Scale
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.steps import StepCode
from carvalue.providers.imagga import Imagga, ImaggaGate
from tests.fakes import a_photo
from tests.providers.imagga_answers import (
    BASE,
    CATEGORIES,
    SUCCESS,
    categories,
    category,
    imagga_with,
)

pytestmark = pytest.mark.anyio


async def read(imagga: Imagga, respx_mock: respx.MockRouter, *entries: Any) -> Answer:
    body = json.dumps(categories(*entries))
    respx_mock.post(CATEGORIES).respond(content=body, content_type="application/json")
    return await imagga.categorize(a_photo(Side.front), "cars")


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
