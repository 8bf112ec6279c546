"""
How long a caller waits, and what it is told when the work takes longer.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.runner import UNHEARD_AFTER
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from tests.core.test_takeovers import Held
from tests.fakes import an_appraiser
from tests.web.conftest import COROLLA, FakeWatch, photos

pytestmark = pytest.mark.anyio


@pytest.fixture
def slow() -> Held:
    return Held()


@pytest.fixture
async def hasty(catalog: Catalog, slow: Held) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that keeps nobody waiting for long by itself."""
    app = create_api(open_to_all=True)
    appraiser = an_appraiser(catalog, categorizer=slow)
    app.state.services = Services(appraiser, FakeWatch(), patience=0.05)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await appraiser.runner.stop(grace=0.1)


async def accepted(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    response = await client.post("/v1/appraisals", files=photos(), headers=headers)
    assert response.status_code == 202, response.text
    return response


async def test_a_categorizer_that_takes_longer(hasty: httpx.AsyncClient, slow: Held) -> None:
    """
    The phone gets a 202 of the same shape, and where and when to look; later the candidates.
    """
    response = await accepted(hasty)

    body = response.json()
    assert (body["status"], body["next_action"]) == ("categorizing", "wait")
    assert response.headers["Location"] == f"/v1/appraisals/{body['id']}"
    assert int(response.headers["Retry-After"]) >= 1

    slow.let.set()
    waited = await hasty.get(response.headers["Location"], headers={"Prefer": "wait=5"})
    assert waited.json()["next_action"] == "confirm_car"
    assert waited.headers["Preference-Applied"] == "wait=5"


async def test_who_does_not_want_to_wait(hasty: httpx.AsyncClient) -> None:
    """
    `respond-async` is answered as soon as the photos are kept.
    """
    response = await accepted(hasty, Prefer="respond-async, wait=10")

    assert response.headers["Preference-Applied"] == "respond-async"


@pytest.mark.parametrize("prefer", ["wait=x", "wait=-1", "", "handling=lenient", "wait", "=", ","])
async def test_what_is_not_understood_is_ignored(hasty: httpx.AsyncClient, prefer: str) -> None:
    """
    A preference is no order (RFC 7240): whatever is written there, the photos are taken.
    """
    response = await accepted(hasty, Prefer=prefer)

    assert "Preference-Applied" not in response.headers


async def test_nobody_waits_for_ever(hasty: httpx.AsyncClient, slow: Held) -> None:
    """
    More than 25 seconds count as 25: no proxy keeps a silent connection for long.
    """
    slow.let.set()

    response = await hasty.post("/v1/appraisals", files=photos(), headers={"Prefer": "wait=999"})

    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "wait=25"


async def test_a_long_poll(hasty: httpx.AsyncClient, slow: Held) -> None:
    """
    Who knows the newest version waits for the next one, and gets a 304 if there is none in time.
    """
    first = await accepted(hasty)
    path, known = first.headers["Location"], {"If-None-Match": first.headers["ETag"]}

    in_vain = await hasty.get(path, headers={**known, "Prefer": "wait=0"})
    waiting = asyncio.create_task(hasty.get(path, headers={**known, "Prefer": "wait=20"}))
    await asyncio.sleep(0.02)
    slow.let.set()
    async with asyncio.timeout(UNHEARD_AFTER / 2):  # woken: by itself it would look later
        changed = await waiting

    assert in_vain.status_code == 304
    assert (changed.status_code, changed.json()["next_action"]) == (200, "confirm_car")
    assert changed.headers["ETag"] != first.headers["ETag"]


async def test_an_older_version_is_answered_at_once(hasty: httpx.AsyncClient, slow: Held) -> None:
    """
    Who has missed a change does not wait for the one after it.
    """
    slow.let.set()
    first = (await hasty.post("/v1/appraisals", files=photos())).json()
    headers = {"If-None-Match": f'"{first["id"][-8:]}-1"', "Prefer": "wait=20"}

    async with asyncio.timeout(5):
        response = await hasty.get(f"/v1/appraisals/{first['id']}", headers=headers)

    assert response.status_code == 200


async def test_it_is_too_early_to_confirm(hasty: httpx.AsyncClient) -> None:
    """
    While the photos are looked at, a car cannot be confirmed.
    """
    response = await accepted(hasty)

    early = await hasty.put(f"{response.headers['Location']}/car", json=COROLLA)

    assert (early.status_code, early.json()["code"]) == (409, "invalid-state")
