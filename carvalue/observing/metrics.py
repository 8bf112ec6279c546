"""
The metrics, in a registry of their own: several apps in one process count apart.

Every label has few values: routes are templates, methods and statuses HTTP's, providers those of
the settings. `docs/observability.md` says what each metric is for.
"""

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)

from carvalue import __version__
from carvalue.core.access import ProviderUsage
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

MetricT = TypeVar("MetricT", Counter, Histogram)

REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 6, 8, 10, 12, 15, 20)
"""Seconds; a request may ask providers for 15 s, and the alert's promise is at 4 s."""
PROVIDER_BUCKETS = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 10, 25)
PHOTO_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3, 6)
DATABASE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Metrics:
    """Counts what it is told; `registry` is what Prometheus reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("carvalue_build", "The version that runs.", registry=self.registry).info(
            {"version": __version__}
        )
        self._requests = self._counter(
            "carvalue_requests_total", "Requests answered.", "method", "route", "status"
        )
        self._request_seconds = self._histogram(
            "carvalue_request_seconds",
            "From a request's head to its answer's end.",
            REQUEST_BUCKETS,
            "method",
            "route",
        )
        self._provider_calls = self._counter(
            "carvalue_provider_calls_total", "Calls to providers.", "provider", "outcome"
        )
        self._provider_seconds = self._histogram(
            "carvalue_provider_call_seconds",
            "What a call to a provider took, without the wait for its turn.",
            PROVIDER_BUCKETS,
            "provider",
        )
        self._photo_seconds = self._histogram(
            "carvalue_photo_preparation_seconds",
            "From an uploaded file to a photo, with the wait for a free core.",
            PHOTO_BUCKETS,
        )
        self._decisions = self._counter(
            "carvalue_decisions_total", "What was decided on the photos' answers.", "decision"
        )
        self._confirmations = self._counter(
            "carvalue_confirmations_total",
            "Confirmed cars, by who said first that it is this one.",
            "source",
        )
        self._runs = self._counter(
            "carvalue_runs_total", "Stages of work that have ended.", "stage", "outcome"
        )
        self._run_seconds = self._histogram(
            "carvalue_run_seconds", "What a stage of work took.", PROVIDER_BUCKETS, "stage"
        )
        self._taken_over = self._counter(
            "carvalue_runs_taken_over_total", "Work taken up whose process is gone.", "stage"
        )
        self._transactions = self._counter(
            "carvalue_database_transactions_total", "Transactions.", "kind", "outcome"
        )
        self._transaction_seconds = self._histogram(
            "carvalue_database_transaction_seconds",
            "What a transaction took, with the wait for its turn.",
            DATABASE_BUCKETS,
            "kind",
        )
        self._webhooks = self._counter(
            "carvalue_webhook_deliveries_total", "Attempts to deliver a webhook.", "outcome"
        )

        # Read now and then
        self._database_up = self._gauge(
            "carvalue_database_up", "Whether the database could be used when last looked at."
        )
        self._quota_used = self._gauge(
            "carvalue_provider_quota_used", "Calls counted in this month.", "provider"
        )
        self._quota_limit = self._gauge(
            "carvalue_provider_quota_limit", "Calls that a month allows.", "provider"
        )
        self._running = self._gauge(
            "carvalue_provider_running", "Calls under way in this process.", "provider"
        )
        self._concurrency = self._gauge(
            "carvalue_provider_concurrency_limit", "Calls allowed at the same time.", "provider"
        )
        self._circuit_open = self._gauge(
            "carvalue_provider_circuit_open", "Whether a provider is left alone.", "provider"
        )
        self._waiting = self._gauge("carvalue_work_waiting", "Appraisals that nobody works at.")
        self._leased = self._gauge("carvalue_work_leased", "Appraisals that are worked at.")
        self._oldest_waiting = self._gauge(
            "carvalue_work_oldest_waiting_seconds", "For how long the oldest has been waiting."
        )
        self._oldest_lease = self._gauge(
            "carvalue_work_oldest_lease_seconds", "For how long the oldest has been worked at."
        )

    def __call__(self, event: Event) -> None:
        """Count what has happened."""
        match event:
            case RequestAnswered(method, route, status, seconds):
                _child(self._requests, method, route, status).inc()
                _child(self._request_seconds, method, route).observe(seconds)
            case ProviderCalled(provider, outcome, seconds):
                _child(self._provider_calls, provider, outcome).inc()
                if event.made:
                    _child(self._provider_seconds, provider).observe(seconds)
            case PhotoPrepared(seconds):
                self._photo_seconds.observe(seconds)
            case Decided(decision):
                _child(self._decisions, decision).inc()
            case Confirmed(source):
                _child(self._confirmations, source).inc()
            case RunEnded(stage, outcome, seconds):
                _child(self._runs, stage, outcome).inc()
                _child(self._run_seconds, stage).observe(seconds)
            case TakenOver(stage):
                _child(self._taken_over, stage).inc()
            case DatabaseUsed(kind, failed, seconds):
                _child(self._transactions, kind, "failed" if failed else "done").inc()
                _child(self._transaction_seconds, kind).observe(seconds)
            case WebhookSent(outcome):
                _child(self._webhooks, outcome).inc()

    def show_database(self, *, up: bool) -> None:
        """Whether the database could be used when last looked at."""
        self._database_up.set(up)

    def show_usage(self, usages: Mapping[str, ProviderUsage]) -> None:
        """How much of each provider is used."""
        for provider, usage in usages.items():
            self._quota_used.labels(provider).set(usage.calls)
            self._running.labels(provider).set(usage.running)
            self._circuit_open.labels(provider).set(usage.circuit_open)
            _show(self._quota_limit, provider, usage.monthly_limit)
            _show(self._concurrency, provider, usage.concurrency)

    def show_backlog(self, backlog: Backlog) -> None:
        """How much work is open, and for how long."""
        self._waiting.set(backlog.waiting)
        self._leased.set(backlog.leased)
        self._oldest_waiting.set(backlog.oldest_waiting)
        self._oldest_lease.set(backlog.oldest_lease)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


@cache
def _child(metric: MetricT, *values: str) -> MetricT:
    """The one with these labels; prometheus_client takes longer to find it than to count."""
    return metric.labels(*values)


def _show(gauge: Gauge, provider: str, limit: int | None) -> None:
    """What is without a limit has none to show, not even 0."""
    if limit is not None:
        gauge.labels(provider).set(limit)
