"""Applications with a hole each, and one without: made anew whenever they are asked for.

Their model's server is where `$OPENAI_BASE_URL` leads, their log what `$GUARDRAIL_LOG` names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import openai

from guardrail.adapters.asgi import GuardMiddleware
from guardrail.adapters.asgi_http import App, Message, Receive, Scope, Send
from guardrail.adapters.httpx import GuardTransport
from guardrail.probe.forward import Forward
from guardrail.testing.fakes import MemoryLog

Wrong = Callable[[Scope, bytes], bool]


async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
    """The model's server, unguarded."""
    origin = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
    await Forward(origin)(scope, receive, send)


@dataclass(frozen=True)
class Bypass:
    """Passes on unguarded what is `wrong`."""

    guarded: App
    wrong: Wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.guarded(scope, receive, send)
            return
        body = b"" if scope["type"] == "websocket" else await _body(receive)
        again = receive if scope["type"] == "websocket" else _again(body, receive)
        app = upstream if self.wrong(scope, body) else self.guarded
        await app(scope, again, send)


class InputsOnly:
    """Asks the guard about requests, and hands out whatever the model says."""

    def __init__(self) -> None:
        self.guarded = GuardMiddleware(_nothing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.guarded(scope, receive, send)
            return
        body = await _body(receive)
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self.guarded(scope, _again(body, receive), keep)
        if said[0]["status"] < 400:
            await upstream(scope, _again(body, receive), send)
            return
        for message in said:
            await send(message)


@dataclass(frozen=True)
class Eager:
    """Asks the model first, and then whether it may."""

    guarded: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.guarded(scope, receive, send)
            return
        body = await _body(receive)

        async def drop(message: Message) -> None:
            del message

        await upstream(scope, _again(body, receive), drop)
        await self.guarded(scope, _again(body, receive), send)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await upstream(scope, receive, send)
        return
    streams = b'"stream": true' in await _body(receive)
    kind, body = b"application/json", b'{"choices": [], "data": []}'
    if streams:
        kind, body = b"text/event-stream", b"data: [DONE]\n\n"
    headers = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _is_form(scope: Scope, body: bytes) -> bool:
    del body
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return any(bytes(kind).startswith(b"multipart/") for kind in kinds)


def _streams(scope: Scope, body: bytes) -> bool:
    return b'"stream": true' in body or "stream" in scope["path"]


def _is_unknown(scope: Scope, body: bytes) -> bool:
    del body
    path: str = scope["path"]
    return "guardrail-probe" in path


def _is_socket(scope: Scope, body: bytes) -> bool:
    del body
    return bool(scope["type"] == "websocket")


def _sdk() -> openai.OpenAI:
    return openai.OpenAI(http_client=httpx.Client(transport=GuardTransport()))


MADE: dict[str, Callable[[], Any]] = {
    "bare": lambda: upstream,
    "guarded": lambda: GuardMiddleware(upstream),
    "inputs_only": InputsOnly,
    "forgetful": lambda: GuardMiddleware(upstream, log=MemoryLog()),
    "eager": lambda: Eager(GuardMiddleware(upstream)),
    "forms": lambda: Bypass(GuardMiddleware(upstream), _is_form),
    "streams": lambda: Bypass(GuardMiddleware(upstream), _streams),
    "unknown": lambda: Bypass(GuardMiddleware(upstream), _is_unknown),
    "sockets": lambda: Bypass(GuardMiddleware(upstream), _is_socket),
    "sdk": _sdk,
    "transport": GuardTransport,
    "plain_sdk": openai.OpenAI,
    "number": lambda: 7,
}


def __getattr__(name: str) -> Any:
    if name not in MADE:
        raise AttributeError(name)
    return MADE[name]()
