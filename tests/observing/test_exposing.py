"""
The metrics have a port of their own.
"""

import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from carvalue.app import create_app
from carvalue.core.errors import SettingsIncomplete
from carvalue.core.observer import Decided
from carvalue.observing.exposing import exposed
from carvalue.observing.metrics import Metrics
from carvalue.settings import mock_settings
from tests.servers import free_port

pytestmark = pytest.mark.anyio

HERE = "127.0.0.1"


def scraped(port: int) -> dict[str, float]:
    answer = httpx.get(f"http://{HERE}:{port}/metrics", trust_env=False)
    assert answer.status_code == 200
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_scrape() -> None:
    """
    Prometheus reads what was counted, and the port is free again afterwards.
    """
    metrics = Metrics()
    with exposed(metrics, HERE, free_port()) as port:
        metrics(Decided("ask"))
        first = scraped(port)
        metrics(Decided("ask"))
        second = scraped(port)

    assert first["carvalue_decisions_total['ask']"] == 1
    assert second["carvalue_decisions_total['ask']"] == 2
    assert first["process_resident_memory_bytes[]"] > 0
    socket.create_server((HERE, port)).close()


def test_several_processes() -> None:
    """
    Each process of a service with several takes the next port, so that all can be read.
    """
    one, other = Metrics(), Metrics()
    one(Decided("ask"))
    with exposed(one, HERE, free_port()) as port, exposed(other, HERE, port) as next_port:
        assert next_port > port
        assert "carvalue_decisions_total['ask']" in scraped(port)
        assert "carvalue_decisions_total['ask']" not in scraped(next_port)


def test_an_address_that_is_not_ours() -> None:
    with (
        pytest.raises(SettingsIncomplete, match="CARVALUE_METRICS_HOST"),
        exposed(Metrics(), "192.0.2.1", free_port()),
    ):
        pass


async def test_the_service_shows_them(tmp_path: Path) -> None:
    """
    The service shows its metrics while it runs, on their port and not on its own.
    """
    port = free_port()
    settings = mock_settings(database_url=f"sqlite:///{tmp_path}/test.db")
    app = create_app(settings.model_copy(update={"metrics_port": port}), open_to_all=True)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        assert (await client.get("/metrics")).status_code == 404
        shown = scraped(port)

    assert shown["carvalue_requests_total['404', 'GET', 'unknown']"] == 1
