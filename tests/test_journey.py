"""
The whole way, through the app and the mocks, without a socket.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from carvalue.app import create_app
from carvalue.demo import sample_photo
from carvalue.settings import mock_settings

pytestmark = [pytest.mark.anyio, pytest.mark.journey]

COROLLA = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
USED = {"mileage": 58000, "condition": "very_good"}
ARTICLE = {"currency": "USD", "min": 1795, "median": 7995, "mean": 8940, "max": 849995}


LASTING = {"refused", "quota"}
"""A provider that refuses our key, or whose quota is used up, is left alone for a while."""


@pytest.fixture
async def client(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    """The service on the embedded mocks; every provider behaves again afterwards."""
    slow = "slow" in request.node.name
    settings = mock_settings(
        database_url=f"sqlite:///{tmp_path}/test.db",
        # Enough for a busy machine, and nothing to wait for where a time-out is the point.
        provider_seconds=2.0 if slow else 20.0,
    )
    app = create_app(settings, open_to_all=True)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client
        for provider in ("imagga", "specs_api", "valuation_api"):
            await client.delete(f"/mocks/scenarios/{provider}")


async def photographed(client: httpx.AsyncClient, car: str = "toyota_corolla") -> dict[str, Any]:
    photos = {
        side: (f"{side}.jpg", sample_photo(side, car).read_bytes()) for side in ("front", "back")
    }
    answer = await client.post("/v1/appraisals", files=photos)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def confirmed(client: httpx.AsyncClient, id: str, **more: Any) -> dict[str, Any]:
    answer = await client.put(f"/v1/appraisals/{id}/car", json=COROLLA | more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def play(client: httpx.AsyncClient, provider: str, scenario: str) -> None:
    answer = await client.put(f"/mocks/scenarios/{provider}", json={"scenario": scenario})
    assert answer.is_success, answer.text


async def test_two_photos_to_a_price(client: httpx.AsyncClient) -> None:
    """
    Photos of a Corolla that the categorizer never saw lead to the article's specs and prices.
    """
    appraisal = await photographed(client)
    first = appraisal["candidates"][0]
    assert (first["make"], first["model"], first["suggested"]) == ("Toyota", "Corolla", True)

    appraisal = await confirmed(client, appraisal["id"], **USED)

    assert (appraisal["status"], appraisal["next_action"]) == ("valued", "done")
    assert appraisal["car"]["trim"] == "LE"
    assert appraisal["specs"]["trim_id"] == "45963"
    assert appraisal["specs"]["engine_displacement_cc"] == 1800
    assert appraisal["specs"]["fuel_economy"]["highway_l_per_100km"] == 6.9
    assert ARTICLE.items() <= appraisal["valuation"]["price"].items()


async def test_mock_data_say_so(client: httpx.AsyncClient) -> None:
    """
    No price of the demo can be mistaken for a real one.
    """
    appraisal = await photographed(client)

    appraisal = await confirmed(client, appraisal["id"], **USED)

    assert appraisal["specs"]["source"] == "mock:specs_api"
    assert appraisal["valuation"]["source"] == "mock:valuation_api"


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("refused", "categorizer-error"),
        ("quota", "categorizer-quota"),
        ("busy", "categorizer-busy"),
        ("down", "categorizer-error"),
        ("slow", "categorizer-timeout"),
        ("nonsense", "categorizer-error"),
    ],
)
async def test_a_categorizer_that_fails(
    client: httpx.AsyncClient, scenario: str, code: str
) -> None:
    """
    The photos are kept, the step says what failed, and repeating it finds the car.
    """
    await play(client, "imagga", scenario)
    appraisal = await photographed(client)
    assert appraisal["status"] == "categorization_failed"
    assert appraisal["next_action"] == "retry_categorization"
    assert appraisal["steps"]["front_categorization"] == {"status": "failed", "code": code}
    assert appraisal["steps"]["back_categorization"] == {"status": "failed", "code": code}

    await play(client, "imagga", "ok")
    answer = await client.post(f"/v1/appraisals/{appraisal['id']}/categorizations")

    if scenario in LASTING:
        assert answer.json()["steps"] == appraisal["steps"]
        return
    assert answer.status_code == 202
    assert answer.json()["status"] == "needs_confirmation"
    assert answer.json()["candidates"][0]["model"] == "Corolla"


FAILURES = [
    ("refused", "provider-error", 502),
    ("quota", "provider-quota", 503),
    ("busy", "provider-busy", 503),
    ("down", "provider-error", 502),
    ("slow", "provider-timeout", 504),
    ("nonsense", "provider-error", 502),
]


@pytest.mark.parametrize(("scenario", "code", "status"), FAILURES)
async def test_a_specs_source_that_fails(
    client: httpx.AsyncClient, scenario: str, code: str, status: int
) -> None:
    """
    The car stays confirmed, and a valuation, or confirming again, gets what is missing.
    """
    id = (await photographed(client))["id"]
    await play(client, "specs_api", scenario)
    appraisal = await confirmed(client, id, **USED)
    assert (appraisal["status"], appraisal["specs"]) == ("confirmed", None)
    assert appraisal["car"]["year"] == 2010
    assert appraisal["steps"]["specs"] == {"status": "failed", "code": code}
    assert appraisal["steps"]["valuation"] == {"status": "skipped", "code": None}
    assert (await client.post(f"/v1/appraisals/{id}/valuations")).status_code == status

    await play(client, "specs_api", "ok")
    appraisal = await confirmed(client, id)

    if scenario in LASTING:
        assert appraisal["steps"]["specs"] == {"status": "failed", "code": code}
        return
    assert appraisal["status"] == "valued"
    assert ARTICLE.items() <= appraisal["valuation"]["price"].items()


@pytest.mark.parametrize(("scenario", "code", "status"), FAILURES)
async def test_a_valuer_that_fails(
    client: httpx.AsyncClient, scenario: str, code: str, status: int
) -> None:
    """
    Car and specs stay, the mileage need not be typed again, and repeating gives the price.
    """
    id = (await photographed(client))["id"]
    await play(client, "valuation_api", scenario)
    appraisal = await confirmed(client, id, **USED)
    assert (appraisal["status"], appraisal["next_action"]) == ("confirmed", "request_valuation")
    assert appraisal["specs"]["trim_id"] == "45963"
    assert appraisal["steps"]["valuation"] == {"status": "failed", "code": code}
    assert appraisal["entered"]["mileage"] == 58000

    failed = await client.post(f"/v1/appraisals/{id}/valuations")
    assert (failed.status_code, failed.json()["code"]) == (status, code)
    # A key that is refused will be refused again.
    assert ("retry-after" in failed.headers) == (scenario != "refused")

    await play(client, "valuation_api", "ok")
    valuation = await client.post(f"/v1/appraisals/{id}/valuations")

    if scenario in LASTING:
        assert valuation.status_code == status
        return
    assert valuation.status_code == 201
    assert ARTICLE.items() <= valuation.json()["price"].items()
    assert (await client.get(f"/v1/appraisals/{id}")).json()["status"] == "valued"


async def test_what_if(client: httpx.AsyncClient) -> None:
    """
    More miles and a worse condition cost money; the earlier valuation stays in the history.
    """
    id = (await photographed(client))["id"]
    first = (await confirmed(client, id, **USED))["valuation"]

    answer = await client.post(
        f"/v1/appraisals/{id}/valuations",
        json={"mileage": 250000, "mileage_unit": "km", "condition": "poor"},
    )

    assert answer.json()["price"]["median"] < first["price"]["median"]
    history = (await client.get(f"/v1/appraisals/{id}/valuations")).json()["data"]
    assert [one["id"] for one in history] == [answer.json()["id"], first["id"]]


async def test_a_car_that_the_specs_source_does_not_know(client: httpx.AsyncClient) -> None:
    """
    A catalogued car without specs is confirmed all the same, and nothing is invented.
    """
    id = (await photographed(client))["id"]
    choice = {"make_id": "bugatti", "model_id": "bugatti-veyron", "year": 2010}

    answer = await client.put(f"/v1/appraisals/{id}/car", json=choice | USED)

    appraisal = answer.json()
    assert (answer.status_code, appraisal["status"]) == (200, "confirmed")
    assert (appraisal["specs"], appraisal["valuation"]) == (None, None)
    assert appraisal["steps"]["specs"]["code"] == "no-specs-known"
    assert appraisal["steps"]["valuation"]["code"] == "no-market-data"
    assert appraisal["next_action"] == "done"


async def test_the_providers_are_well(client: httpx.AsyncClient) -> None:
    """
    A provider that fails is told of, and leaves the service ready.
    """
    await play(client, "imagga", "down")

    answer = await client.get("/readyz")

    assert answer.status_code == 200
    states = answer.json().pop("providers")
    assert {name: one["state"] for name, one in states.items()} == {
        "imagga": "failed",
        "specs_api": "ok",
        "valuation_api": "ok",
    }
