from collections.abc import AsyncIterator

import httpx
import pytest

from mocks.__main__ import welcome
from mocks.app import PROVIDERS, create_app

pytestmark = pytest.mark.anyio


COROLLA = {"make": "Toyota", "model": "Corolla", "year": 2010, "upgrades": []}
USE = {"model_id": "45963", "mileage": 58000, "condition": "very good"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_app(delay=0.01)), base_url="http://mocks"
    ) as client:
        yield client


async def specs(http: httpx.AsyncClient, key: str = "mock") -> httpx.Response:
    return await http.post("/specs", json=COROLLA, headers={"Authorization": f"Bearer {key}"})


async def valuation(http: httpx.AsyncClient, key: str = "mock") -> httpx.Response:
    return await http.post("/valuation", json=USE, headers={"Authorization": f"Bearer {key}"})


async def imagga(http: httpx.AsyncClient) -> httpx.Response:
    """Ask without a photo: Imagga is there and says no, and need not learn its photos."""
    return await http.post("/v2/categories/custom-car-categorizer", auth=("mock", "mock-secret"))


async def test_all_providers_are_there(http: httpx.AsyncClient) -> None:
    """
    One app stands in for Imagga, the specs service and the valuation service.
    """
    assert (await imagga(http)).json()["status"]["type"] == "error"
    assert (await specs(http)).json()["model_id"] == "45963"
    assert (await valuation(http)).json()["median"] == 7995


async def test_failing_and_coming_back(http: httpx.AsyncClient) -> None:
    """
    A provider can be switched off under running callers, and on again.
    """
    off = await http.put("/scenarios/specs_api", json={"scenario": "down"})
    while_off = await specs(http)
    on = await http.delete("/scenarios/specs_api")
    afterwards = await specs(http)

    assert off.json() == dict.fromkeys(PROVIDERS, "ok") | {"specs_api": "down"}
    assert while_off.status_code == 503
    assert on.json()["specs_api"] == "ok"
    assert afterwards.status_code == 200


async def test_the_others_go_on(http: httpx.AsyncClient) -> None:
    """
    Switching one provider off leaves the others alone.
    """
    await http.put("/scenarios/valuation_api", json={"scenario": "down"})

    assert (await valuation(http)).status_code == 503
    assert (await specs(http)).status_code == 200
    assert (await imagga(http)).status_code == 400


async def test_imagga_is_switched_too(http: httpx.AsyncClient) -> None:
    """
    Imagga fails for everybody while it is switched off.
    """
    await http.put("/scenarios/imagga", json={"scenario": "down"})
    assert (await imagga(http)).status_code == 503

    await http.delete("/scenarios/imagga")
    assert (await imagga(http)).status_code == 400


async def test_keys_still_count(http: httpx.AsyncClient) -> None:
    """
    A magic key keeps its own scenario, and an unknown key stays unknown.
    """
    await http.put("/scenarios/specs_api", json={"scenario": "down"})

    assert (await specs(http, "mock-busy")).status_code == 429
    assert (await specs(http, "someone")).status_code == 401


async def test_showing_the_switch(http: httpx.AsyncClient) -> None:
    """
    The switch shows what each provider plays.
    """
    before = await http.get("/scenarios")
    await http.put("/scenarios/imagga", json={"scenario": "slow"})
    after = await http.get("/scenarios")

    assert before.json() == dict.fromkeys(PROVIDERS, "ok")
    assert after.json() == before.json() | {"imagga": "slow"}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_an_unknown_provider(http: httpx.AsyncClient, method: str) -> None:
    """
    A provider that is not mocked is a 404, and the error names those that are.
    """
    response = await http.request(method, "/scenarios/nobody", json={"scenario": "down"})

    assert response.status_code == 404
    assert "valuation_api" in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [b'{"scenario": "asleep"}', b"{}", b"down", b""])
async def test_an_unknown_scenario(http: httpx.AsyncClient, body: bytes) -> None:
    """
    A scenario that is none is refused, the error names them, and nothing changes.
    """
    response = await http.put("/scenarios/specs_api", content=body)

    assert response.status_code == 422
    assert "nonsense" in response.json()["error"]["message"]
    assert (await specs(http)).status_code == 200


async def test_an_unknown_path(http: httpx.AsyncClient) -> None:
    """
    No such path and no such method are said in JSON.
    """
    nowhere = await http.get("/v3/nowhere")
    wrong_method = await http.get("/specs")

    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
    assert wrong_method.status_code == 405
    assert wrong_method.json()["error"]["code"] == "method_not_allowed"


async def test_two_apps_do_not_share_the_switch(http: httpx.AsyncClient) -> None:
    """
    Each app has a switch of its own, so tests cannot disturb each other.
    """
    await http.put("/scenarios/specs_api", json={"scenario": "down"})

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_app()), base_url="http://mocks"
    ) as other:
        assert (await specs(other)).status_code == 200


def test_the_welcome() -> None:
    """
    Whoever starts the mocks is told every setting and every magic key.
    """
    text = welcome("http://127.0.0.1:8100")

    assert "CARVALUE_IMAGGA__BASE_URL=http://127.0.0.1:8100/v2" in text
    assert "CARVALUE_SPECS_API__BASE_URL=http://127.0.0.1:8100\n" in text
    assert "CARVALUE_VALUATION_API__API_KEY=mock\n" in text
    assert "mock-refused  mock-quota  mock-busy  mock-down  mock-slow  mock-nonsense" in text
    assert '{"scenario": "down"}' in text
