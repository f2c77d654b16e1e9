"""How something is called: over HTTP, through a client's transport, or in process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from guardrail.adapters.wire.http import Call
from guardrail.errors import ConfigurationError, GuardrailError
from guardrail.probe.answer import Answer
from guardrail.probe.plan import Probe

MAX_ANSWER = 32_000_000
"""Bytes of an answer that are read."""

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]


class Door(Protocol):
    """Something that can be called."""

    surface: str

    def offers(self, probe: Probe) -> bool:
        """Whether it has such a route at all."""
        ...

    def says(self, probe: Probe) -> tuple[str, ...]:
        """In which ways its model can be made to say something that gets to its client."""
        ...

    def send(self, call: Call) -> Answer:
        """Call it; never raises for what it answers, or does not."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(slots=True)
class HttpDoor:
    """An HTTP server, or anything behind an httpx transport.

    root: scheme, host and what stands before the routes. limit: seconds for one call.
    """

    surface: str
    client: httpx.Client
    root: str
    limit: float

    def offers(self, probe: Probe) -> bool:
        """All of them."""
        del probe
        return True

    def says(self, probe: Probe) -> tuple[str, ...]:
        """All that the plan has."""
        return probe.says

    def send(self, call: Call) -> Answer:
        """Send it and read the answer, for `limit` seconds at most."""
        deadline = time.monotonic() + self.limit
        request = _request(self.client, self.root, call, self.limit)
        try:
            response = self.client.send(request, stream=True, follow_redirects=False)
            with contextlib.closing(response):
                if response.status_code == httpx.codes.SWITCHING_PROTOCOLS:
                    return Answer(response.status_code)
                data = bytearray()
                for chunk in response.iter_bytes():
                    data += chunk
                    if time.monotonic() > deadline or len(data) > MAX_ANSWER:
                        return Answer(0, problem=f"it did not end within {self.limit:g} seconds")
        except httpx.HTTPError as problem:
            return Answer(0, problem=_words(problem))
        return Answer(response.status_code, response.headers.multi_items(), bytes(data))

    def close(self) -> None:
        """Close the client."""
        self.client.close()


@dataclass(slots=True)
class AsyncDoor:
    """As `HttpDoor`, for clients and applications under asyncio, in a loop of their own."""

    surface: str
    make: Callable[[], httpx.AsyncClient]
    root: str
    limit: float
    app: App | None = None
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    _client: httpx.AsyncClient | None = None
    _life: _Life | None = None

    def offers(self, probe: Probe) -> bool:
        """All of them."""
        del probe
        return True

    def says(self, probe: Probe) -> tuple[str, ...]:
        """All that the plan has."""
        return probe.says

    def send(self, call: Call) -> Answer:
        """Send it and read the answer, for `limit` seconds at most."""
        try:
            return self.runner.run(self._send(call))
        except TimeoutError:
            return Answer(0, problem=f"it did not end within {self.limit:g} seconds")

    def close(self) -> None:
        """Close the client, and let the application shut down."""
        self.runner.run(self._close())
        self.runner.close()

    async def _send(self, call: Call) -> Answer:
        async with asyncio.timeout(self.limit):
            await self._started()
            if self.app is not None and call.header("upgrade") == "websocket":
                return await _socket(self.app, call)
            assert self._client is not None  # noqa: S101  `_started` made it
            request = _request(self._client, self.root, call, self.limit)
            try:
                response = await self._client.send(request, follow_redirects=False)
            except httpx.HTTPError as problem:
                return Answer(0, problem=_words(problem))
            except (TimeoutError, GuardrailError):
                raise
            except Exception as problem:  # noqa: BLE001  whatever an application raises
                return Answer(500, seen=type(problem).__name__)
            return Answer(response.status_code, response.headers.multi_items(), response.content)

    async def _started(self) -> None:
        if self._client is None:
            if self.app is not None:
                self._life = _Life(self.app)
                await self._life.begin()
            self._client = self.make()

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        if self._life is not None:
            await self._life.end()


@dataclass(slots=True)
class _Life:
    """The lifespan of an ASGI application; one that has none is left alone."""

    app: App
    _said: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    _answers: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    _task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        run = self.app(scope, self._said.get, self._answers.put)
        self._task = asyncio.ensure_future(_whole(run))
        await self._step("lifespan.startup")

    async def end(self) -> None:
        await self._step("lifespan.shutdown")

    async def _step(self, kind: str) -> None:
        if self._task is None or self._task.done():
            return
        await self._said.put({"type": kind})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait((answer, self._task), return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and answer.result()["type"] == "lifespan.startup.failed":
            raise ConfigurationError(f"it does not start: {answer.result().get('message', '')}")
        answer.cancel()


async def _whole(run: Awaitable[None]) -> None:
    with contextlib.suppress(Exception):
        await run


async def _socket(app: App, call: Call) -> Answer:
    """Ask an application for a websocket, and leave it as soon as it says anything."""
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": call.path,
        "raw_path": call.path.encode(),
        "query_string": call.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in call.headers],
        "client": ("127.0.0.1", 1),
        "server": ("app", 80),
        "subprotocols": [],
    }
    come = iter(({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}))
    sent: list[Message] = []

    async def receive() -> Message:
        return next(come, {"type": "websocket.disconnect", "code": 1001})

    async def send(message: Message) -> None:
        sent.append(message)

    await _whole(app(scope, receive, send))
    opened = any(message["type"] == "websocket.accept" for message in sent)
    return Answer(101 if opened else 403)


def _request(
    client: httpx.Client | httpx.AsyncClient, root: str, call: Call, limit: float
) -> httpx.Request:
    url = f"{root}{call.path}" + (f"?{call.query}" if call.query else "")
    body = call.body.whole() or None
    headers = list(call.headers)
    return client.build_request(call.method, url, headers=headers, content=body, timeout=limit)


def _words(problem: httpx.HTTPError) -> str:
    return f"{type(problem).__name__}: {problem}".rstrip(": ")
