"""What whoever runs a gateway asks of it: does it live, is it ready, what are its figures."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.adapters.wire.http import Call, Reply
from guardrail.errors import LogUnavailable
from guardrail.serve.openapi import document

if TYPE_CHECKING:
    from guardrail.serve.gateway import Gateway
    from guardrail.serve.watched import WatchedLog

KEPT = 1.0
"""Seconds for which an answer about readiness holds, so that probes are no load."""

PATIENCE = 2.0
"""Seconds in which the log must say that it takes entries."""

_OK, _NOT_READY = 200, 503
_TEXT = ("content-type", "text/plain; version=0.0.4; charset=utf-8")
Probe = Callable[["Gateway", Call], Awaitable[Reply]]


@dataclass(slots=True)
class Probes:
    """Their answers. upstreams: whether readiness needs them too. metrics_path: if it is there.

    metrics_token: the environment variable of the token that it asks for; empty: none.
    """

    log: WatchedLog
    upstreams: bool = False
    metrics_path: bool = False
    metrics_token: str = ""
    _state: tuple[float, str] = (float("-inf"), "")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: asyncio.Future[None] | None = None
    _document: Reply | None = None

    def find(self, call: Call) -> Probe | None:
        """The one that answers a call, if one does."""
        name = _PATHS.get(call.path)
        if name is None or call.method not in ("GET", "HEAD"):
            return None
        if name == "metrics" and not self.metrics_path:
            return None
        probe: Probe = getattr(self, name)
        return probe

    async def lives(self, gateway: Gateway, call: Call) -> Reply:
        """Always 200."""
        del gateway, call
        return Reply.of(_OK, {"status": "ok"})

    async def ready(self, gateway: Gateway, call: Call) -> Reply:
        """200 where a call made now would be served: the log takes entries."""
        del call
        if gateway.draining:
            return Reply.of(_NOT_READY, {"status": "draining"})
        async with self._lock:
            at, problem = self._state
            if time.monotonic() - at > KEPT:
                problem = await self._problem(gateway)
                self._state = time.monotonic(), problem
        policy = str(gateway.parts.exchange.service.guard.policy.ref)
        if problem:
            return Reply.of(_NOT_READY, {"status": problem, "policy": policy})
        return Reply.of(_OK, {"status": "ready", "policy": policy})

    async def metrics(self, gateway: Gateway, call: Call) -> Reply:
        """Figures for Prometheus."""
        if self.metrics_token:
            given = call.header("authorization").encode("utf-8", "surrogateescape")
            wanted = f"Bearer {os.environ[self.metrics_token]}".encode()
            if not hmac.compare_digest(given, wanted):
                return Reply(401, (("content-type", "text/plain"), ("www-authenticate", "Bearer")))
        return Reply(_OK, (_TEXT,), await asyncio.to_thread(gateway.parts.metrics.text))

    async def openapi(self, gateway: Gateway, call: Call) -> Reply:
        """What this gateway serves, as an OpenAPI 3.1 document."""
        del call
        if self._document is None:
            self._document = Reply.of(_OK, document(gateway.parts.served.rows))
        return self._document

    async def _problem(self, gateway: Gateway) -> str:
        if self._asked is None:
            self._asked = asyncio.ensure_future(self.log.ready())
        asked = self._asked
        await asyncio.wait((asked,), timeout=PATIENCE)
        if not asked.done():
            return "the attempt log does not answer"
        self._asked = None
        if isinstance(asked.exception(), (LogUnavailable, OSError)):
            return "the attempt log takes no entries"
        asked.result()
        if self.upstreams and not await gateway.parts.providers.reachable():
            return "an upstream cannot be reached"
        return ""


_PATHS = {
    "/healthz": "lives",
    "/readyz": "ready",
    "/metrics": "metrics",
    "/openapi.json": "openapi",
}
