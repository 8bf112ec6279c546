"""
What is done with every span before it leaves. Needs OpenTelemetry's SDK.
"""

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

from carvalue.observing.redaction import Redaction


def tracer_provider(processor: SpanProcessor) -> TracerProvider:
    """Hands redacted spans to `processor`; who we are is `OTEL_SERVICE_NAME`, else carvalue."""
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "carvalue"}))
    # The app shuts it down; otherwise it would be kept until the process ends.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(_Redacting())
    provider.add_span_processor(processor)
    return provider


class _Redacting(SpanProcessor):
    """FastAPI writes down the path and the query string as they came."""

    def __init__(self) -> None:
        self._redaction = Redaction()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        attributes = span.attributes or {}
        if "url.query" in attributes:
            span.set_attribute("url.query", "[...]")
        if path := attributes.get("url.path"):
            span.set_attribute("url.path", self._redaction.text(str(path)))
