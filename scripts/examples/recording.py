"""
Asks the service on its mocks for everything, and takes down what it answers.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from pydantic import SecretStr

from carvalue.app import create_app
from carvalue.demo import sample_photo
from carvalue.settings import Settings, mock_settings
from scripts.examples.refusals import refusals
from scripts.examples.sameness import cut_short, made_the_same

Json = Any

KEY = "the-key-of-the-examples"
CAR: Json = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
USED: Json = {"mileage": 58000, "mileage_unit": "mi", "condition": "very_good"}
WHAT_IF: Json = {"mileage": 150000, "mileage_unit": "km", "condition": "fair"}
VIN = "1HGCM82633A004352"
HOOK = "https://partner.example/hooks"
ARRIVING_SECONDS = 20


@dataclass
class Record:
    """A client whose requests become examples, by the operation that they are for."""

    client: httpx.AsyncClient
    examples: dict[str, dict[str, Json]] = field(default_factory=dict)
    problems: dict[str, Json] = field(default_factory=dict)

    async def ask(self, name: str, method: str, path: str, **request: Json) -> Json:
        """The answer, kept as the example of an operation and its status."""
        response = await self.client.request(method, path, **request)
        if not response.is_success:
            raise RuntimeError(f"{name}: {response.text}")
        example = self.examples.setdefault(name, {"request": None, "responses": {}})
        if "files" in request:
            files = {name: f"(the bytes of {one[0]})" for name, one in request["files"].items()}
            example["request"] = files | request.get("data", {})
        elif "json" in request:
            example["request"] = request["json"]
        is_json = bool(response.content) and "json" in response.headers.get("content-type", "")
        if is_json:
            example["responses"][str(response.status_code)] = response.json()
        return response.json() if is_json else None

    async def fail(self, method: str, path: str, **request: Json) -> None:
        """The problem that this ends in, kept by its code."""
        response = await self.client.request(method, path, **request)
        problem = response.json()
        self.problems[problem["code"]] = problem


async def recorded() -> dict[str, Json]:
    """The examples by operation, the problems by code, and the events by type."""
    began = datetime.now(UTC)
    with TemporaryDirectory() as folder, partner() as (address, events):
        settings = mock_settings(database_url=f"sqlite:///{folder}/examples.db").model_copy(
            update={"api_key": SecretStr(KEY), "webhooks_allow_local": True}
        )
        async with client_of(settings) as client:
            record = Record(client)
            await _hooks(record, address)
            await _flow(record)
            await _catalog(record)
            await _sessions(record)
            await _problems(record)
            await _deliveries(record, events)
        problems = await refusals() | record.problems
    by_type = {event["type"]: event for event in events}
    files: dict[str, Json] = record.examples | {
        "problems": dict(sorted(problems.items())),
        "events": dict(sorted(by_type.items())),
    }
    return dict(made_the_same(cut_short(files), {address: HOOK}, began))


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service in this process, and a client that may do everything."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://examples",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=60,
        ) as client,
    ):
        yield client


@contextmanager
def partner() -> Iterator[tuple[str, list[Json]]]:
    """A partner's server: where it is, and the events that it has got."""
    events: list[Json] = []

    class Hooks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            events.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what came is in `events`."""

    server = HTTPServer(("127.0.0.1", 0), Hooks)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks", events
    finally:
        server.shutdown()
        server.server_close()


def photos(car: str = "toyota_corolla") -> Json:
    """Both photos of a sample car, as files of a form."""
    return {
        side: (f"{side}.jpg", sample_photo(side, car).read_bytes(), "image/jpeg")
        for side in ("front", "back")
    }


async def _flow(record: Record) -> None:
    ask = record.ask
    later = {"Prefer": "respond-async"}
    known = {"country": "US", "client_reference": "order-7"}
    late = await ask(
        "create_appraisal", "POST", "/v1/appraisals", files=photos("bmw_z3"), headers=later
    )
    started = await ask("create_appraisal", "POST", "/v1/appraisals", files=photos(), data=known)
    path = f"/v1/appraisals/{started['id']}"
    await ask("get_appraisal", "GET", path)
    await ask("get_photo", "GET", f"{path}/photos/front")
    await ask("confirm_car", "PUT", f"{path}/car", json=CAR | USED, headers=later)
    await record.client.get(path, headers={"Prefer": "wait=10"})
    await ask("confirm_car", "PUT", f"{path}/car", json=CAR | USED)
    await ask("get_specs", "GET", f"{path}/specs")
    priced = await ask("create_valuation", "POST", f"{path}/valuations", json=WHAT_IF)
    await ask("list_valuations", "GET", f"{path}/valuations", params={"limit": 1})
    await ask("get_valuation", "GET", f"{path}/valuations/{priced['id']}")

    path = f"/v1/appraisals/{late['id']}"
    await record.client.get(path, headers={"Prefer": "wait=10"})
    back = {"photo": photos("bmw_z3")["back"]}
    await ask("replace_photo", "PUT", f"{path}/photos/back", files=back, headers=later)
    await record.client.get(path, headers={"Prefer": "wait=10"})
    again = {"categorizer_id": "custom-car-categorizer", "accept_poor_photos": True}
    await ask("retry_categorization", "POST", f"{path}/categorizations", json=again, headers=later)
    await record.client.get(path, headers={"Prefer": "wait=10"})
    await ask("list_appraisals", "GET", "/v1/appraisals", params={"limit": 1})
    await ask("delete_appraisal", "DELETE", path)


async def _catalog(record: Record) -> None:
    ask = record.ask
    await ask("list_makes", "GET", "/v1/catalog/makes")
    await ask("list_models", "GET", "/v1/catalog/makes/toyota/models")
    await ask("list_years", "GET", "/v1/catalog/models/bmw-z3/years")
    await ask("list_trims", "GET", "/v1/catalog/models/toyota-corolla/trims", params={"year": 2010})
    await ask("list_categorizers", "GET", "/v1/categorizers")
    await ask("list_conditions", "GET", "/v1/conditions")
    # The mocks read no VIN off a photo; what one means they say elsewhere.
    known = {"vin": VIN}
    response = await record.client.post("/v1/appraisals", files=photos(), data=known)
    record.examples["read_vin"] = {
        "request": {"photo": "(the bytes of plate.jpg)"},
        "responses": {"200": {"vin": VIN, "car": response.json()["vin_car"], "corrected": False}},
    }


async def _sessions(record: Record) -> None:
    await record.ask("create_device_challenge", "POST", "/v1/device-challenges")
    device = {"device_id": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    await record.ask("create_device_session", "POST", "/v1/device-sessions", json=device)


async def _hooks(record: Record, address: str) -> None:
    types = ["appraisal.categorized", "appraisal.confirmed", "appraisal.valued"]
    types += ["appraisal.categorization_failed", "appraisal.deleted"]
    wanted = {"url": address, "event_types": types, "description": "Orders"}
    made = await record.ask("create_webhook_endpoint", "POST", "/v1/webhook-endpoints", json=wanted)
    path = f"/v1/webhook-endpoints/{made['id']}"
    await record.ask("list_webhook_endpoints", "GET", "/v1/webhook-endpoints")
    await record.ask("get_webhook_endpoint", "GET", path)
    await record.ask("change_webhook_endpoint", "PATCH", path, json={"description": "All orders"})
    await record.ask("rotate_webhook_secret", "POST", f"{path}/secret-rotations")
    await record.ask("send_test_webhook", "POST", f"{path}/test-deliveries")


async def _deliveries(record: Record, events: list[Json]) -> None:
    (endpoint,) = (await record.client.get("/v1/webhook-endpoints")).json()["data"]
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    async with asyncio.timeout(ARRIVING_SECONDS):
        while True:
            sent = (await record.client.get(f"{path}/deliveries")).json()["data"]
            if all(one["status"] == "delivered" for one in sent) and len(sent) >= 5:
                break
            await asyncio.sleep(0.1)
    await record.ask("list_webhook_deliveries", "GET", f"{path}/deliveries", params={"limit": 1})
    delivery = f"{path}/deliveries/{sent[0]['id']}"
    await record.ask("get_webhook_delivery", "GET", delivery)
    await record.ask("redeliver_webhook", "POST", f"{delivery}/redeliveries")
    await record.ask("delete_webhook_endpoint", "DELETE", path)


async def _problems(record: Record) -> None:
    response = await record.client.post("/v1/appraisals", files=photos())
    path = f"/v1/appraisals/{response.json()['id']}"
    year = CAR | {"make_id": "bmw", "model_id": "bmw-z3"}
    await record.fail("PUT", f"{path}/car", json=year)
    await record.fail("PUT", f"{path}/car", json=CAR | {"model_id": "toyota-carola"})
    await record.fail("PUT", f"{path}/car", json=CAR | {"year": "this one"})
    await record.fail("PUT", f"{path}/car", json=CAR, headers={"If-Match": '"other-1"'})
    await record.fail("PUT", f"{path}/car", content="year=2010")
    await record.fail("POST", f"{path}/valuations", json=USED)
    await record.fail("GET", "/v1/appraisals", headers={"Authorization": "Bearer none"})
    await record.fail("GET", "/v1/appraisals", params={"cursor": "none"})
    await record.fail("GET", "/v1/appraisals/apr_0")
