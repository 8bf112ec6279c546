"""
What clients write into JSON, as their languages do it.
"""

from typing import Any

import httpx
import pytest

from carvalue.web.api import create_api
from tests.web.conftest import COROLLA, USED, problem_of, started

pytestmark = pytest.mark.anyio


async def test_null_is_left_out(client: httpx.AsyncClient) -> None:
    """
    Clients that write null for what they do not know get the same answer as those that do not.
    """
    id = (await started(client))["id"]
    unknown = dict.fromkeys(("trim_id", "vin", "mileage", "condition"))

    answer = await client.put(f"/v1/appraisals/{id}/car", json=COROLLA | unknown)

    assert answer.json()["status"] == "confirmed"
    valuation = await client.post(f"/v1/appraisals/{id}/valuations", json={"mileage": None})
    assert problem_of(valuation, 422, "validation-failed")["errors"][0]["pointer"] == "#/mileage"


def test_null_is_described() -> None:
    """
    What may be null says so; what may be left out and not be null is refused.
    """
    description: dict[str, Any] = create_api().openapi()

    for name in ("CarConfirm", "ValuationCreate", "CategorizationCreate", "WebhookEndpointChange"):
        schema = description["components"]["schemas"][name]
        for field, one in schema["properties"].items():
            nullable = "null" in one.get("type", ()) or {"type": "null"} in one.get("anyOf", ())
            with_default = "default" in one or field in schema.get("required", ())
            assert nullable != with_default, (name, field)


async def test_a_whole_number_with_a_point(client: httpx.AsyncClient) -> None:
    """
    In JSON 2010.0 is an integer: some languages have no other way to write a number.
    """
    id = (await started(client))["id"]

    body = COROLLA | USED | {"year": 2010.0, "mileage": 58000.0}
    answer = await client.put(f"/v1/appraisals/{id}/car", json=body)

    assert answer.json()["car"]["year"] == 2010
    assert answer.json()["valuation"]["mileage"] == 58000
