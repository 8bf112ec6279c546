"""
Traces: a span for each request and for each call to a provider, and nothing private in any.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx
from fastapi import FastAPI
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carvalue.core.errors import ProviderError
from carvalue.observing.spans import tracer_provider
from carvalue.observing.tracing import ProviderSpans, exporting_provider
from carvalue.providers.http import Answer, Channel, fetch
from carvalue.web.api import create_api
from tests.observing.conftest import Log
from tests.servers import ROOT, serving

pytestmark = pytest.mark.anyio

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
VIN = "1HGCM82633A004352"
URL = "http://provider.test/path?api_key=canary-key"


class Number(Answer):
    number: int


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = tracer_provider(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


@pytest.fixture
def app(provider: TracerProvider) -> FastAPI:
    """The API, and a route that asks a provider as ours do."""
    app = create_api(
        open_to_all=True, observers=(ProviderSpans(provider),), tracer_provider=provider
    )

    @app.get("/ask/{appraisal_id}")
    async def ask(appraisal_id: str) -> int:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await fetch(Channel(http, "someone", 5.0), Number, "GET", URL, cost=1)
        return answer.number

    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def told(span: ReadableSpan) -> str:
    return f"{span.name} {dict(span.attributes or {})} {span.events} {span.status}"


async def test_a_request(
    app: FastAPI, exporter: InMemorySpanExporter, respx_mock: respx.MockRouter, log: Log
) -> None:
    """
    A provider's call is part of its request, the request of the caller's trace, and the log
    names that trace.
    """
    respx_mock.get(URL).mock(return_value=httpx.Response(200, json={"number": 1}))
    async with client_of(app) as client:
        answer = await client.get("/ask/apr_1", headers={"traceparent": TRACEPARENT})

    assert answer.json() == 1
    call, request = exporter.get_finished_spans()
    assert (request.name, call.name) == ("GET /ask/{appraisal_id}", "call someone")
    assert call.kind is SpanKind.CLIENT
    assert dict(call.attributes or {}) == {
        "carvalue.provider": "someone",
        "carvalue.outcome": "success",
    }
    assert call.parent is not None
    assert call.parent.span_id == request.context.span_id
    assert f"{request.context.trace_id:032x}" == f"{call.context.trace_id:032x}" == TRACE
    assert request.resource.attributes[SERVICE_NAME] == "carvalue"
    (line,) = log.requests
    assert (line["trace_id"], line["span_id"]) == (TRACE, f"{request.context.span_id:016x}")
    assert call.start_time is not None
    assert request.start_time is not None
    assert call.end_time is not None
    assert request.start_time <= call.start_time <= call.end_time


async def test_a_provider_that_fails(
    app: FastAPI, exporter: InMemorySpanExporter, respx_mock: respx.MockRouter
) -> None:
    respx_mock.get(URL).mock(return_value=httpx.Response(401, text="canary-answer"))
    async with client_of(app) as client:
        answer = await client.get("/ask/apr_1")

    assert answer.status_code == 502
    call = exporter.get_finished_spans()[0]
    assert call.status.status_code is StatusCode.ERROR
    assert (call.attributes or {})["carvalue.outcome"] == "refused"


async def test_nothing_private(
    app: FastAPI, exporter: InMemorySpanExporter, respx_mock: respx.MockRouter
) -> None:
    """
    No span tells a provider's key, a VIN, a query string, a header, or a word of a body.
    """
    respx_mock.get(URL).mock(return_value=httpx.Response(200, text="canary-answer"))
    async with client_of(app) as client:
        headers = {"Authorization": "Bearer canary-header", "User-Agent": "canary-agent"}
        await client.get(f"/ask/{VIN}?vin={VIN}&token=canary-query", headers=headers)
        await client.get(f"/{VIN}?canary-query", headers=headers)
        await client.post("/v1/appraisals", json={"vin": VIN, "x": "canary-body"})

    spans = exporter.get_finished_spans()
    assert len(spans) == 4
    for span in spans:
        assert "canary" not in told(span)
        assert VIN not in told(span)


async def test_a_bug_is_told_without_its_text(app: FastAPI, exporter: InMemorySpanExporter) -> None:
    @app.get("/bug")
    async def bug() -> None:
        raise ValueError("canary")

    async with client_of(app) as client:
        await client.get("/bug")

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert "canary" not in told(span)


async def test_without_a_trace(respx_mock: respx.MockRouter) -> None:
    """
    Where nothing is traced everything works as before.
    """
    respx_mock.get(URL).mock(return_value=httpx.Response(503))
    async with (
        client_of(create_api(open_to_all=True)) as client,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        assert (await client.get("/healthz")).status_code == 200
        with pytest.raises(ProviderError):
            await fetch(Channel(http, "someone", 1.0), Number, "GET", URL, cost=1)


TRACED = """
import asyncio, os
import httpx
from carvalue.observing.tracing import exporting_provider
from carvalue.web.api import create_api

async def ask():
    provider = exporting_provider(os.environ)
    transport = httpx.ASGITransport(app=create_api(open_to_all=True, tracer_provider=provider))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get("/healthz?canary=1")
    provider.shutdown()

asyncio.run(ask())
"""


def test_the_environment_says_where(tmp_path: Path) -> None:
    """
    With the standard variables alone spans arrive at a collector, under the service's name.
    """
    received: list[tuple[str, bytes]] = []

    async def collect(request: Request) -> Response:
        received.append((request.url.path, await request.body()))
        return Response(media_type="application/x-protobuf")

    collector = Starlette(routes=[Route("/v1/traces", collect, methods=["POST"])])
    with serving(collector) as address:
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_SERVICE_NAME": "carvalue-test",
            "NO_PROXY": "*",
        }
        subprocess.run(
            [sys.executable, "-c", TRACED], env=env, cwd=tmp_path, check=True, timeout=60
        )

    ((path, body),) = received
    assert path == "/v1/traces"
    assert b"GET /healthz" in body
    assert b"carvalue-test" in body
    assert b"canary" not in body


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "carvalue"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_traces_are_off(environ: dict[str, str]) -> None:
    """
    Nothing is traced unless the environment says where to.
    """
    assert exporting_provider(environ) is None
