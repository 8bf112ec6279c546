"""
Too much at once is refused at once; what was let in is worked at, and everything else goes on.
"""

import asyncio
from collections import Counter

import httpx
import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.runner import MAX_RUNNING
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.requests import BodyLimit
from tests.core.test_takeovers import Held
from tests.fakes import an_appraiser, jpeg
from tests.web.conftest import FakeWatch, photos, problem_of

pytestmark = pytest.mark.anyio


async def test_more_photos_than_can_be_prepared(client: httpx.AsyncClient) -> None:
    """
    Of a hundred phones at once some are told to come back in seconds; the others are served, and
    whoever only looks does not notice.
    """
    large = jpeg(2400, 1800)
    files = {side: (f"{side}.jpg", large, "image/jpeg") for side in ("front", "back")}
    posting = [
        asyncio.create_task(client.post("/v1/appraisals", files=files, data={"year": "2010"}))
        for _ in range(100)
    ]
    await asyncio.sleep(0.05)

    looked = await client.get("/v1/appraisals")
    answers = await asyncio.gather(*posting)

    assert looked.status_code == 200
    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) == {201, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert problem_of(answer, 503, "overloaded")["retryable"] is True
            assert int(answer.headers["Retry-After"]) >= 1
    assert (await client.post("/v1/appraisals", files=photos())).status_code == 201


async def test_more_appraisals_than_can_be_worked_at(catalog: Catalog) -> None:
    """
    A process that waits for as many answers as it can takes no further photos.
    """
    slow = Held()
    appraiser = an_appraiser(catalog, categorizer=slow)
    app = create_api(open_to_all=True)
    app.state.services = Services(appraiser, FakeWatch(), patience=0)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        accepted = [
            (await client.post("/v1/appraisals", files=photos())).status_code
            for _ in range(MAX_RUNNING)
        ]
        refused = await client.post("/v1/appraisals", files=photos())
        slow.let.set()
        await appraiser.runner.stop(grace=10)

    assert set(accepted) == {202}
    problem_of(refused, 503, "overloaded")


async def test_whoever_waits_for_the_categorizer_takes_no_memory(catalog: Catalog) -> None:
    """
    The photos as they came are let go of as soon as they are prepared, so that waiting callers
    leave room for others.
    """
    slow = Held()
    app = create_api(open_to_all=True)
    app.state.services = Services(an_appraiser(catalog, categorizer=slow), FakeWatch())
    held = next(one.kwargs["held"] for one in app.user_middleware if one.cls is BodyLimit)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        posting = asyncio.create_task(client.post("/v1/appraisals", files=photos()))
        for _ in range(1000):
            if slow.asked:
                break
            await asyncio.sleep(0.01)
        while_waiting = held.bytes
        slow.let.set()
        answer = await posting

    assert slow.asked
    assert while_waiting == 0
    assert answer.status_code == 201
    assert held.bytes == 0
