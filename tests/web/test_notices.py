"""
Notices of providers: proved to be theirs, taken in silence, and never believed further than that.
"""

from collections.abc import AsyncIterator

import httpx
import pytest

from carvalue.core.catalog import Catalog
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.requests import MAX_JSON
from tests.fakes import (
    Clock,
    FakeCategorizer,
    FakeNotices,
    an_appraiser,
)
from tests.memory import MemoryStore
from tests.web.conftest import FakeWatch, problem_of, started

pytestmark = pytest.mark.anyio

SIGNED = {"X-Signature": "good"}
URL = "/v1/webhooks/fake_categorizer"


@pytest.fixture
def slow() -> FakeCategorizer:
    """Gives its answers later."""
    return FakeCategorizer(later=0, provider="fake_categorizer")


@pytest.fixture
async def waiting(
    catalog: Catalog, clock: Clock, slow: FakeCategorizer, memory_store: MemoryStore
) -> AsyncIterator[httpx.AsyncClient]:
    """The API over a categorizer that gives its answers later."""
    app = create_api(open_to_all=True)
    app.state.services = Services(
        an_appraiser(
            catalog,
            categorizer=slow,
            store=memory_store,
            now=clock,
            notice_readers={"fake_categorizer": FakeNotices()},
        ),
        FakeWatch(),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_the_phone_waits_and_then_has_it(
    waiting: httpx.AsyncClient, slow: FakeCategorizer
) -> None:
    """
    The phone is told to wait, the provider says that it is done, and the phone finds the cars.
    """
    appraisal = await started(waiting)
    assert (appraisal["status"], appraisal["next_action"]) == ("categorizing", "wait")
    url = f"/v1/appraisals/{appraisal['id']}"
    slow.later = 0

    response = await waiting.post(URL, headers=SIGNED, content=b"ticket-front")

    assert (response.status_code, response.content) == (200, b"")
    assert set(slow.collected) == {"front", "back"}
    found = (await waiting.get(url)).json()
    assert (found["status"], found["next_action"]) == ("needs_confirmation", "confirm_car")
    assert found["candidates"][0]["model"] == "Corolla"
    assert len(slow.collected) == 2


async def test_the_phone_asks_before_the_notice(
    waiting: httpx.AsyncClient, slow: FakeCategorizer
) -> None:
    """
    A provider whose notice is lost loses nothing: whoever asks gets the answer.
    """
    appraisal = await started(waiting)
    url = f"/v1/appraisals/{appraisal['id']}"
    first = await waiting.get(url)
    assert first.json()["next_action"] == "wait"
    slow.later = 0

    second = await waiting.get(url, headers={"If-None-Match": first.headers["etag"]})

    assert second.status_code == 200
    assert second.json()["next_action"] == "confirm_car"


@pytest.mark.parametrize("content", [b"ticket-unknown", b"ping", b"ticket-front"])
async def test_a_notice_that_nobody_waits_for(waiting: httpx.AsyncClient, content: bytes) -> None:
    """
    It is taken all the same: its sender learns nothing, and need not send it again.
    """
    response = await waiting.post(URL, headers=SIGNED, content=content)

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (URL, {}),
        (URL, {"X-Signature": "forged"}),
        ("/v1/webhooks/imagga", SIGNED),
        ("/v1/webhooks/nobody", SIGNED),
    ],
    ids=["unsigned", "forged", "sends no notices", "unknown"],
)
async def test_a_notice_that_is_refused(
    waiting: httpx.AsyncClient, slow: FakeCategorizer, url: str, headers: dict[str, str]
) -> None:
    """
    A stranger is told the same, whatever is wrong, and costs no call.
    """
    appraisal = await started(waiting)
    slow.later = 0

    response = await waiting.post(url, headers=headers, content=b"ticket-front")

    problem = problem_of(response, 401, "signature-invalid")
    assert not problem["retryable"]
    assert "ticket" not in response.text
    assert slow.collected == []
    assert (await waiting.get(f"/v1/appraisals/{appraisal['id']}")).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
async def test_a_notice_that_is_too_large(
    waiting: httpx.AsyncClient, slow: FakeCategorizer, announced: bool
) -> None:
    """
    It is refused before it is read, signed or not.
    """

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (MAX_JSON // 2)

    content = b"x" * (MAX_JSON + 1) if announced else chunks()
    response = await waiting.post(URL, headers=SIGNED, content=content)

    problem_of(response, 413, "payload-too-large")
    assert slow.collected == []


async def test_a_notice_that_fits_exactly(waiting: httpx.AsyncClient) -> None:
    response = await waiting.post(URL, headers=SIGNED, content=b"x" * MAX_JSON)

    assert response.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_notices_are_posted(waiting: httpx.AsyncClient, method: str) -> None:
    response = await waiting.request(method, URL)

    assert response.status_code == 405


async def test_the_store_fails(
    waiting: httpx.AsyncClient, memory_store: MemoryStore, slow: FakeCategorizer
) -> None:
    """
    The provider is told to send its notice again.
    """
    await started(waiting)
    slow.later = 0
    memory_store.failing = True

    response = await waiting.post(URL, headers=SIGNED, content=b"ticket-front")

    problem_of(response, 503, "unavailable")
