"""One request inside the LiteLLM proxy: admitted at its pre-call hook, read where it comes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from guardrail.adapters.asgi_http import App, Message, Scope
from guardrail.adapters.wire.http import Body, Headers
from guardrail.errors import GuardrailError, UnguardedOperation

_logger = logging.getLogger("guardrail.litellm_proxy")

_WAITING = 16
"""Pieces of a reply that wait for whoever reads them; the proxy itself waits then."""


_BY_ITSELF = frozenset({"asend_message", "call_mcp_tool", "mcp_call", "send_message"})
"""Kinds of call, as LiteLLM names them, that the proxy makes of a tool call of the model."""


class TookTooLong(GuardrailError):
    """The proxy did not answer in time."""


class BrokeOff(GuardrailError):
    """The proxy broke off its reply."""


class TurnedAway(GuardrailError):
    """What the pre-call hook raises for a request that may not go on."""


class Way(Protocol):
    """A way into the proxy, as its pre-call hook sees it."""

    async def admit(self, who: Any, call_type: str) -> None:
        """Let a call go on to the model. Raises TurnedAway, UnguardedOperation."""
        ...


class Passing:
    """The way of a request that is not screened.

    harmless: the kinds of call it may lead to; None: any.
    """

    def __init__(self, harmless: frozenset[str] | None) -> None:
        self._harmless = harmless

    async def admit(self, who: Any, call_type: str) -> None:
        """Let a call of such a kind go on."""
        del who
        if self._harmless is not None and call_type not in self._harmless:
            raise UnguardedOperation(f"{call_type} on this route is not screened")


_NO_WAY: Way = Passing(frozenset())
WAY: ContextVar[Way] = ContextVar("guardrail_litellm_proxy_way", default=_NO_WAY)
"""The way by which the request in hand came in; by default one that leads nowhere."""


class Visit:
    """One request on its way through the proxy, run as a task.

    limit_s: seconds from now until its reply must be there in whole.
    """

    def __init__(self, app: App, scope: Scope, body: Body, limit_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.status = 0
        self.headers: Headers = ()
        self._until = loop.time() + limit_s
        self._who: asyncio.Future[Any] = loop.create_future()
        self._may: asyncio.Future[bool] = loop.create_future()
        self._begun = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._sent = body.chunks()
        self._fed = self._over = self._unread = False
        token = WAY.set(self)
        self._task = asyncio.ensure_future(self._run(app, _inside(scope)))
        WAY.reset(token)
        _RUNNING.add(self._task)
        self._task.add_done_callback(_RUNNING.discard)

    async def admit(self, who: Any, call_type: str) -> None:
        """Wait until the request is screened and on record; called by the pre-call hook.

        What the model has the proxy do by itself is not part of what was screened.
        """
        if call_type in _BY_ITSELF:
            raise UnguardedOperation(f"{call_type} within a request is not screened")
        if self._over:
            raise TurnedAway("the request is over")
        if not self._who.done():
            self._who.set_result(who)
        if not await asyncio.shield(self._may):
            raise TurnedAway("the request was stopped")

    async def who(self) -> Any | None:
        """Who asks, once the proxy knows; None where it answered without calling a model.

        Raises TookTooLong, BrokeOff.
        """
        begun = asyncio.ensure_future(self._begun.wait())
        try:
            async with self._in_time():
                await asyncio.wait((self._who, begun), return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if self._who.done():
            return self._who.result()
        self._check()
        return None

    async def go_on(self) -> Visit:
        """Let the request go on; the reply, once it begins. Raises TookTooLong, BrokeOff."""
        if not self._may.done():
            self._may.set_result(True)
        async with self._in_time():
            await self._begun.wait()
        self._check()
        return self

    def turn_away(self) -> None:
        """Have the proxy refuse the request, for its own records; what it says of it is dropped."""
        self._unread = True
        if not self._may.done():
            self._may.set_result(False)
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The reply, piece by piece. Raises TookTooLong, BrokeOff."""
        while (piece := await self._next()) is not None:
            yield piece
        if not self._over:
            raise BrokeOff("the proxy broke off its reply")

    async def aclose(self) -> None:
        """Hang up, unless the reply is there in whole."""
        if self._over:
            return
        self.turn_away()
        self._task.cancel()
        await asyncio.wait((self._task,))

    def _check(self) -> None:
        if not self.status:
            raise BrokeOff("the proxy broke off before its reply")

    async def _next(self) -> bytes | None:
        async with self._in_time():
            return await self._pieces.get()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(self._until):
                yield
        except TimeoutError:
            raise TookTooLong("the proxy did not answer in time") from None

    async def _run(self, app: App, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            _logger.exception("the proxy failed on %s", scope["path"])
        finally:
            self._begun.set()
            if not self._over and not self._unread:
                await self._pieces.put(None)

    async def _receive(self) -> Message:
        for data in self._sent:
            return {"type": "http.request", "body": data, "more_body": True}
        if not self._fed:
            self._fed = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._unread:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message["headers"]
            ]
            self._begun.set()
        elif message["type"] == "http.response.body":
            if data := message.get("body", b""):
                await self._pieces.put(bytes(data))
            if not message.get("more_body", False):
                self._over = True
                await self._pieces.put(None)


def _inside(scope: Scope) -> Scope:
    """The scope of a request whose reply is read here: nothing compressed, nothing sent as a file.

    What is not known to be harmless of the server's extensions is not offered.
    """
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
    headers.append((b"accept-encoding", b"identity"))
    return {**scope, "headers": headers, "extensions": {}}


_RUNNING: set[asyncio.Task[None]] = set()
"""Requests the proxy is still busy with, perhaps with its own records only."""
