"""
Traces, by OpenTelemetry's own environment variables; without them nothing is traced.

FastAPI makes the spans of requests, this file those of providers' calls. No span has a provider's
URL, a query string, or anything of a body.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, StatusCode, TracerProvider

from carvalue import __version__
from carvalue.core.observer import Event, ProviderCalled

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider

logger = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def exporting_provider(environ: Mapping[str, str]) -> "SdkTracerProvider | None":
    """
    What sends spans to where the environment says; None where it says nothing.

    Sampling, service name, headers and so on are read by the SDK. It needs the extra
    `carvalue[otel]`; without that the service runs, and says what it lacks.
    """
    if not any(environ.get(name) for name in ENDPOINTS):
        return None
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    try:
        from carvalue.observing.exporting import provider_to_collector
    except ImportError:
        logger.warning("nothing is traced: pip install 'carvalue[otel]'")
        return None
    return provider_to_collector()


class ProviderSpans:
    """Makes a span of every call to a provider, within the request that it was made for."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("carvalue", __version__)

    def __call__(self, event: Event) -> None:
        if not isinstance(event, ProviderCalled) or not event.made:
            return
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"call {event.provider}",
            kind=SpanKind.CLIENT,
            start_time=ended - round(event.seconds * 1e9),
            attributes={"carvalue.provider": event.provider, "carvalue.outcome": event.outcome},
        )
        if event.outcome != "success":
            span.set_status(StatusCode.ERROR)
        span.end(ended)
