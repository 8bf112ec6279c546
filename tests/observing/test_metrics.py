"""
The metrics count what has happened, and have few series whatever is asked.
"""

from collections.abc import Iterable
from datetime import date

import httpx
import pytest

from carvalue.core.access import ProviderUsage
from carvalue.core.errors import StoreUnavailable
from carvalue.core.observer import (
    Backlog,
    Confirmed,
    DatabaseUsed,
    Decided,
    Event,
    PhotoPrepared,
    ProviderCalled,
    RequestAnswered,
    RunEnded,
    TakenOver,
    WebhookSent,
)
from carvalue.observing.exposing import Levels
from carvalue.observing.metrics import Metrics
from tests.observing.conftest import counted, photos

pytestmark = pytest.mark.anyio

USAGE = ProviderUsage(
    provider="imagga",
    calls=950,
    monthly_limit=1000,
    resets_on=date(2026, 12, 15),
    running=1,
    concurrency=2,
    circuit_open=True,
)

EVENTS: list[tuple[Event, str, dict[str, str]]] = [
    (
        RequestAnswered("GET", "/healthz", 200, 0.1),
        "carvalue_requests_total",
        {"method": "GET", "route": "/healthz", "status": "200"},
    ),
    (
        RequestAnswered("GET", "/healthz", 200, 0.1),
        "carvalue_request_seconds_count",
        {"method": "GET", "route": "/healthz"},
    ),
    (
        ProviderCalled("imagga", "timeout", 6.0),
        "carvalue_provider_calls_total",
        {"provider": "imagga", "outcome": "timeout"},
    ),
    (
        ProviderCalled("imagga", "timeout", 6.0),
        "carvalue_provider_call_seconds_count",
        {"provider": "imagga"},
    ),
    (PhotoPrepared(0.1), "carvalue_photo_preparation_seconds_count", {}),
    (Decided("accept"), "carvalue_decisions_total", {"decision": "accept"}),
    (Confirmed("catalog"), "carvalue_confirmations_total", {"source": "catalog"}),
    (
        RunEnded("categorizing", "done", 1.0),
        "carvalue_runs_total",
        {"stage": "categorizing", "outcome": "done"},
    ),
    (
        RunEnded("categorizing", "done", 1.0),
        "carvalue_run_seconds_count",
        {"stage": "categorizing"},
    ),
    (TakenOver("valuing"), "carvalue_runs_taken_over_total", {"stage": "valuing"}),
    (
        DatabaseUsed("write", failed=True, seconds=0.1),
        "carvalue_database_transactions_total",
        {"kind": "write", "outcome": "failed"},
    ),
    (
        DatabaseUsed("read", failed=False, seconds=0.1),
        "carvalue_database_transaction_seconds_count",
        {"kind": "read"},
    ),
    (WebhookSent("delivered"), "carvalue_webhook_deliveries_total", {"outcome": "delivered"}),
]


@pytest.mark.parametrize(("event", "name", "labels"), EVENTS)
async def test_an_event(metrics: Metrics, event: Event, name: str, labels: dict[str, str]) -> None:
    """
    Whatever is told is counted, once each time.
    """
    metrics(event)
    metrics(event)

    assert counted(metrics, name, **labels) == 2


def series_of(metrics: Metrics, name: str) -> set[Iterable[tuple[str, str]]]:
    """The label sets under which a metric counts."""
    return {
        frozenset(sample.labels.items())
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name == name
    }


async def test_requests(client: httpx.AsyncClient, metrics: Metrics) -> None:
    """
    Requests count by route, method and status, as they were answered.
    """
    started = await client.post("/v1/appraisals", files=photos())
    for _ in range(3):
        await client.get(f"/v1/appraisals/{started.json()['id']}")
    await client.get("/v1/appraisals/apr_none")

    route = "/v1/appraisals/{appraisal_id}"
    name = "carvalue_requests_total"
    assert counted(metrics, name, method="GET", route=route, status=200) == 3
    assert counted(metrics, name, method="GET", route=route, status=404) == 1
    labels = {"method": "POST", "route": "/v1/appraisals"}
    assert counted(metrics, name, **labels, status=started.status_code) == 1
    assert counted(metrics, "carvalue_request_seconds_count", **labels) == 1
    assert counted(metrics, "carvalue_request_seconds_sum", **labels) > 0


async def test_providers(client: httpx.AsyncClient, metrics: Metrics) -> None:
    """
    Calls to providers count through the whole service.
    """
    id = (await client.post("/v1/appraisals", files=photos())).json()["id"]
    await client.put("/mocks/scenarios/specs_api", json={"scenario": "nonsense"})
    car = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
    await client.put(f"/v1/appraisals/{id}/car", json=car)

    name = "carvalue_provider_calls_total"
    assert counted(metrics, name, provider="imagga", outcome="success") >= 2
    assert counted(metrics, name, provider="specs_api", outcome="unreadable") >= 1
    assert counted(metrics, name, provider="specs_api", outcome="success") == 0
    assert counted(metrics, "carvalue_provider_call_seconds_sum", provider="imagga") > 0


async def test_a_whole_way(client: httpx.AsyncClient, metrics: Metrics) -> None:
    """
    What an appraisal goes through counts: its photos, the decision, the stages, the user's
    choice, and every transaction.
    """
    started = (await client.post("/v1/appraisals", files=photos())).json()
    best = started["candidates"][0]
    car = {"make_id": best["make_id"], "model_id": best["model_id"], "year": 2010}
    await client.put(
        f"/v1/appraisals/{started['id']}/car",
        json=car | {"mileage": 58000, "condition": "very_good"},
    )
    other = {"make_id": "volvo", "model_id": "volvo-xc90", "year": 2010}
    await client.put(f"/v1/appraisals/{started['id']}/car", json=other)

    assert counted(metrics, "carvalue_photo_preparation_seconds_count") == 2
    decision = started["decision"]
    assert counted(metrics, "carvalue_decisions_total", decision=decision) == 1
    assert counted(metrics, "carvalue_confirmations_total", source="suggested") == 1
    assert counted(metrics, "carvalue_confirmations_total", source="catalog") == 1
    for stage in ("categorization", "specs", "valuation"):
        assert counted(metrics, "carvalue_runs_total", stage=stage, outcome="done") >= 1
    for kind in ("read", "write"):
        name = "carvalue_database_transactions_total"
        assert counted(metrics, name, kind=kind, outcome="done") > 1
        assert counted(metrics, name, kind=kind, outcome="failed") == 0


async def test_few_series(client: httpx.AsyncClient, metrics: Metrics) -> None:
    """
    Nobody can fill our memory, or Prometheus's, with paths and methods that do not exist.
    """
    for number in range(20):
        for path in (f"/{number}", f"/v1/appraisals/{number}", f"/mocks/{number}"):
            await client.get(path)
            await client.request(f"M{number}", path)

    allowed = {"/v1/appraisals/{appraisal_id}", "unknown"}
    series = [dict(one) for one in series_of(metrics, "carvalue_request_seconds_count")]
    assert {one["route"] for one in series} == allowed
    assert {one["method"] for one in series} == {"GET", "OTHER"}
    assert len(series) == 4


async def test_several_apps_count_apart(client: httpx.AsyncClient, metrics: Metrics) -> None:
    other = Metrics()
    await client.get("/healthz")

    labels = {"method": "GET", "route": "/healthz", "status": 200}
    assert counted(metrics, "carvalue_requests_total", **labels) == 1
    assert counted(other, "carvalue_requests_total", **labels) == 0


class Database:
    """A database that can be lost, and what else is read now and then."""

    def __init__(self) -> None:
        self.lost = False

    async def check(self) -> None:
        if self.lost:
            raise StoreUnavailable("Gone.")

    async def usage(self) -> dict[str, ProviderUsage]:
        return {"imagga": USAGE}

    async def backlog(self) -> Backlog:
        return Backlog(waiting=3, leased=2, oldest_waiting=12.5, oldest_lease=4.0)

    def levels(self) -> Levels:
        return Levels(self.check, self.usage, self.backlog)


async def test_levels(metrics: Metrics) -> None:
    """
    How much is used, and how much is open, is shown as it was last read.
    """
    await Database().levels().read(metrics)

    for name, value in {
        "carvalue_provider_quota_used": 950,
        "carvalue_provider_quota_limit": 1000,
        "carvalue_provider_running": 1,
        "carvalue_provider_concurrency_limit": 2,
        "carvalue_provider_circuit_open": 1,
    }.items():
        assert counted(metrics, name, provider="imagga") == value
    assert counted(metrics, "carvalue_database_up") == 1
    assert counted(metrics, "carvalue_work_waiting") == 3
    assert counted(metrics, "carvalue_work_leased") == 2
    assert counted(metrics, "carvalue_work_oldest_waiting_seconds") == 12.5
    assert counted(metrics, "carvalue_work_oldest_lease_seconds") == 4


async def test_no_limit(metrics: Metrics) -> None:
    """
    A provider without a limit shows none: 0 would mean that nothing is left.
    """
    metrics.show_usage(
        {"epa": ProviderUsage("epa", 5, None, USAGE.resets_on, 0, None, circuit_open=False)}
    )

    for name in ("carvalue_provider_quota_limit", "carvalue_provider_concurrency_limit"):
        assert metrics.registry.get_sample_value(name, {"provider": "epa"}) is None
    assert counted(metrics, "carvalue_provider_quota_used", provider="epa") == 5


async def test_the_database_is_lost_and_found(metrics: Metrics) -> None:
    """
    While the database is away the metrics say so, and what was read last still stands.
    """
    database = Database()
    await database.levels().read(metrics)
    database.lost = True
    await database.levels().read(metrics)
    assert counted(metrics, "carvalue_database_up") == 0
    assert counted(metrics, "carvalue_work_waiting") == 3

    database.lost = False
    await database.levels().read(metrics)
    assert counted(metrics, "carvalue_database_up") == 1
