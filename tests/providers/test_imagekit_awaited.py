"""
ImageKit: answers that come later, and photos that are in the library already.
"""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import ProviderRequestRefused
from carvalue.core.labels import Label
from carvalue.providers.imagekit import PATIENCE, ImageKit
from tests.contracts import assert_fits
from tests.providers.imagekit_answers import (
    AWS,
    BOTH,
    DETAILS,
    FILE_ID,
    GOOGLE,
    LATER,
    an_imagekit,
    details,
    documented,
    tag,
    uploaded,
)

pytestmark = [pytest.mark.anyio, pytest.mark.respx(assert_all_called=False)]


# Answers that are awaited


async def test_collecting(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    Tags of both taggers are the answer, however fresh; then the photo is deleted.
    """
    tags = [tag("Toyota corolla", 90), tag("toyota corolla", 88, AWS)]
    respx_mock.get(DETAILS).respond(json=details(tags, changed=timedelta(0)))

    assert await imagekit.collect(LATER) == Answer(
        (Label("Toyota corolla", 0.9),), BOTH, independent=True
    )
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

    assert await imagekit.collect(LATER) == Answer((Label("Car", 0.5),), BOTH, independent=True)


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

    assert answer == Answer((Label("Car", 0.5),), BOTH, independent=True)


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
        (Label("Teddy Bear", pytest.approx(0.9852)), Label("Toy", pytest.approx(0.9173))),
        BOTH,
        independent=True,
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
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, tags: Any
) -> None:
    """
    A photo that was not uploaded to be deleted never is, however its tags were awaited.
    """
    imagekit = an_imagekit(http, webhook_url=None)
    respx_mock.patch(DETAILS).respond(json=uploaded(None, google="pending"))
    respx_mock.get(DETAILS).respond(json=details([tag("Car", 50)], tags=tags))

    awaited = await imagekit.update(FILE_ID, GOOGLE)

    assert awaited == Awaited("imagekit", FILE_ID, GOOGLE)
    assert await imagekit.collect(awaited) == Answer((Label("Car", 0.5),), GOOGLE, independent=True)
