"""The door of the LiteLLM proxy: whatever comes in goes through it.

1. Find the codec of the route. What generates nothing is passed on; what is unknown is refused.
2. Read the body, and hand the request to the proxy, which says at its pre-call hook who asks.
3. Guard the call: screened and on record before the hook lets it go on, screened as it comes out.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from guardrail.adapters._litellm_proxy_reading import in_the_proxy
from guardrail.adapters._litellm_proxy_routes import HARMLESS_CALLS, Unscreened
from guardrail.adapters._litellm_proxy_visit import WAY, BrokeOff, Passing, TookTooLong, Visit
from guardrail.adapters.asgi_http import (
    App,
    ClientGone,
    Intake,
    Receive,
    Scope,
    Send,
    call_of,
    misleading,
    read_body,
    refusing,
    unless_gone,
    write,
)
from guardrail.adapters.wire.codec import BadCall, Codec
from guardrail.adapters.wire.exchange import Exchange
from guardrail.adapters.wire.http import AsyncUpstream, Call, Reply
from guardrail.adapters.wire.routes import Passed
from guardrail.records import Caller

_logger = logging.getLogger("guardrail.litellm_proxy")

_UNKNOWN = "unknown"
_LOOKING = frozenset({"GET", "HEAD", "DELETE"})
_OF_ITS_OWN = 300
_NOBODY = Caller()
_HARMLESS = Passing(HARMLESS_CALLS)
_UNSCREENED = Passing(None)


@dataclass(frozen=True, slots=True)
class Door:
    """The proxy's application, behind a guard.

    caller: who a `UserAPIKeyAuth` of the proxy is. draws: whether a model of this name stands for
    one that makes pictures. ready: called before each guarded call.
    limit_s: seconds until the proxy must have answered in whole.
    """

    app: App
    exchange: Exchange
    caller: Callable[[Any], Caller]
    draws: Callable[[str], bool]
    ready: Callable[[], None]
    intake: Intake
    limit_s: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _no_socket(receive, send)
        else:
            with contextlib.suppress(ClientGone):
                await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _local(call_of(scope), scope.get("root_path", ""))
        target = self.exchange.route(call)
        if (ambiguous := misleading(call)) is not None:
            await self._refuse(call, target, ambiguous, send)
        elif isinstance(target, Passed):
            await self._pass(target, scope, receive, send)
        elif target.name == _UNKNOWN:
            await self._unknown(call, target, send)
        else:
            await self._guarded(call, target, scope, receive, send)

    async def _pass(self, target: Passed, scope: Scope, receive: Receive, send: Send) -> None:
        token = WAY.set(_UNSCREENED if isinstance(target, Unscreened) else _HARMLESS)
        try:
            await self.app(scope, receive, send)
        finally:
            WAY.reset(token)

    async def _unknown(self, call: Call, codec: Codec, send: Send) -> None:
        """Refuse a route nobody knows; where something could have been made, on record."""
        if call.method in _LOOKING:
            said = f"{call.method} on this path is not known, so it is not passed on."
            await write(send, codec.dialect.failed(404, "unguarded_operation", said))
        else:
            await self._answer(call, codec, _NOBODY, send)

    async def _refuse(
        self, call: Call, target: Codec | Passed, problem: BadCall, send: Send
    ) -> None:
        codec = refusing(target, self.exchange.routes.dialect(call), problem)
        await self._answer(call, codec, _NOBODY, send)

    async def _guarded(
        self, call: Call, codec: Codec, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            body = await read_body(call, receive, self.intake)
        except BadCall as problem:
            await self._refuse(call, codec, problem, send)
            return
        try:
            call = replace(call, body=body)
            await unless_gone(receive, self._inside(call, codec, scope, send))
        finally:
            body.close()

    async def _inside(self, call: Call, codec: Codec, scope: Scope, send: Send) -> None:
        self.ready()
        visit = Visit(self.app, scope, call.body, self.limit_s)
        try:
            await self._visited(visit, call, codec, send)
        except BaseException:
            await visit.aclose()
            raise

    async def _visited(self, visit: Visit, call: Call, codec: Codec, send: Send) -> None:
        try:
            who = await visit.who()
            own = await _own(visit) if who is None else None
        except (TookTooLong, BrokeOff) as failed:
            await visit.aclose()
            await write(send, _failed(codec, failed))
            return
        if own is None:
            await self._answer(call, in_the_proxy(codec, self.draws), self.caller(who), send, visit)
        elif own.status >= _OF_ITS_OWN:
            await write(send, own)
        else:
            _logger.critical("%s %s was answered without its hook", call.method, call.path)
            problem = BadCall("This was not screened.", status=500, code="unguarded_operation")
            await self._refuse(call, codec, problem, send)

    async def _answer(
        self, call: Call, codec: Codec, caller: Caller, send: Send, visit: Visit | None = None
    ) -> None:
        go_on: Callable[[], Awaitable[AsyncUpstream]] = visit.go_on if visit else _nothing
        try:
            answer = await self.exchange.ahandle(call, codec, go_on, caller=caller)
        except (TookTooLong, BrokeOff) as failed:
            answer = _failed(codec, failed)
        if visit is not None and isinstance(answer, Reply):
            visit.turn_away()
        if (broken := await write(send, answer)) is not None:
            _logger.error("a stream broke off: %s", type(broken).__name__)


async def _nothing() -> NoReturn:
    raise AssertionError("a refused call is not sent")


def _failed(codec: Codec, problem: TookTooLong | BrokeOff) -> Reply:
    late = isinstance(problem, TookTooLong)
    status, code = (504, "upstream_timeout") if late else (502, "upstream_error")
    return codec.dialect.failed(status, code, f"{str(problem).capitalize()}.")


async def _own(visit: Visit) -> Reply:
    """What the proxy says when no model was called: its own errors and redirections in whole."""
    if visit.status < _OF_ITS_OWN:
        await visit.aclose()
        return Reply(visit.status)
    data = b"".join([piece async for piece in visit])
    return Reply(visit.status, visit.headers, data)


async def _no_socket(receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it is accepted: what is said over it cannot be screened."""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "not screened"})


def _local(call: Call, root: str) -> Call:
    """The call with its path inside the application, as its router sees it."""
    inside = root and call.path.startswith(f"{root}/")
    return replace(call, path=call.path.removeprefix(root)) if inside else call
