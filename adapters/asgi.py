"""ASGI applications behind the guard: OpenAI-compatible servers, FastAPI, Starlette.

from fastapi import FastAPI
from guardrail.adapters.asgi import GuardMiddleware

app = FastAPI()
app.add_middleware(GuardMiddleware, log="sqlite:///attempts.db")

or, with settings from the environment:

vllm serve MODEL --middleware guardrail.adapters.asgi.GuardMiddleware
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.adapters.asgi_app import AppBroken, Inner
from guardrail.adapters.asgi_http import (
    App,
    ClientGone,
    Intake,
    Message,
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
from guardrail.adapters.asgi_settings import (
    AskedCaller,
    AskedConversation,
    PassThrough,
    asked,
    named,
    policy_named,
)
from guardrail.adapters.service import Service, required
from guardrail.adapters.wire.codec import BadCall, Codec
from guardrail.adapters.wire.exchange import AsyncStreaming, Exchange
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.routes import UNKNOWN, Passed, is_odd
from guardrail.adapters.wire.table import known_routes
from guardrail.errors import GuardrailError
from guardrail.records import AttemptLog, Caller

if TYPE_CHECKING:
    from guardrail.guard import Guard
    from guardrail.policy import Policy

__all__ = ["GuardMiddleware"]

_NOBODY = Caller()
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008


class GuardMiddleware:
    """A pure ASGI middleware: what its application generates is screened and on record.

    policy: a shipped policy's name, a file, or a loaded Policy; None: `$GUARDRAIL_POLICY`, else
    `default`. log: where attempts are kept, a URL or a log; None: `$GUARDRAIL_LOG`, else the
    default place. guard: used instead of `policy` and `log`.
    caller, conversation: a value, or a function of the scope, plain or async, that answers from
    the application's own records; None: what `$GUARDRAIL_CALLER` and `$GUARDRAIL_CONVERSATION`
    name as `module:function`, else nobody known and no conversation.
    pass_through: paths nobody knows that are passed on unread, `/feedback` or `/files/*`; None:
    those in `$GUARDRAIL_PASS_THROUGH`, with commas between.
    max_body: bytes of a body. spool: bytes of a body that are kept in memory; a larger one goes to
    a temporary file. body_timeout: seconds in which a body must have come in whole.
    silence: seconds the application may say nothing before its call counts as failed.
    Raises ConfigurationError for settings that are none; a policy or log that cannot be opened
    fails the start-up, or the first call where the server has none.
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing an application may set
        self,
        app: App,
        policy: str | Path | Policy | None = None,
        *,
        log: str | AttemptLog | None = None,
        caller: AskedCaller | Caller | None = None,
        conversation: AskedConversation | str | None = None,
        guard: Guard | None = None,
        pass_through: Sequence[str] | None = None,
        max_body: int = 64_000_000,
        spool: int = 1_000_000,
        body_timeout: float = 60.0,
        silence: float = 600.0,
    ) -> None:
        required("python_multipart", "asgi")
        self.app = app
        self._intake = Intake(max_body, spool, body_timeout)
        self._silence = silence
        self._listed = PassThrough.of(pass_through)
        self._caller = caller or named("GUARDRAIL_CALLER") or _NOBODY
        self._conversation = conversation or named("GUARDRAIL_CONVERSATION") or ""
        self._with = policy_named(policy), log, guard
        self._routes = known_routes()
        self._opening = threading.Lock()
        self._exchange: Exchange | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._lifespan(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case other:
                raise TypeError(f"a scope of type {other!r} is not screened, so it is not served")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = call_of(scope)
        problem = misleading(call)
        target = self._routes.find(call)
        unread = problem is None and _is_unread(call, target)
        if unread or self._is_listed(scope, call, target):
            await self.app(scope, receive, send)
            return
        task = _Task(scope, call, target, problem)
        try:
            await self._guarded(task, receive, send)
        except ClientGone:
            pass
        finally:
            task.call.body.close()

    async def _guarded(self, task: _Task, receive: Receive, send: Send) -> None:
        """Take the call in, and answer it; the application is waited for in the end."""
        exchange = await self._opened()
        if task.problem is None:
            try:
                body = await read_body(task.call, receive, self._intake)
                task.call = replace(task.call, body=body)
            except BadCall as bad:
                task.problem = bad
        inner = Inner(self.app, task.scope, task.call.body, self._silence)
        try:
            await unless_gone(receive, self._answered(exchange, task, inner, send))
        finally:
            await inner.finish()

    async def _answered(self, exchange: Exchange, task: _Task, inner: Inner, send: Send) -> None:
        answer = await self._answer(exchange, task, inner)
        await write(send, answer, head=task.call.method == "HEAD")
        if task.failure is not None:
            raise task.failure

    async def _answer(
        self, exchange: Exchange, task: _Task, inner: Inner
    ) -> Reply | AsyncStreaming:
        caller, conversation = await self._claims(task)
        codec = task.codec(exchange)
        try:
            return await exchange.ahandle(
                task.call, codec, inner.start, caller=caller, conversation=conversation
            )
        except AppBroken as broken:
            return codec.dialect.failed(broken.status, broken.code, f"{broken}.")

    async def _claims(self, task: _Task) -> tuple[Caller, str]:
        """Who asks, and where; a call of which that cannot be told is refused."""
        try:
            caller = await asked(self._caller, task.scope)
            if not isinstance(caller, Caller):
                raise TypeError(f"caller: a Caller is needed, not {type(caller).__name__}")  # noqa: TRY301
            return caller, await asked(self._conversation, task.scope)
        except Exception as problem:  # noqa: BLE001  it is raised again once the call is answered
            task.failure = problem
            task.problem = BadCall(
                "Who is asking could not be told.", status=500, code="caller_unknown"
            )
            return _NOBODY, ""

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = replace(call_of(scope), method="WEBSOCKET")
        target = self._routes.find(call)
        if self._is_listed(scope, call, target):
            await self.app(scope, receive, send)
            return
        exchange = await self._opened()
        task = _Task(scope, call, target)
        caller, conversation = await self._claims(task)
        codec = task.codec(exchange)
        await exchange.ahandle(call, codec, _never, caller=caller, conversation=conversation)
        await receive()
        reason = "websockets are not screened"
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": reason})

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._opened()
        except GuardrailError as problem:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(problem)})
            raise

        async def passing(message: Message) -> None:
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                await asyncio.to_thread(self.close)
            await send(message)

        await self.app(scope, receive, passing)

    def close(self) -> None:
        """Shut the log down, if it was opened here; the next call opens it again."""
        with self._opening:
            exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.service.close()

    async def _opened(self) -> Exchange:
        if self._exchange is not None:
            return self._exchange
        return await asyncio.to_thread(self._open)

    def _open(self) -> Exchange:
        with self._opening:
            if self._exchange is None:
                policy, log, guard = self._with
                service = Service.opened(policy, log, _NOBODY, "", guard=guard)
                self._exchange = Exchange(service, self._routes)
            return self._exchange

    def _is_listed(self, scope: Scope, call: Call, target: Codec | Passed) -> bool:
        """Whether its path is to be passed on; what is screened stays screened."""
        known = isinstance(target, Codec) and target.name != UNKNOWN
        path = _routed(scope, call.path)
        return not known and not is_odd(call.path) and self._listed.holds(path)


@dataclass(slots=True)
class _Task:
    """One call on its way.

    problem: why it is refused unread. failure: what of the application's own went wrong with it.
    """

    scope: Scope
    call: Call
    target: Codec | Passed
    problem: BadCall | None = None
    failure: Exception | None = field(default=None, repr=False)

    def codec(self, exchange: Exchange) -> Codec:
        if self.problem is None and isinstance(self.target, Codec):
            return self.target
        problem = self.problem or BadCall("This call is not screened.")
        return refusing(self.target, exchange.routes.dialect(self.call), problem)


def _is_unread(call: Call, target: Codec | Passed) -> bool:
    """Whether a call generates nothing, as far as anybody knows."""
    return isinstance(target, Passed) or (call.method in _SAFE and target.name == UNKNOWN)


def _routed(scope: Scope, path: str) -> str:
    """The path as the application's own router sees it: below the one it is mounted at."""
    root = scope.get("root_path", "").rstrip("/")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


async def _never() -> Inner:
    raise TypeError("a refused call is not sent")
