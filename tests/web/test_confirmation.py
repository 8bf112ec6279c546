"""
Confirming the car: a candidate or any other of the catalogue, whatever the providers do.
"""

from typing import Any

import httpx
import pytest

from carvalue.core.errors import ProviderTimedOut, ProviderUnavailable
from tests.fakes import FakeSpecsSource, FakeValuer, an_appraisal
from tests.memory import MemoryStore
from tests.web.conftest import COROLLA, USED, confirmed, photos, problem_of, started

pytestmark = pytest.mark.anyio

TIMED_OUT = ProviderTimedOut("Late.", provider="someone")


async def test_from_photos_to_price(client: httpx.AsyncClient) -> None:
    """
    Two calls: the photos, and then which car it is and how it was used.
    """
    appraisal = await confirmed(client, **USED)

    assert (appraisal["status"], appraisal["next_action"]) == ("valued", "done")
    assert appraisal["car"] == {
        "make_id": "toyota",
        "make": "Toyota",
        "model_id": "toyota-corolla",
        "model": "Corolla",
        "year": 2010,
        "trim_id": "45963",
        "trim": "LE",
        "trim_assumed": True,
        "source": "suggested",
    }
    assert appraisal["specs"]["weight_kg"] == 1245
    assert appraisal["specs"]["engine_displacement_cc"] is None
    assert appraisal["specs"]["fuel_economy"].keys() == {
        "city_l_per_100km",
        "highway_l_per_100km",
        "mixed_l_per_100km",
        "city_mpg_us",
        "highway_mpg_us",
        "mixed_mpg_us",
    }
    assert appraisal["valuation"]["price"] == {
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
    }
    assert appraisal["entered"]["mileage"] == 58000


async def test_without_a_price(client: httpx.AsyncClient) -> None:
    """
    Without mileage and condition there are specs, and the app is told what comes next.
    """
    appraisal = await confirmed(client)

    assert appraisal["status"] == "confirmed"
    assert appraisal["next_action"] == "choose_trim"
    assert [trim["name"] for trim in appraisal["trims"]] == ["LE", "S"]
    assert appraisal["valuation"] is None


async def test_choosing_the_trim(client: httpx.AsyncClient) -> None:
    appraisal = await confirmed(client, trim_id="45964")

    assert appraisal["next_action"] == "request_valuation"
    assert (appraisal["car"]["trim"], appraisal["car"]["trim_assumed"]) == ("S", False)
    assert appraisal["specs"]["trim_id"] == "45964"


@pytest.mark.parametrize(
    ("car", "source"),
    [
        ({"make_id": "honda", "model_id": "honda-accord"}, "suggested"),
        ({"make_id": "ford", "model_id": "ford-f-150"}, "catalog"),
    ],
)
async def test_correcting(client: httpx.AsyncClient, car: dict[str, str], source: str) -> None:
    """
    The photos propose, the user decides: every car of the catalogue can be chosen.
    """
    appraisal = await confirmed(client, **car)

    assert appraisal["car"]["model_id"] == car["model_id"]
    assert appraisal["car"]["source"] == source


async def test_correcting_after_the_price(client: httpx.AsyncClient) -> None:
    """
    Another car takes neither the specs nor the price of the first one along.
    """
    appraisal = await confirmed(client, **USED)

    response = await client.put(
        f"/v1/appraisals/{appraisal['id']}/car",
        json={"make_id": "bmw", "model_id": "bmw-z3", "year": 1999},
    )

    corrected = response.json()
    assert corrected["car"]["model"] == "Z3"
    assert corrected["valuation"]["id"] != appraisal["valuation"]["id"]


async def test_confirming_twice(
    client: httpx.AsyncClient, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    On a bad network the app may repeat it: same price, and nobody is asked again.
    """
    appraisal = await confirmed(client, **USED)

    again = await client.put(f"/v1/appraisals/{appraisal['id']}/car", json=COROLLA | USED)

    assert again.json()["valuation"] == appraisal["valuation"]
    assert (len(specs_source.asked), len(valuer.asked)) == (1, 1)


async def test_specs_that_fail(
    client: httpx.AsyncClient, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    The choice stands without specs, and repeating it fetches what is missing.
    """
    specs_source.failure = TIMED_OUT
    appraisal = await confirmed(client, **USED)
    assert appraisal["status"] == "confirmed"
    assert appraisal["car"]["model"] == "Corolla"
    assert appraisal["specs"] is None
    assert appraisal["steps"]["specs"] == {"status": "failed", "code": "provider-timeout"}
    assert appraisal["steps"]["valuation"] == {"status": "skipped", "code": None}
    assert valuer.asked == []

    specs_source.failure = None
    again = await client.put(f"/v1/appraisals/{appraisal['id']}/car", json=COROLLA | USED)

    assert again.json()["status"] == "valued"


async def test_a_valuer_that_fails(client: httpx.AsyncClient, valuer: FakeValuer) -> None:
    """
    The choice and the specs stand without a price.
    """
    valuer.failure = ProviderUnavailable("Out of order.", provider="someone")

    appraisal = await confirmed(client, **USED)

    assert appraisal["status"] == "confirmed"
    assert appraisal["specs"]["weight_kg"] == 1245
    assert appraisal["steps"]["valuation"] == {"status": "failed", "code": "provider-error"}


async def test_no_market_data(client: httpx.AsyncClient, valuer: FakeValuer) -> None:
    """
    A car without a price is done: the app does not ask for ever.
    """
    valuer.price = None

    appraisal = await confirmed(client, **USED)

    assert appraisal["next_action"] == "done"
    assert appraisal["steps"]["valuation"] == {"status": "failed", "code": "no-market-data"}


async def test_a_year_in_which_it_was_not_sold(client: httpx.AsyncClient) -> None:
    """
    The app can fill its year picker from the refusal.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"

    response = await client.put(url, json={"make_id": "bmw", "model_id": "bmw-z3", "year": 2010})

    problem = problem_of(response, 422, "unknown-year")
    assert problem["known_years"] == list(range(1996, 2003))
    assert problem["detail"] == "The BMW Z3 was sold from 1996 to 2002."
    assert problem["errors"] == [
        {"pointer": "#/year", "code": "unknown_year", "detail": "Choose one of known_years."}
    ]
    assert not problem["retryable"]


async def test_a_year_past_the_data(client: httpx.AsyncClient) -> None:
    """
    A newer car is not called wrong; our data end before it.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"

    response = await client.put(url, json=COROLLA | {"year": 2025})

    problem = problem_of(response, 422, "year-not-covered")
    assert problem["known_years"][-1] == 2024
    assert "2024" in problem["detail"]


@pytest.mark.parametrize(
    ("changed", "code", "pointer"),
    [
        ({"model_id": "toyota-flying-saucer"}, "unknown-car", "#/model_id"),
        ({"make_id": "honda"}, "unknown-car", "#/model_id"),
        ({"trim_id": "7"}, "unknown-trim", "#/trim_id"),
        ({"mileage": 58000}, "validation-failed", "#/condition"),
        ({"condition": "good"}, "validation-failed", "#/mileage"),
    ],
)
async def test_a_choice_that_does_not_fit(
    client: httpx.AsyncClient, changed: dict[str, Any], code: str, pointer: str
) -> None:
    """
    The refusal names the field to mark.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"

    response = await client.put(url, json=COROLLA | changed)

    problem = problem_of(response, 422, code)
    assert [field["pointer"] for field in problem["errors"]] == [pointer]
    assert "known_years" not in problem


async def test_after_a_trim_that_does_not_exist(client: httpx.AsyncClient) -> None:
    """
    A wrong trim does not block the way: the next choice is taken.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"
    problem_of(await client.put(url, json=COROLLA | {"trim_id": "7"}), 422, "unknown-trim")

    response = await client.put(url, json=COROLLA)

    assert response.json()["car"]["trim"] == "LE"


async def test_before_it_is_confirmed(client: httpx.AsyncClient) -> None:
    """
    Neither specs nor price without a car.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}"

    problem_of(await client.get(f"{url}/specs"), 409, "invalid-state")
    problem_of(await client.post(f"{url}/valuations", json=USED), 409, "invalid-state")


async def test_after_it_is_confirmed(client: httpx.AsyncClient) -> None:
    """
    The photos of a confirmed car are done with.
    """
    url = f"/v1/appraisals/{(await confirmed(client))['id']}"

    problem_of(await client.post(f"{url}/categorizations"), 409, "invalid-state")
    files = {"photo": photos()["front"]}
    problem_of(await client.put(f"{url}/photos/front", files=files), 409, "invalid-state")


async def test_while_the_photos_are_categorized(
    client: httpx.AsyncClient, memory_store: MemoryStore
) -> None:
    """
    Nothing else can be done meanwhile, and the app is told to wait.
    """
    await memory_store.add(an_appraisal("apr_1"), [])
    url = "/v1/appraisals/apr_1"

    assert (await client.get(url)).json()["next_action"] == "wait"
    for refused in (
        await client.put(f"{url}/car", json=COROLLA),
        await client.post(f"{url}/valuations", json=USED),
        await client.post(f"{url}/categorizations"),
        await client.get(f"{url}/specs"),
    ):
        problem_of(refused, 409, "invalid-state")


async def test_the_specs_alone(client: httpx.AsyncClient) -> None:
    appraisal = await confirmed(client)

    specs = await client.get(f"/v1/appraisals/{appraisal['id']}/specs")

    assert specs.json() == appraisal["specs"]


async def test_no_specs_of_the_car(
    client: httpx.AsyncClient, specs_source: FakeSpecsSource
) -> None:
    specs_source.knows = False
    appraisal = await confirmed(client)

    assert appraisal["steps"]["specs"] == {"status": "failed", "code": "no-specs-known"}
    specs = await client.get(f"/v1/appraisals/{appraisal['id']}/specs")
    problem_of(specs, 404, "not-found")
