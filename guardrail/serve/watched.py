"""The attempt log, watched: every entry is counted, and known to the call it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.errors import LogUnavailable
from guardrail.records import AttemptClosed, AttemptOpened, PolicyHistory, PolicyRef
from guardrail.serve.record import current

if TYPE_CHECKING:
    from guardrail.serve.metrics import Metrics


@dataclass(frozen=True, slots=True)
class WatchedLog:
    """A log in front of another. log: what `guardrail.log.open_log` gives."""

    log: Any
    metrics: Metrics

    def open(self, entry: AttemptOpened) -> None:
        """See AttemptLog."""
        self._opened(entry)
        try:
            self.log.open(entry)
        except LogUnavailable:
            self.metrics.log_failures.inc()
            raise

    async def aopen(self, entry: AttemptOpened) -> None:
        """See AsyncAttemptLog."""
        self._opened(entry)
        try:
            await self.log.aopen(entry)
        except LogUnavailable:
            self.metrics.log_failures.inc()
            raise

    def close(self, entry: AttemptClosed) -> None:
        """See AttemptLog."""
        self._closed(entry)
        try:
            self.log.close(entry)
        except LogUnavailable:
            self.metrics.log_failures.inc()
            raise

    async def aclose(self, entry: AttemptClosed) -> None:
        """See AsyncAttemptLog."""
        self._closed(entry)
        try:
            await self.log.aclose(entry)
        except LogUnavailable:
            self.metrics.log_failures.inc()
            raise

    def uses(self, policy: PolicyRef, text: Mapping[str, object]) -> None:
        """See PolicyHistory."""
        if isinstance(self.log, PolicyHistory):
            self.log.uses(policy, text)

    async def ready(self) -> None:
        """Return if an attempt opened now would be kept, or its writer process is there.

        Raises LogUnavailable, OSError.
        """
        ready = getattr(self.log, "ready", None)
        if ready is not None:
            await asyncio.to_thread(ready)
            return
        _, writer = await asyncio.open_unix_connection(self.log.location.path)
        writer.close()

    def shutdown(self) -> None:
        """Flush and close."""
        self.log.shutdown()

    def _opened(self, entry: AttemptOpened) -> None:
        if (record := current.get()) is not None:
            record.attempt = entry.id

    def _closed(self, entry: AttemptClosed) -> None:
        record = current.get()
        decision, outcome = entry.decision, entry.outcome.value
        route = "unknown"
        if record is not None:
            route = record.route
            record.decision, record.reason = decision.action.label, decision.reason
            record.outcome, record.error = outcome, entry.error or record.error
        self.metrics.attempts.labels(
            route, decision.action.label, decision.reason or "", outcome
        ).inc()
