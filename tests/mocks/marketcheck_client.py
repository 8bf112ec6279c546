"""
How the mocked MarketCheck is asked.
"""

from typing import Any

import httpx
from starlette.applications import Starlette

from mocks.marketcheck import routes
from tests.contracts import assert_fits

SEARCH = "/search/car/active"
PREDICTION = "/predict/car/us/marketcheck_price"
LEGACY = "/predict/car/price"
COMPLETE = "/search/car/auto-complete"
VIN = "2T1BU4EE9AC123456"
COROLLA = {"year": "2010", "make": "Toyota", "model": "Corolla"}


def marketcheck(key: str | None = "mock", **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**options))),
        base_url="http://marketcheck/v2",
        params={"api_key": key} if key else {},
    )


async def asked(path: str, query: dict[str, str], status: int = 200) -> Any:
    """The body of an answer that fits the contract."""
    async with marketcheck() as client:
        answer = await client.get(path.format(vin=query.pop("_vin", VIN)), params=query)
    assert answer.status_code == status, answer.text
    assert_fits("marketcheck", "GET", path, status, answer.json())
    return answer.json()


async def search(status: int = 200, /, **query: str) -> Any:
    return await asked(SEARCH, query, status)
