"""
The whole service on the embedded mocks, with access control, and callers that have keys.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

from carvalue.app import create_app
from carvalue.core.api_keys import ApiKey, digest_of, new_secret
from carvalue.core.appraisal import new_id
from carvalue.core.callers import Scope
from carvalue.demo import sample_photo
from carvalue.settings import Settings, mock_settings
from carvalue.storage.api_keys import SqlKeys
from carvalue.storage.database import Database

TEST_SECRET = "the-secret-of-test-devices"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def made_key(
    url: str, *, scopes: Sequence[Scope] = tuple(Scope), **fields: Any
) -> tuple[str, str]:
    """The id and the secret of a new key, made as by another process."""
    secret = new_secret()
    key = ApiKey(
        id=new_id("key"),
        name="test",
        scopes=frozenset(scopes),
        created_at=datetime.now(UTC),
        digest=digest_of(secret),
        **fields,
    )
    await with_keys(url, lambda keys: keys.add(key))
    return key.id, secret


async def with_keys(url: str, work: Any) -> Any:
    """Work on the keys of a database, as another process does."""
    database = await asyncio.to_thread(Database, url)
    try:
        return await work(SqlKeys(database))
    finally:
        await asyncio.to_thread(database.close)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'carvalue.db'}"


@pytest.fixture
def settings(url: str) -> Settings:
    return mock_settings(database_url=url, provider_seconds=20.0).model_copy(
        update={
            "attestation_test_secret": SecretStr(TEST_SECRET),
            "webhooks_allow_local": True,
        }
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[FastAPI]:
    async with running(settings) as app:
        yield app


def client_of(app: ASGIApp, token: str | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://test",
        headers=bearer(token) if token else {},
    )


@pytest.fixture
async def anyone(service: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Without any key."""
    async with client_of(service) as client:
        yield client


@pytest.fixture
async def alice(service: FastAPI, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server with a key."""
    async with client_of(service, (await made_key(url))[1]) as client:
        yield client


@pytest.fixture
async def bob(service: FastAPI, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Another one."""
    async with client_of(service, (await made_key(url))[1]) as client:
        yield client


def photos() -> dict[str, Any]:
    return {side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")}


async def appraised(client: httpx.AsyncClient, **headers: str) -> str:
    """The id of an appraisal with specs and a price."""
    started = await client.post("/v1/appraisals", files=photos(), headers=headers)
    assert started.status_code == 201, started.text
    id = str(started.json()["id"])
    choice = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
    used = {"mileage": 58000, "condition": "very_good"}
    confirmed = await client.put(f"/v1/appraisals/{id}/car", json=choice | used)
    assert confirmed.json()["status"] == "valued", confirmed.text
    return id


async def device(client: httpx.AsyncClient, device_id: str) -> dict[str, Any]:
    """The session of a device that the client opens."""
    opened = await client.post("/v1/device-sessions", json={"device_id": device_id})
    assert opened.status_code == 201, opened.text
    session: dict[str, Any] = opened.json()
    return session
