"""
ImageKit: what is read of the answer to an upload.
"""

from typing import Any

import pytest
import respx

from carvalue.core.answers import Answer, Awaited, Flag
from carvalue.core.errors import ProviderAnswerUnreadable, ProviderUnavailable
from carvalue.core.labels import Label
from carvalue.providers.imagekit import ImageKit
from tests.contracts import assert_fits
from tests.providers.imagekit_answers import (
    AWS,
    BOTH,
    FILE_ID,
    GOOGLE,
    LATER,
    UPLOAD,
    ask,
    documented,
    tag,
    uploaded,
)

pytestmark = [pytest.mark.anyio, pytest.mark.respx(assert_all_called=False)]


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
        independent=True,
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

    assert await ask(imagekit) == Answer((), BOTH, independent=True)


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

    assert await ask(imagekit) == Answer(labels, BOTH, independent=True)


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
    assert await ask(imagekit) == Answer((Label("Car", 0.5),), BOTH, independent=True)

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

    assert await ask(imagekit) == Answer((Label("Car", 0.5),), AWS, independent=True)
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
