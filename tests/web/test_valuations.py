"""
Valuing a confirmed car, again and again.
"""

from typing import Any

import httpx
import pytest

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
)
from tests.fakes import FakeCategorizer, FakeSpecsSource, FakeValuer
from tests.web.conftest import COROLLA, USED, confirmed, problem_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def url(client: httpx.AsyncClient) -> str:
    """Where the valuations of a confirmed car are."""
    return f"/v1/appraisals/{(await confirmed(client))['id']}/valuations"


async def test_a_valuation(client: httpx.AsyncClient, url: str) -> None:
    """
    The price comes with all that it was asked for with, and has an address of its own.
    """
    response = await client.post(url, json=USED)

    valuation = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{url}/{valuation['id']}"
    assert valuation == {
        "id": valuation["id"],
        "appraisal_id": url.split("/")[3],
        "car": {
            "make_id": "toyota",
            "make": "Toyota",
            "model_id": "toyota-corolla",
            "model": "Corolla",
            "year": 2010,
            "trim_id": "45963",
            "trim": "LE",
        },
        "trim_id": "45963",
        "mileage": 58000,
        "mileage_unit": "mi",
        "condition": "very_good",
        "country": "US",
        "price": {
            "currency": "USD",
            "min": 1795,
            "median": 7995,
            "mean": 8940,
            "max": 849995,
            "typical_low": None,
            "typical_high": None,
            "typical_percent": None,
            "wide_low": None,
            "wide_high": None,
            "comparables": None,
            "basis": None,
            "as_of": None,
            "certainty": None,
            "adjustments": None,
            "flags": ["outlier_in_range"],
            "kind": None,
            "other_kinds": [],
            "predicted": None,
            "fetched_at": None,
            "cached": False,
        },
        "source": "fake-valuer",
        "created_at": valuation["created_at"],
    }
    assert (await client.get(response.headers["location"])).json() == valuation


async def test_what_if(client: httpx.AsyncClient, url: str) -> None:
    """
    Every other mileage or condition is a new valuation; those before stay as they were.
    """
    first = (await client.post(url, json=USED)).json()
    second = (await client.post(url, json=USED | {"mileage": 90000, "condition": "fair"})).json()

    listed = (await client.get(url)).json()

    assert listed == {"data": [second, first], "next_cursor": None}
    appraisal = (await client.get(url.removesuffix("/valuations"))).json()
    assert appraisal["valuation"] == second
    assert appraisal["entered"]["mileage"] == 90000


@pytest.mark.parametrize("other", [{"year": 2011}, {"trim_id": "45964"}], ids=["year", "trim"])
async def test_what_if_it_were_another_car(
    client: httpx.AsyncClient, url: str, categorizer: FakeCategorizer, other: dict[str, Any]
) -> None:
    """
    Another year or trim is priced at once, without asking the categorizer again; the price of the
    car before stays, and each says of which car it is one.
    """
    first = (await client.post(url, json=USED)).json()
    asked = len(categorizer.asked)

    changed = await client.put(url.replace("valuations", "car"), json=COROLLA | USED | other)

    second = changed.json()["valuation"]
    assert (await client.get(url)).json()["data"] == [second, first]
    assert len(categorizer.asked) == asked == 2
    assert {**first["car"], **second["car"]} != first["car"]
    assert all(second["car"][name] == value for name, value in other.items())


async def test_in_kilometres(client: httpx.AsyncClient, url: str, valuer: FakeValuer) -> None:
    """
    The mileage is kept as it was entered.
    """
    valuation = (await client.post(url, json=USED | {"mileage_unit": "km"})).json()

    assert (valuation["mileage"], valuation["mileage_unit"]) == (58000, "km")
    assert valuer.asked[-1][1].miles == 36040


@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"json": None}])
async def test_as_it_was_entered_before(
    client: httpx.AsyncClient, url: str, sent: dict[str, Any]
) -> None:
    """
    What was entered once need not be sent again.
    """
    await client.post(url, json=USED)

    again = await client.post(url, **sent)

    assert again.status_code == 201
    assert (again.json()["mileage"], again.json()["condition"]) == (58000, "very_good")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (None, "#/mileage"),
        ({}, "#/mileage"),
        ({"mileage": 58000}, "#/condition"),
        ({"condition": "good"}, "#/mileage"),
    ],
)
async def test_half_of_the_usage(
    client: httpx.AsyncClient, url: str, body: dict[str, Any] | None, pointer: str
) -> None:
    """
    A price needs both; the refusal names the missing one.
    """
    problem = problem_of(await client.post(url, json=body), 422, "validation-failed")

    assert [field["pointer"] for field in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("failure", "status", "code", "step", "retryable"),
    [
        (ProviderTimedOut, 504, "provider-timeout", "provider-timeout", True),
        (ProviderUnavailable, 502, "provider-error", "provider-error", True),
        (ProviderAnswerUnreadable, 502, "provider-error", "provider-error", True),
        (ProviderBusy, 503, "provider-busy", "provider-busy", True),
        (ProviderQuotaUsedUp, 503, "provider-quota", "provider-quota", True),
        (ProviderKeyRefused, 502, "provider-error", "provider-error", False),
        (ProviderRequestRefused, 502, "provider-error", "provider-error", False),
    ],
)
async def test_a_valuer_that_fails(
    client: httpx.AsyncClient,
    url: str,
    valuer: FakeValuer,
    failure: type[ProviderError],
    status: int,
    code: str,
    step: str,
    retryable: bool,
) -> None:
    """
    The failure is told and kept as the failed step, and the same request succeeds later.
    """
    valuer.failure = failure("The valuer failed.", provider="someone")

    response = await client.post(url, json=USED)

    problem = problem_of(response, status, code)
    assert problem["retryable"] is retryable
    assert ("retry-after" in response.headers) is retryable
    appraisal = (await client.get(url.removesuffix("/valuations"))).json()
    assert appraisal["steps"]["valuation"] == {"status": "failed", "code": step}
    assert appraisal["specs"] is not None
    assert appraisal["entered"]["mileage"] == 58000

    valuer.failure = None
    again = await client.post(url)
    assert again.status_code == 201
    appraisal = (await client.get(url.removesuffix("/valuations"))).json()
    assert appraisal["steps"]["valuation"] == {"status": "success", "code": None}


@pytest.mark.parametrize(("asked_for", "told"), [(7, "7"), (None, "2")])
async def test_when_to_come_back(
    client: httpx.AsyncClient, url: str, valuer: FakeValuer, asked_for: int | None, told: str
) -> None:
    """
    The phone waits as long as the valuer asks for, and a moment where it asks for nothing.
    """
    valuer.failure = ProviderBusy("Busy.", provider="someone", retry_after=asked_for)

    response = await client.post(url, json=USED)

    problem_of(response, 503, "provider-busy")
    assert response.headers["retry-after"] == told


async def test_a_valuer_that_fails_the_second_time(
    client: httpx.AsyncClient, url: str, valuer: FakeValuer
) -> None:
    """
    A failure does not take away the price that is there already.
    """
    first = (await client.post(url, json=USED)).json()
    valuer.failure = ProviderTimedOut("Late.", provider="someone")

    problem_of(await client.post(url, json=USED | {"mileage": 1}), 504, "provider-timeout")

    appraisal = (await client.get(url.removesuffix("/valuations"))).json()
    assert appraisal["valuation"] == first
    assert (await client.get(url)).json()["data"] == [first]


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", "wait=000"])
async def test_a_price_is_waited_for(client: httpx.AsyncClient, url: str, prefer: str) -> None:
    """
    Before it is known there is nothing to show, and a phone's wish is no failure of the service.
    """
    response = await client.post(url, json=USED, headers={"Prefer": prefer})

    assert response.status_code == 201
    assert "preference-applied" not in response.headers


async def test_no_price_known(client: httpx.AsyncClient, url: str, valuer: FakeValuer) -> None:
    """
    No price known is nobody's failure: repeating it would not help.
    """
    valuer.price = None

    problem = problem_of(await client.post(url, json=USED), 422, "no-market-data")

    assert not problem["retryable"]


async def test_specs_that_were_missing(
    client: httpx.AsyncClient, specs_source: FakeSpecsSource
) -> None:
    """
    Specs that failed at first are fetched along with the price.
    """
    specs_source.failure = ProviderTimedOut("Late.", provider="someone")
    url = f"/v1/appraisals/{(await confirmed(client))['id']}"
    problem_of(await client.post(f"{url}/valuations", json=USED), 504, "provider-timeout")

    specs_source.failure = None
    response = await client.post(f"{url}/valuations", json=USED)

    assert response.status_code == 201
    assert (await client.get(url)).json()["specs"]["trim_id"] == "45963"


async def test_somebody_elses_valuation(client: httpx.AsyncClient, url: str) -> None:
    """
    A valuation is found below its own appraisal only.
    """
    valuation = (await client.post(url, json=USED)).json()
    other = f"/v1/appraisals/{(await confirmed(client))['id']}/valuations"

    problem_of(await client.get(f"{other}/{valuation['id']}"), 404, "not-found")
    problem_of(await client.get(f"{url}/val_unknown"), 404, "not-found")
    assert (await client.get(other)).json()["data"] == []
