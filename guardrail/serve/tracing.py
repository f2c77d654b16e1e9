"""OpenTelemetry: a span for each call and one for each upstream's part of it; no text in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail import __version__
from guardrail.serve.extras import module

if TYPE_CHECKING:
    from guardrail.adapters.wire.http import Call
    from guardrail.serve.record import Record

_ASKED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Tracing:
    """What spans are made with. provider: an SDK's TracerProvider."""

    provider: Any
    tracer: Any
    api: Any
    propagator: Any

    @classmethod
    def over(cls, provider: Any) -> Tracing:
        """Spans go to a provider."""
        api = module("opentelemetry.trace", "otel")
        carrier = module("opentelemetry.trace.propagation.tracecontext", "otel")
        tracer = provider.get_tracer("guardrail.serve", __version__)
        return cls(provider, tracer, api, carrier.TraceContextTextMapPropagator())

    @contextmanager
    def call(self, call: Call, record: Record) -> Iterator[None]:
        """A span for a call; what `record` knows at its end becomes its attributes."""
        carrier = {name: value for name, value in call.headers if name in _CARRIED}
        parent = self.propagator.extract(carrier)
        kind = self.api.SpanKind.SERVER
        with self.tracer.start_as_current_span(
            call.method, context=parent, kind=kind, record_exception=False
        ) as span:
            try:
                yield
            finally:
                self._tell(span, call, record)

    def outgoing(self) -> list[tuple[str, str]]:
        """The headers by which an upstream joins the trace."""
        carrier: dict[str, str] = {}
        self.propagator.inject(carrier)
        return list(carrier.items())

    def shutdown(self) -> None:
        """Send what is waiting."""
        self.provider.shutdown()

    def _tell(self, span: Any, call: Call, record: Record) -> None:
        span.update_name(f"{call.method} {record.path or 'unknown'}")
        told = {
            "http.request.method": call.method,
            "http.route": record.path,
            "http.response.status_code": record.status,
            "guardrail.route": record.route,
            "guardrail.attempt": record.attempt,
            "guardrail.decision": record.decision,
            "guardrail.reason": record.reason,
            "guardrail.outcome": record.outcome,
            "guardrail.upstream": record.upstream_name,
            "guardrail.upstream_seconds": round(record.upstream, 6),
            "error.type": record.error,
        }
        span.set_attributes({name: value for name, value in told.items() if value not in ("", 0)})
        if record.status >= _SERVER_ERROR:
            span.set_status(self.api.StatusCode.ERROR)


_CARRIED = ("traceparent", "tracestate")


def tracing_from_environment() -> Tracing | None:
    """Spans over OTLP where the usual variables name an endpoint; else None.

    Raises ConfigurationError where one is named and the extra is not installed.
    """
    if os.environ.get("OTEL_SDK_DISABLED") == "true" or not any(map(os.environ.get, _ASKED)):
        return None
    sdk = module("opentelemetry.sdk.trace", "otel")
    export = module("opentelemetry.sdk.trace.export", "otel")
    resources = module("opentelemetry.sdk.resources", "otel")
    otlp = module("opentelemetry.exporter.otlp.proto.http.trace_exporter", "otel")
    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "guardrail"}
    provider = sdk.TracerProvider(resource=resources.Resource.create(name))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return Tracing.over(provider)
