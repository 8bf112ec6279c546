"""
What the user adds later: a VIN with the choice, and the wish to go on with a poor photo.
"""

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.catalog import Catalog
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import PhotoFindings
from carvalue.core.steps import StepCode
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from tests.fakes import VIN_OF_COROLLA_2010, FakeCategorizer, an_appraiser
from tests.memory import MemoryStore
from tests.web.conftest import COROLLA, FakeWatch, problem_of, started

pytestmark = pytest.mark.anyio


class DarkFronts:
    """PhotoChecker that finds every front photo too dark."""

    def check(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        return PhotoFindings({Side.front: StepCode.photo_too_dark}, same=False)


@pytest.fixture
async def checking(
    catalog: Catalog, categorizer: FakeCategorizer, memory_store: MemoryStore
) -> AsyncIterator[httpx.AsyncClient]:
    """The API where photos are checked before anybody is asked about them."""
    appraiser = an_appraiser(
        catalog, categorizer=categorizer, store=memory_store, checker=DarkFronts()
    )
    app: FastAPI = create_api(open_to_all=True)
    app.state.services = Services(appraiser, FakeWatch())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_vin_with_the_choice(client: httpx.AsyncClient, memory_store: MemoryStore) -> None:
    """
    Who finds the VIN only now says it with the car; it is kept no more than at the start.
    """
    id = (await started(client))["id"]

    chosen = COROLLA | {"vin": VIN_OF_COROLLA_2010}
    appraisal = (await client.put(f"/v1/appraisals/{id}/car", json=chosen)).json()

    assert appraisal["car"]["source"] == "vin"
    assert appraisal["vin_car"]["years"] == [2010]
    assert not appraisal["vin_conflict"]
    assert VIN_OF_COROLLA_2010 not in f"{appraisal} {await memory_store.get(id)}"


@pytest.mark.parametrize(
    "car",
    [COROLLA | {"year": 2011}, {"make_id": "honda", "model_id": "honda-accord", "year": 2010}],
)
async def test_a_vin_of_another_car(client: httpx.AsyncClient, car: dict[str, object]) -> None:
    """
    The choice stands against the VIN, and the app is told to ask.
    """
    id = (await started(client))["id"]

    chosen = car | {"vin": VIN_OF_COROLLA_2010}
    appraisal = (await client.put(f"/v1/appraisals/{id}/car", json=chosen)).json()

    assert appraisal["car"]["model_id"] == car["model_id"]
    assert appraisal["vin_conflict"]


async def test_a_vin_that_is_none(client: httpx.AsyncClient) -> None:
    """
    A mistyped VIN is refused with its field, and is not repeated.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"

    response = await client.put(url, json=COROLLA | {"vin": "CaNaRy17"})

    problem = problem_of(response, 422, "validation-failed")
    assert [field["pointer"] for field in problem["errors"]] == ["#/vin"]
    assert "CaNaRy17" not in response.text
    assert (await client.put(url, json=COROLLA | {"vin": ""})).json()["vin_car"] is None


async def test_a_poor_photo(checking: httpx.AsyncClient, categorizer: FakeCategorizer) -> None:
    """
    A dark photo costs no call, until the user has no better one.
    """
    appraisal = await started(checking)
    url = f"/v1/appraisals/{appraisal['id']}/categorizations"
    dark = {"status": "failed", "code": "photo-too-dark"}
    assert appraisal["steps"]["front_categorization"] == dark

    again = (await checking.post(url)).json()
    assert again["steps"]["front_categorization"] == dark
    assert [side for side, _ in categorizer.asked] == [Side.back]

    taken = (await checking.post(url, json={"accept_poor_photos": True})).json()
    assert taken["steps"]["front_categorization"] == {"status": "success", "code": None}
    assert [side for side, _ in categorizer.asked] == [Side.back, Side.front]


@pytest.mark.parametrize("wish", ["true", 1, None])
async def test_a_wish_that_is_none(client: httpx.AsyncClient, wish: object) -> None:
    """
    Only a plain true spends a call on a photo of no use.
    """
    id = (await started(client))["id"]

    response = await client.post(
        f"/v1/appraisals/{id}/categorizations", json={"accept_poor_photos": wish}
    )

    problem = problem_of(response, 422, "validation-failed")
    assert [field["pointer"] for field in problem["errors"]] == ["#/accept_poor_photos"]
