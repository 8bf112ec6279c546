"""
One line in the log for every request, whatever the caller sends.
"""

import asyncio
import logging
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.observer import RequestAnswered, tell
from carvalue.observing.metrics import Metrics
from carvalue.web.api import create_api
from carvalue.web.request_log import trace_id_in
from tests.observing.conftest import Log, photos

pytestmark = pytest.mark.anyio

REQUEST_ID = "8e03978e-40d5-43e8-bc93-6894a57f9324"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
APPRAISAL = "apr_a6cc60494d594fd6a91ea96f51049134"
VIN = "1HGCM82633A004352"
CANARY = "canary-4711"
HOSTILE = f'{CANARY}\n{{"event": "request", "forged": true}}\r\x1b[31m\x00'


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_a_request(client: httpx.AsyncClient, log: Log) -> None:
    """
    The line says what was asked, how it ended and how long it took, and how to find the rest.
    """
    started = await client.post("/v1/appraisals", files=photos())
    await client.get(
        f"/v1/appraisals/{started.json()['id']}",
        headers={"X-Request-Id": REQUEST_ID, "traceparent": TRACEPARENT},
    )

    post, get = log.requests
    assert (post["method"], post["route"]) == ("POST", "/v1/appraisals")
    assert post["status"] == started.status_code
    assert post["bytes_in"] == int(started.request.headers["content-length"])
    assert post["duration_ms"] > 0
    assert UUID(post["request_id"])
    assert "trace_id" not in post
    assert (get["method"], get["route"]) == ("GET", "/v1/appraisals/{appraisal_id}")
    assert (get["status"], get["bytes_in"]) == (200, 0)
    assert (get["request_id"], get["trace_id"]) == (REQUEST_ID, TRACE)
    assert get["appraisal_id"] == started.json()["id"]
    assert (get["level"], get["logger"]) == ("info", "carvalue.web.request_log")


async def test_hostile_requests(client: httpx.AsyncClient, log: Log) -> None:
    """
    Nothing that the caller writes gets into the log, so nothing there can be forged.
    """
    raw = HOSTILE.encode()
    quoted = "".join(f"%{byte:02x}" for byte in raw)
    asked = [
        await client.get(f"/{quoted}"),
        await client.get(f"/v1/appraisals/{quoted}"),
        await client.get(f"/v1/appraisals?{quoted}"),
        await client.get(f"/v1/catalog/makes/{quoted}/models"),
        await client.get("/healthz", headers={b"User-Agent": raw}),
        await client.get("/healthz", headers={b"X-Request-Id": raw}),
        await client.get("/healthz", headers={b"traceparent": raw}),
        await client.get("/healthz", headers={"Host": CANARY}),
        await client.get("/healthz", headers={"Authorization": f"Bearer {CANARY}"}),
        await client.post("/v1/appraisals", files=photos(name=HOSTILE)),
        await client.post("/v1/appraisals", files=photos(), data={"client_reference": HOSTILE}),
        await client.post("/v1/appraisals", content=raw, headers={"Content-Type": CANARY}),
        await client.request(CANARY, "/healthz"),
    ]

    assert len(log.requests) == len(asked)
    assert CANARY not in log.text
    assert "forged" not in log.text


async def test_no_vin(client: httpx.AsyncClient, log: Log, metrics: Metrics) -> None:
    """
    A VIN stands neither in the log nor in the metrics, wherever the caller writes it.
    """
    await client.post("/v1/appraisals", files=photos(), data={"vin": VIN})
    await client.get(f"/v1/appraisals/{VIN}")
    await client.get(f"/{VIN}?vin={VIN}")

    assert len(log.requests) == 3
    assert VIN not in log.text
    assert not any(
        VIN in str(sample) for metric in metrics.registry.collect() for sample in metric.samples
    )


async def test_the_log_of_a_request(client: httpx.AsyncClient, log: Log) -> None:
    """
    What is logged on the way, by whomever, tells the same request and appraisal as its line.
    """
    id = (await client.post("/v1/appraisals", files=photos())).json()["id"]
    await client.put("/mocks/scenarios/specs_api", json={"scenario": "nonsense"})
    car = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
    await client.put(f"/v1/appraisals/{id}/car", json=car, headers={"X-Request-Id": REQUEST_ID})

    (warning,) = [one for one in log.records if one["logger"] == "carvalue.providers.http"]
    assert "specs_api failed: ProviderAnswerUnreadable" in warning["event"]
    assert (warning["request_id"], warning["appraisal_id"]) == (REQUEST_ID, id)
    assert log.requests[-1]["appraisal_id"] == id


async def test_the_log_of_the_work(client: httpx.AsyncClient, log: Log) -> None:
    """
    Work that a request has begun tells that request and the appraisal, which the request could
    not name yet.
    """
    await client.put("/mocks/scenarios/imagga", json={"scenario": "nonsense"})
    headers = {"X-Request-Id": REQUEST_ID}
    id = (await client.post("/v1/appraisals", files=photos(), headers=headers)).json()["id"]

    warnings = [one for one in log.records if one["logger"] == "carvalue.providers.http"]
    assert warnings
    assert {one["appraisal_id"] for one in warnings} == {id}
    assert {one["request_id"] for one in warnings} == {REQUEST_ID}


async def test_a_bug(log: Log) -> None:
    """
    Our own mistake can be found by the id that the caller was shown.
    """
    async with client_of(
        create_api(open_to_all=True)
    ) as client:  # nothing is open, so nothing works
        answer = await client.get("/v1/appraisals", headers={"X-Request-Id": REQUEST_ID})

    assert answer.status_code == 500
    (request,) = log.requests
    assert (request["status"], request["level"]) == (500, "warning")
    (error,) = [one for one in log.records if one["level"] == "error"]
    assert error["request_id"] == REQUEST_ID
    assert error["exception"][0]["exc_type"] == "AttributeError"


async def test_requests_at_once(log: Log) -> None:
    """
    Requests that are under way at the same time are not mixed up.
    """
    app = create_api(open_to_all=True)
    everybody_is_here = asyncio.Barrier(5)

    @app.get("/pause/{appraisal_id}")
    async def pause(appraisal_id: str) -> None:
        await everybody_is_here.wait()
        logging.getLogger("tests.pause").info(appraisal_id)

    ids = [f"apr_{number:032x}" for number in range(5)]
    async with client_of(app) as client:
        await asyncio.gather(*(client.get(f"/pause/{id}") for id in ids))

    told = {one["event"]: one for one in log.records if one["logger"] == "tests.pause"}
    lines = {one["appraisal_id"]: one for one in log.requests}
    assert told.keys() == lines.keys() == set(ids)
    for id in ids:
        assert told[id]["appraisal_id"] == id
        assert told[id]["request_id"] == lines[id]["request_id"]
    assert len({one["request_id"] for one in lines.values()}) == 5


async def test_a_request_that_is_given_up(log: Log) -> None:
    """
    A request that is cancelled has its line too, and counts as none of our failures.
    """
    app = create_api(open_to_all=True)
    arrived = asyncio.Event()

    @app.get("/for/ever")
    async def wait() -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with client_of(app) as client:
        asking = asyncio.create_task(client.get("/for/ever"))
        await arrived.wait()
        asking.cancel()
        await asyncio.wait({asking})

    (request,) = log.requests
    assert (request["route"], request["status"], request["level"]) == ("/for/ever", 499, "info")


async def test_mounted_apps(client: httpx.AsyncClient, log: Log) -> None:
    """
    A route of another app has its template below where that app is mounted.
    """
    await client.get("/mocks/scenarios")
    await client.get(f"/mocks/{CANARY}")

    assert [one["route"] for one in log.requests] == ["/mocks/scenarios", "unknown"]


async def test_nobody_observes() -> None:
    """
    Without observers nobody is told, and after a request nobody is told any more.
    """
    seen: list[object] = []
    async with client_of(create_api(open_to_all=True, observers=(seen.append,))) as client:
        await client.get("/healthz")
    async with client_of(create_api(open_to_all=True)) as client:
        await client.get("/healthz")
    tell(RequestAnswered("GET", "/healthz", 200, 0.1))

    assert len(seen) == 1


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (TRACEPARENT, TRACE),
        (f"{TRACEPARENT}-what-comes-later", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01", TRACE),
        ("", None),
        (TRACEPARENT.upper(), None),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-00f067aa0ba902b7", None),
        (f"00-{TRACE}x-00f067aa0ba902b7-01", None),
        (f" {TRACEPARENT}", None),
        (f"{TRACEPARENT}\n", None),
        ("00-" + "é" * 32 + "-00f067aa0ba902b7-01", None),
    ],
)
def test_the_trace_of_the_caller(traceparent: str, trace_id: str | None) -> None:
    assert trace_id_in(traceparent) == trace_id
