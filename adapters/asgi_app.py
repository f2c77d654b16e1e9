"""An ASGI application as the upstream of an exchange: its reply is taken message by message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from guardrail.adapters.asgi_http import App, Message, Scope
from guardrail.adapters.wire.http import Body, Headers, joined
from guardrail.errors import GuardrailError

GRACE = 5.0
"""Seconds an application has to end once nobody listens to it."""

_CHUNK = 1 << 18
_REPLACED = frozenset({b"accept-encoding", b"content-length", b"transfer-encoding"})


class AppBroken(GuardrailError):
    """The application gave no whole reply; `status` and `code` are what its client is told."""

    def __init__(self, message: str, *, status: int = 500, code: str = "upstream_error") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Inner:
    """One call to an application, run in a task of its own; an `AsyncUpstream` once started.

    No more than one message of its reply is held: its `send` waits until that is taken.
    silence: seconds it may say nothing.
    failure: what it raised, while there was somebody to listen.
    """

    def __init__(self, app: App, scope: Scope, body: Body, silence: float) -> None:
        self.status = 0
        self.headers: Headers = ()
        self.failure: Exception | None = None
        self._app = app
        self._scope = _inner(scope, body)
        self._body: Body | None = body
        self._chunks = body.chunks(_CHUNK)
        self._silence = silence
        self._head = scope["method"] == "HEAD"
        self._task: asyncio.Task[None] | None = None
        self._held: Message | None = None
        self._ready, self._room, self._hung_up = (asyncio.Event() for _ in range(3))
        self._over = self._complete = False

    async def start(self) -> Self:
        """Run the application until its reply begins. Raises AppBroken."""
        self._task = asyncio.create_task(self._run())
        message = await self._next("http.response.start")
        self.status = message["status"]
        self.headers = [
            (bytes(name).decode("latin-1").lower(), bytes(value).decode("latin-1"))
            for name, value in message.get("headers", ())
        ]
        if (coding := joined(self.headers, "content-encoding").lower()) not in ("", "identity"):
            raise AppBroken(f"The application's reply is {coding!r}, though it was asked for plain")
        return self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body. Raises AppBroken where it is not whole, or not as long as announced."""
        length = joined(self.headers, "content-length")
        left = int(length) if length.isdecimal() and not self._head else None
        while not self._complete:
            message = await self._next("http.response.body")
            data = message.get("body", b"")
            self._complete = not message.get("more_body", False)
            if left is not None:
                left -= len(data)
                if left < 0 or (left and self._complete):
                    raise AppBroken("The application's reply is not as long as announced")
            yield data

    async def aclose(self) -> None:
        """Hang up: it finds its client gone, where it sends as where it receives."""
        self._hung_up.set()
        self._held = None
        self._room.set()

    async def finish(self) -> None:
        """Wait for the application, which may have work to do after its reply; raise its failure.

        One that was hung up on in the middle of its reply is cancelled after `GRACE` seconds.
        """
        await self.aclose()
        if (task := self._task) is None:
            return
        try:
            await asyncio.wait((task,), timeout=None if self._complete else GRACE)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
        if self.failure is not None:
            raise self.failure

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as problem:  # noqa: BLE001  it is raised again where it is waited for
            if self._complete or not self._hung_up.is_set():
                self.failure = problem
        finally:
            self._over = True
            self._ready.set()

    async def _receive(self) -> Message:
        body = self._body
        if body is None:
            await self._hung_up.wait()
            return {"type": "http.disconnect"}
        if body.file is None:
            self._body = None
            return {"type": "http.request", "body": body.data, "more_body": False}
        chunk = await asyncio.to_thread(next, self._chunks, b"")
        if not chunk:
            self._body = None
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    async def _send(self, message: Message) -> None:
        while self._held is not None:
            self._room.clear()
            await self._room.wait()
        if self._complete:
            raise RuntimeError(f"{message['type']!r} was sent after the reply was complete")
        if self._hung_up.is_set():
            raise OSError("the client hung up")
        self._held = message
        self._ready.set()

    async def _next(self, kind: str) -> Message:
        if self._held is None:
            await self._wait()
        message, self._held = self._held, None
        self._room.set()
        if message is None:
            raise AppBroken("The application ended before its reply did") from self.failure
        if message["type"] != kind:
            raise AppBroken(f"The application sent {message['type']!r} instead of {kind!r}")
        return message

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._silence):
                while self._held is None and not self._over:
                    self._ready.clear()
                    await self._ready.wait()
        except TimeoutError:
            raise AppBroken(
                f"The application said nothing for {self._silence:g} seconds",
                status=504,
                code="upstream_timeout",
            ) from None


def _inner(scope: Scope, body: Body) -> Scope:
    """The scope as the application gets it: a plain body of known length, a plain reply wanted."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in _REPLACED]
    headers.append((b"accept-encoding", b"identity"))
    if size := body.size():
        headers.append((b"content-length", b"%d" % size))
    return {**scope, "headers": headers, "extensions": {}}
