"""Figures for Prometheus: of one process, or of all workers together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from guardrail.serve.extras import module

if TYPE_CHECKING:
    from guardrail.serve.record import Record

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which workers count; it must be set before prometheus_client is imported."""

_FAST = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5, 2.5)
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """What is counted. Raises ConfigurationError where prometheus_client is not installed."""

    def __init__(self) -> None:
        client: Any = module("prometheus_client", "serve")
        self._client = client
        self.registry = client.CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Any:
            return client.Counter(f"guardrail_{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, label: str, buckets: tuple[float, ...]) -> Any:
            return client.Histogram(
                f"guardrail_{name}", text, (label,), buckets=buckets, registry=self.registry
            )

        self.requests = counter("requests", "Calls answered.", "route", "status")
        self.attempts = counter(
            "attempts", "Attempts closed.", "route", "decision", "reason", "outcome"
        )
        self.turned_away = counter("turned_away", "Calls not even read.", "cause")
        self.upstream_failures = counter(
            "upstream_failures", "Calls an upstream did not answer.", "upstream", "kind"
        )
        self.log_failures = counter("log_failures", "Entries that could not be made durable.")
        self.guard = histogram(
            "guard_seconds", "Time to the answer, without the upstream's.", "route", _FAST
        )
        self.upstream = histogram(
            "upstream_seconds", "Time waited for an upstream.", "upstream", _SLOW
        )
        self.streams = client.Gauge(
            "guardrail_open_streams",
            "Streams under way.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def answered(self, record: Record, guarded: float) -> None:
        """Count an answer. guarded: seconds until it began, without the upstream's."""
        self.requests.labels(record.route, str(record.status)).inc()
        self.guard.labels(record.route).observe(guarded)
        if record.upstream_name:
            self.upstream.labels(record.upstream_name).observe(record.upstream)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them; of all workers, where there are several."""
        text: bytes = self._client.generate_latest(exposed(self.registry))
        return text


def exposed(registry: Any = None) -> Any:
    """The registry to be shown: `registry`, or one that adds up those of the workers."""
    if not os.environ.get(MULTIPROCESS):
        return registry
    client = module("prometheus_client", "serve")
    together = client.CollectorRegistry()
    module("prometheus_client.multiprocess", "serve").MultiProcessCollector(together)
    return together
