"""
The real providers that the environment names, wired as the service wires them.

`.env` is not read: it reaches no test by accident.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from carvalue.core.remembered import Recollection
from carvalue.providers.carquery import unwrapped
from carvalue.settings import Settings
from carvalue.storage.calls import SqlMemory, SqlQuotaBook
from carvalue.storage.database import Database
from carvalue.storage.epa import SqlEpaStore
from carvalue.storage.ledger import SqlLedger
from carvalue.wiring import Providers, wired
from tests.contracts import assert_fits, contract
from tests.variables import variables_of

CONTRACTS = {"vpic": "vpic_api"}
"""Providers whose contract has another name."""


@dataclass
class Exchange:
    """What was asked, and the answer as it came."""

    method: str
    path: str
    status: int
    body: bytes


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """Passes everything on, and notes the answers."""

    inner: httpx.AsyncBaseTransport
    exchanges: list[Exchange] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        path, status = request.url.path, response.status_code
        self.exchanges.append(Exchange(request.method, path, status, body))
        return httpx.Response(status, headers=response.headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass
class Live:
    """A provider of the environment, and what went over the wire."""

    providers: Providers
    recorder: Recorder

    def assert_answers_fit(self, provider: str) -> None:
        """Every answer with JSON is one that the provider's contract describes."""
        name = CONTRACTS.get(provider, provider)
        assert self.recorder.exchanges, "nothing was asked"
        for one in self.recorder.exchanges:
            if one.status == 200:
                path = contract_path(name, one.method, one.path)
                assert_fits(name, one.method, path, one.status, _json(one.body))


def contract_path(name: str, method: str, path: str) -> str:
    """The contract's path for an address; the longest of those that it may be."""
    fitting = [
        template
        for template, operations in contract(name)["paths"].items()
        if method.lower() in operations
        and re.search(re.sub(r"\\{\w+\\}", ".+", re.escape(template)) + "$", path)
    ]
    assert fitting, f"{name}'s contract has no {method} {path}"
    longest: str = max(fitting, key=len)
    return longest


def _json(body: bytes) -> object:
    answer: object = httpx.Response(200, content=unwrapped(body)).json()
    return answer


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """
    The environment's settings with one provider only, which the test is about.

    Skips the test where the environment does not name the provider, or lacks its keys.
    """
    chosen_by, provider = request.param
    found = Settings(_env_file=None)
    valuers = {one for some in found.valuers.values() for one in some}
    named = {"categorizers": found.categorizers, "specs_sources": found.specs_sources}
    needed = [name for name, one in variables_of(provider).items() if one.is_required()]
    if provider not in named.get(chosen_by, valuers) or getattr(found, provider) is None:
        variable = f"CARVALUE_{chosen_by.upper()}={provider}"
        pytest.skip(f"asks the real {provider} only with " + ", ".join([variable, *needed]))
    only: dict[str, Any] = {"categorizers": (), "specs_sources": (), "valuers": {}, "cache": False}
    match chosen_by:
        case "valuers_default":
            only["valuers"] = {"DEFAULT": (provider,)}
            # The article's valuation knows cars by the ids of a specs source.
            only["specs_sources"] = tuple(
                one for one in found.specs_sources if getattr(found, one, None) is not None
            )
        case _:
            only[chosen_by] = (provider,)
    return found.model_copy(update=only)


@pytest.fixture
async def live(settings: Settings, tmp_path: Path) -> AsyncIterator[Live]:
    """The provider, with a database of its own and without kept answers."""
    database = await asyncio.to_thread(Database, f"sqlite:///{tmp_path / 'live.db'}")
    recorder = Recorder(AiohttpTransport(trust_env=False))
    try:
        async with httpx.AsyncClient(transport=recorder, timeout=30, trust_env=False) as http:
            recollection = Recollection(SqlMemory(database))
            book, rows = SqlQuotaBook(database), SqlEpaStore(database)
            ledger = SqlLedger(database)
            providers = wired(settings, http, book, recollection, ledger, rows)
            yield Live(providers, recorder)
    finally:
        database.close()
