"""One call on its way through a gateway, and what gateways are made of."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.adapters.asgi_http import (
    ClientGone,
    Intake,
    Receive,
    Send,
    misleading,
    read_body,
    refusing,
    unless_gone,
    write,
)
from guardrail.adapters.wire.codec import Asked, BadCall, Codec, Dialect
from guardrail.adapters.wire.exchange import AsyncStreaming, Exchange
from guardrail.adapters.wire.http import AsyncUpstream, Call, Reply
from guardrail.adapters.wire.turn import UpstreamFailed, as_request
from guardrail.adapters.wire.turn import told as told_failure
from guardrail.records import Action
from guardrail.serve.access import told, write_line
from guardrail.serve.callers import Callers
from guardrail.serve.errors import BadGateway, NotServed
from guardrail.serve.limits import CannotCount, Limiter
from guardrail.serve.metrics import Metrics
from guardrail.serve.passing import passed_on
from guardrail.serve.providers import Providers, models_reply
from guardrail.serve.record import Record
from guardrail.serve.served import Row, Served

if TYPE_CHECKING:
    from guardrail.serve.gateway import Gateway
    from guardrail.serve.keys import Identity
    from guardrail.serve.tracing import Tracing

_logger = logging.getLogger(__name__)
_CLIENT_GONE = 499


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway is made of. conversation_header: believed; empty: none is.

    concurrent: calls in hand at most. access_log: whether each is said on stderr.
    """

    exchange: Exchange
    served: Served
    callers: Callers
    limiter: Limiter
    providers: Providers
    intake: Intake
    metrics: Metrics
    tracing: Tracing | None = None
    conversation_header: str = ""
    concurrent: int = 2000
    access_log: bool = True


@dataclass(slots=True)
class Handling:
    """One call on its way through a gateway."""

    gateway: Gateway
    call: Call
    row: Row
    record: Record
    receive: Receive
    send: Send
    begun: bool = False
    guarded: float = -1.0

    async def run(self) -> None:
        """Answer it; raises nothing but a cancellation that is not the gateway's own."""
        parts = self.gateway.parts
        try:
            identity = await self._admitted()
            if isinstance(identity, Reply):
                await self._write(identity)
            else:
                bad = await self._read()
                await unless_gone(self.receive, self._served(identity, bad))
        except ClientGone:
            self.record.status = self.record.status or _CLIENT_GONE
            self.record.error = self.record.error or "ClientGone"
        except asyncio.CancelledError:
            if not self.gateway.draining:
                raise
            await self._cut()
        except Exception as problem:  # noqa: BLE001  nothing that happens here is shown to a client
            _logger.error("a call failed: %s", _placed(problem))  # noqa: TRY400  a traceback may hold texts
            self.record.error = type(problem).__name__
            await self._last(500, "internal_error", "The gateway failed.")
        finally:
            self.call.body.close()
            if self.guarded < 0:
                self._began()
            parts.metrics.answered(self.record, self.guarded)
            if parts.access_log:
                write_line(told(self.record, self.call.method, self.guarded))

    async def _admitted(self) -> Identity | Reply:
        """Who calls, or what they are told who may not."""
        gateway, parts = self.gateway, self.gateway.parts
        if gateway.open > parts.concurrent:
            return self._turned_away(
                "overloaded", 503, "The gateway has too many calls in hand.", 1
            )
        identity = await parts.callers.identify(self.call)
        if identity is None:
            return self._turned_away("unauthenticated", 401, "No valid key was given.")
        self.record.key = identity.name
        try:
            wait = await parts.limiter.wait(identity)
        except CannotCount as problem:
            _logger.error("%s", problem)  # noqa: TRY400
            return self._turned_away("not_counted", 503, "Calls cannot be counted just now.", 5)
        if wait is not None:
            return self._turned_away("rate_limited", 429, "Too many calls for this key.", wait)
        return identity

    async def _served(self, identity: Identity, bad: BadCall | None) -> None:
        """Answer a call that was read. bad: what is wrong with it."""
        target = self.row.target
        if bad is not None:
            target = refusing(target, self._dialect, bad)
        try:
            if isinstance(target, Codec):
                answer = await self._guarded(target, identity)
            else:
                answer = await self._passed()
        except BadGateway as problem:
            answer = self._bad_gateway(problem)
        await self._write(answer)

    async def _read(self) -> BadCall | None:
        """Read the body; what is wrong with it, if anything."""
        if (problem := misleading(self.call)) is not None:
            return problem
        try:
            body = await read_body(self.call, self.receive, self.gateway.parts.intake)
        except BadCall as found:
            return found
        self.call = replace(self.call, body=body)
        return None

    async def _guarded(self, codec: Codec | Any, identity: Identity) -> Reply | AsyncStreaming:
        parts, record = self.gateway.parts, self.record

        def read(call: Call, limit_bytes: int) -> Asked:
            asked = codec.read(call, limit_bytes)
            record.model = asked.request.model
            return asked

        async def send() -> AsyncUpstream:
            provider = parts.providers.of_model(record.model)
            record.upstream_name = provider.settings.name
            return await provider.send(self.call, record)

        conversation = self.call.header(parts.conversation_header)[:200] or None
        return await parts.exchange.ahandle(
            self.call,
            replace(codec, read=read),
            send,
            caller=identity.caller,
            conversation=conversation,
        )

    async def _passed(self) -> Reply:
        parts, path = self.gateway.parts, self.row.path
        if path.startswith("/v1/models"):
            name = self.call.path.removeprefix("/v1/models").removeprefix("/")
            names = await parts.providers.models()
            found = models_reply(names, name or None, self.gateway.made)
            return found or self._dialect.failed(404, "model_not_found", "No such model.")
        try:
            limit = parts.exchange.max_reply
            return await passed_on(self.call, parts.providers, self.record, limit)
        except UpstreamFailed as failed:
            self._failed(failed)
            said = await parts.exchange.service.aguard.screen(as_request(failed.words))
            shown = said.decision.action is Action.ALLOW
            return told_failure(failed, self._dialect, shown=shown)

    async def _write(self, answer: Reply | AsyncStreaming) -> None:
        self.record.status = answer.status
        self._began()
        if isinstance(answer, Reply):
            await write(self._sent, answer)
            return
        metrics = self.gateway.parts.metrics
        metrics.streams.inc()
        try:
            if (problem := await write(self._sent, answer)) is not None:
                self._failed(problem)
        finally:
            metrics.streams.dec()

    async def _sent(self, message: Any) -> None:
        self.begun = True
        await self.send(message)

    def _began(self) -> None:
        self.guarded = max(0.0, time.perf_counter() - self.record.began - self.record.upstream)

    @property
    def _dialect(self) -> Dialect:
        target = self.row.target
        if isinstance(target, Codec):
            return target.dialect
        return self.gateway.parts.served.routes.dialect(self.call)

    def _turned_away(self, cause: str, status: int, message: str, wait: int = 0) -> Reply:
        codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
        self.gateway.parts.metrics.turned_away.labels(cause).inc()
        reply = self._dialect.failed(status, codes.get(status, cause), message)
        further = [("retry-after", str(wait))] if wait else []
        if status == 401:  # noqa: PLR2004
            further.append(("www-authenticate", "Bearer"))
        return replace(reply, headers=(*reply.headers, *further))

    def _bad_gateway(self, problem: BadGateway) -> Reply:
        self._failed(problem)
        return self._dialect.failed(problem.status, problem.code, str(problem))

    def _failed(self, problem: Exception) -> None:
        self.record.error = type(problem).__name__
        if isinstance(problem, BadGateway) and not isinstance(problem, NotServed):
            name = self.record.upstream_name or "none"
            metrics = self.gateway.parts.metrics
            metrics.upstream_failures.labels(name, type(problem).__name__).inc()

    async def _cut(self) -> None:
        """End a call that did not end by itself while the gateway was draining."""
        self.record.error = "Draining"
        await self._last(503, "shutting_down", "The gateway is being restarted.")

    async def _last(self, status: int, code: str, message: str) -> None:
        if not self.begun:
            self.record.status = status
            await last_words(write(self.send, self._dialect.failed(status, code, message)))
            return
        end = {"type": "http.response.body", "body": self._dialect.broken(code, message)}
        await last_words(self.send(end))


async def last_words(writing: Any) -> None:
    """Write what can still be written."""
    try:
        await writing
    except (ClientGone, OSError, RuntimeError):
        return


def _placed(problem: BaseException) -> str:
    """The kind of a problem and where it arose; its message may hold texts."""
    place = problem.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}" if place else ""
    return f"{type(problem).__name__}{where}"
