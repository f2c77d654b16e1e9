"""The gateway as an ASGI application.

1. Answer probes (`probes`).
2. Find the route; what is not served is refused.
3. Who calls? Nobody known is answered 401.
4. May they call now? Else 429.
5. Read the body, within limits.
6. Run it through the exchange, which screens it, keeps the attempt, and sends it upstream.
7. Write the answer, count it, say it in the access log.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.adapters.asgi_http import Receive, Scope, Send, call_of, write
from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.http import Call
from guardrail.serve.handling import Handling, Parts, last_words
from guardrail.serve.record import Record, current

if TYPE_CHECKING:
    from guardrail.serve.probes import Probes

_LAST_SECONDS = 5.0


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Gateway:
    """An ASGI application. draining: set when it is to end; open: calls in hand."""

    parts: Parts
    probes: Probes
    draining: bool = False
    open: int = 0
    made: int = field(default_factory=lambda: int(time.time()))
    _idle: asyncio.Event = field(default_factory=_set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See https://asgi.readthedocs.io/en/latest/specs/www.html."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = call_of(scope)
        probe = self.probes.find(call)
        if probe is not None:
            answer = await probe(self, call)
            return await last_words(write(send, answer, head=call.method == "HEAD"))
        row = self.parts.served.find(call)
        record = Record(path=row.path)
        if isinstance(row.target, Codec):
            record.route = row.target.name
        elif row.path:
            record.route = "passed"
        token = current.set(record)
        self.open += 1
        self._idle.clear()
        try:
            with self._span(call, record):
                await Handling(self, call, row, record, receive, send).run()
        finally:
            self.open -= 1
            if not self.open:
                self._idle.set()
            current.reset(token)
        return None

    def _span(self, call: Call, record: Record) -> AbstractContextManager[None]:
        tracing = self.parts.tracing
        return nullcontext() if tracing is None else tracing.call(call, record)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self.draining = True
                await self._ended()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _ended(self) -> None:
        """Wait for calls that were cut to be on record, then hang up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self._idle.wait()
        await self.parts.providers.aclose()
