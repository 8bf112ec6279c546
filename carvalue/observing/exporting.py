"""
Sends spans to a collector. Needs the extra `carvalue[otel]`.
"""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from carvalue.observing.spans import tracer_provider


def provider_to_collector() -> TracerProvider:
    """Sends spans in batches, by HTTP, to where the environment says."""
    return tracer_provider(BatchSpanProcessor(OTLPSpanExporter()))
