"""
A body sets what its route says, and nothing else: what we do not know is refused.
"""

from collections.abc import Iterator
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from carvalue.web.api import create_api
from carvalue.web.fields import InBody
from tests.web.conftest import COROLLA, USED, confirmed, photos, problem_of, started

pytestmark = pytest.mark.anyio

PLANTED: dict[str, Any] = {
    "id": "apr_00000000000000000000000000000000",
    "status": "valued",
    "price": 1,
    "median": 1,
    "factor": 0.1,
    "owner": "somebody",
    "tenant_id": "somebody",
    "tier": "service",
    "source": "suggested",
    "version": 99,
    "candidates": [],
    "valuation": {"price": {"median": 1}},
    "expires_at": "2999-01-01T00:00:00Z",
    "webhook_url": "http://127.0.0.1/",
    "__proto__": {"status": "valued"},
    "constructor": {},
    "Year": 2010,
    "year ": 2010,
    "": 1,
}


def routes(app: FastAPI) -> Iterator[APIRoute]:
    """All routes, those of included routers as well."""
    for one in app.routes:
        router = getattr(one, "original_router", None)
        yield from (
            route for route in (router.routes if router else [one]) if isinstance(route, APIRoute)
        )


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation is made of, and those of their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_of(field.annotation)
    for part in get_args(annotation):
        yield from models_of(part)


def bodies() -> dict[str, list[type[BaseModel]]]:
    """By operation: the models of every body that a route reads."""
    return {
        route.name: list(models_of(route.body_field.field_info.annotation))
        for route in routes(create_api())
        if route.body_field is not None
    }


def test_every_body_refuses_what_it_does_not_know() -> None:
    """
    Not one route is left out, forms and what lies within other bodies included.
    """
    found = bodies()

    assert {"create_appraisal", "replace_photo", "confirm_car", "read_vin"} <= found.keys()
    for name, models in found.items():
        assert models, f"{name} reads something else than a model"
        for model in models:
            assert model.model_config.get("extra") == "forbid", f"{name}: {model.__name__}"
            assert issubclass(model, InBody), f"{name}: {model.__name__}"


def test_no_body_names_an_address_to_fetch_from() -> None:
    """
    The address of a webhook is the only one that comes in, and it has rules of its own.
    """
    named = {
        (name, field)
        for name, models in bodies().items()
        for model in models
        for field in model.model_fields
        if any(word in field.lower() for word in ("url", "uri", "href", "link", "host", "address"))
    }

    assert {field for _, field in named} <= {"url"}
    assert {name for name, _ in named} == {"create_webhook_endpoint", "change_webhook_endpoint"}


@pytest.mark.parametrize("field", PLANTED)
async def test_a_field_that_is_planted(client: httpx.AsyncClient, field: str) -> None:
    """
    Neither status nor price, owner or time can be set by whoever asks.
    """
    appraisal = await confirmed(client)
    url = f"/v1/appraisals/{appraisal['id']}"
    before = (await client.get(url)).json()

    for answer in (
        await client.put(f"{url}/car", json={**COROLLA, field: PLANTED[field]}),
        await client.post(f"{url}/valuations", json={**USED, field: PLANTED[field]}),
        await client.post(f"{url}/categorizations", json={field: PLANTED[field]}),
        await client.post("/v1/appraisals", files=photos(), data={field: str(PLANTED[field])}),
        await client.put(f"{url}/photos/front", files={"photo": b""}, data={field: "1"}),
    ):
        problem = problem_of(answer, 422, "validation-failed")
        assert any(one["code"] == "extra_forbidden" for one in problem["errors"])
        assert "somebody" not in answer.text
    assert (await client.get(url)).json() == before


@pytest.mark.parametrize("field", ["price", "min", "factor", "model_id", "year", "currency"])
async def test_a_price_of_ones_own(client: httpx.AsyncClient, field: str) -> None:
    """
    A valuation takes how the car has been used, and neither a price nor another car.
    """
    appraisal = await confirmed(client)

    answer = await client.post(
        f"/v1/appraisals/{appraisal['id']}/valuations", json={**USED, field: 1}
    )

    problem_of(answer, 422, "validation-failed")


async def test_a_car_that_was_not_confirmed(client: httpx.AsyncClient) -> None:
    appraisal = await started(client)

    answer = await client.post(f"/v1/appraisals/{appraisal['id']}/valuations", json=USED)

    assert answer.status_code == 409
