"""
The API over fakes, without sockets.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.appraiser import Appraiser
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from tests.fakes import jpeg

# The tests' own client logs every URL that it asks for, which is no word of ours.
logging.getLogger("httpx").setLevel(logging.WARNING)

COROLLA = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
USED = {"mileage": 58000, "mileage_unit": "mi", "condition": "very_good"}


@dataclass
class FakeWatch:
    """Provider states as told."""

    told: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"fake-categorizer": {"state": "ok"}}
    )

    async def states(self) -> dict[str, dict[str, Any]]:
        return self.told


@pytest.fixture
async def api(appraiser: Appraiser) -> AsyncIterator[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = Services(appraiser, FakeWatch())
        yield

    app = create_api(lifespan, open_to_all=True)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def patient(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is answered with a 500 where a bug would fail the test instead."""
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def photos(front: bytes | None = None, back: bytes | None = None) -> dict[str, Any]:
    """The files of a form with two photos."""
    return {
        "front": ("front.jpg", jpeg() if front is None else front, "image/jpeg"),
        "back": ("back.jpg", jpeg(color="blue") if back is None else back, "image/jpeg"),
    }


async def started(client: httpx.AsyncClient, **fields: str) -> dict[str, Any]:
    """An appraisal that was just started."""
    response = await client.post("/v1/appraisals", files=photos(), data=fields)
    assert response.status_code in (201, 202), response.text
    appraisal: dict[str, Any] = response.json()
    return appraisal


async def confirmed(client: httpx.AsyncClient, **choice: Any) -> dict[str, Any]:
    """An appraisal whose car is confirmed."""
    id = (await started(client))["id"]
    response = await client.put(f"/v1/appraisals/{id}/car", json=COROLLA | choice)
    assert response.status_code == 200, response.text
    appraisal: dict[str, Any] = response.json()
    return appraisal


def problem_of(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem in an answer, checked for all that every problem has."""
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("urn:uuid:")
    assert isinstance(problem["retryable"], bool)
    for wrong in problem["errors"]:
        assert wrong.keys() == {"pointer", "code", "detail"}
    return problem
