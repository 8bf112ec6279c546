from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mocks.cars import car_named
from mocks.market import CONDITIONS, value
from mocks.valuation_api import routes

pytestmark = pytest.mark.anyio


COROLLA = {"model_id": "45963", "mileage": 58000, "condition": "very good"}


async def ask(body: Any = COROLLA, *, key: str = "mock") -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(delay=0.01))),
        base_url="http://mocks",
        headers={"Authorization": f"Bearer {key}"} if key else {},
    ) as http:
        return await http.post("/valuation", json=body)


def code(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


async def test_the_articles_corolla() -> None:
    """
    The article's question gets the article's answer, key for key in its order.
    """
    response = await ask()

    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("min", 1795),
        ("median", 7995),
        ("max", 849995),
        ("mean", 8940),
    ]


@pytest.mark.parametrize(
    "other", [{"mileage": 58001}, {"condition": "good"}, {"model_id": "45962"}]
)
async def test_any_other_question(other: dict[str, Any]) -> None:
    """
    Only the article's own question is answered from the record, all others by the market.
    """
    question = COROLLA | other
    response = await ask(question)

    assert response.json().items() >= value(**question).items()
    assert response.json()["mean"] != 8940


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_every_condition(condition: str) -> None:
    """
    Each word for a condition is understood; answers begin with four whole numbers.
    """
    response = await ask(COROLLA | {"mileage": 61000, "condition": condition})

    assert response.status_code == 200
    figures = dict(list(response.json().items())[:4])
    assert list(figures) == ["min", "median", "max", "mean"]
    assert all(type(figure) is int for figure in figures.values())


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_what_the_figures_stand_on(condition: str) -> None:
    """
    The parts add up to the median, the typical range lies around it, and a dealer pays least.
    """
    answer = (await ask(COROLLA | {"mileage": 91000, "condition": condition})).json()

    assert sum(answer["adjustments"].values()) == answer["median"]
    assert answer["adjustments"]["mileage"] > 0  # less than such a car has usually driven
    assert answer["min"] < answer["typical_low"] < answer["median"] < answer["typical_high"]
    assert answer["trade_in"]["median"] < answer["private_party"]["median"] < answer["median"]
    assert answer["count"] >= 30
    assert answer["kind"] == "retail"


async def test_nothing_for_sale() -> None:
    """
    A car that nothing for sale resembles gets four nulls, not an error.
    """
    response = await ask(COROLLA | {"mileage": 900_000})

    assert response.status_code == 200
    assert response.json() == {"min": None, "median": None, "max": None, "mean": None}


async def test_the_specs_services_ids_are_known() -> None:
    """
    An id that the specs service gives out can be valued.
    """
    car = car_named("BMW", "Z3", 1997)
    assert car is not None

    response = await ask({"model_id": car.model_id, "mileage": 90_000, "condition": "good"})

    assert response.json()["median"] > 1000


async def test_an_unknown_id() -> None:
    """
    An id that no car has is a 404 that says so.
    """
    response = await ask(COROLLA | {"model_id": "1"})

    assert (response.status_code, code(response)) == (404, "not_found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"model_id": 45963},
        {"model_id": None},
        {"mileage": "58000"},
        {"mileage": -1},
        {"mileage": True},
        {"mileage": 58000.5},
        {"mileage": None},
        {"condition": "mint"},
        {"condition": "Very Good"},
        {"condition": None},
    ],
)
async def test_a_wrong_value(wrong: dict[str, Any]) -> None:
    """
    A value of the wrong type, or out of its range, is refused, and the key is named.
    """
    response = await ask(COROLLA | wrong)

    assert (response.status_code, code(response)) == (422, "invalid_request")
    assert next(iter(wrong)) in response.json()["error"]["message"]


@pytest.mark.parametrize("missing", COROLLA)
async def test_a_missing_key(missing: str) -> None:
    """
    All three keys are needed.
    """
    response = await ask({key: value for key, value in COROLLA.items() if key != missing})

    assert response.status_code == 422
    assert missing in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("key", "status", "error_code"),
    [
        ("", 401, "unauthorized"),
        ("someone", 401, "unauthorized"),
        ("mock-refused", 401, "unauthorized"),
        ("mock-quota", 429, "quota_exceeded"),
        ("mock-busy", 429, "too_many_requests"),
        ("mock-down", 503, "unavailable"),
    ],
)
async def test_bad_days(key: str, status: int, error_code: str) -> None:
    """
    A magic key plays a bad day here as it does at the specs service.
    """
    response = await ask(key=key)

    assert (response.status_code, code(response)) == (status, error_code)


async def test_nonsense() -> None:
    """
    Nonsense looks like success and is a web page.
    """
    response = await ask(key="mock-nonsense")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")


async def test_slow() -> None:
    """
    Slow answers late, and then as usual.
    """
    response = await ask(key="mock-slow")

    assert response.elapsed.total_seconds() >= 0.01
    assert response.json()["median"] == 7995
