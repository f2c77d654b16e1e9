"""Applications that answer as OpenAI-compatible servers do, and a real server to run them."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from guardrail.adapters.asgi import GuardMiddleware
from guardrail.adapters.asgi_http import App, Receive, Scope, Send
from guardrail.guard import Guard
from guardrail.testing import neutral_png
from guardrail.testing.fakes import MemoryLog

CHAT = "/v1/chat/completions"
PICTURE = base64.b64encode(neutral_png())


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode()


def completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**head, "choices": [choice]}).encode()


@dataclass
class Chat:
    """A chat application in plain ASGI. text: what it says; None: what it was told.

    seen: bodies as they came. sent: pieces of streams that were taken. hung_up: its clients that
    left.
    """

    text: str | None = None
    pieces: int = 0
    seen: list[bytes] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    sent: int = 0
    hung_up: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        self.scopes.append(scope)
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.seen.append(body)
        if "/images/" in scope["path"]:
            await reply(send, b'{"created": 1, "data": [{"b64_json": "%s"}]}' % PICTURE)
            return
        asked: dict[str, Any] = json.loads(body) if scope["method"] == "POST" else {}
        text = self.text if self.text is not None else _last(asked)
        if asked.get("stream"):
            await self._stream(send, text)
        else:
            await reply(send, completion(text))

    async def _stream(self, send: Send, text: str) -> None:
        await begin(send, "text/event-stream")
        pieces = [text] * self.pieces if self.pieces else [f"{word} " for word in text.split()]
        try:
            for piece in pieces:
                await more_body(send, event(piece))
                self.sent += 1
        except OSError:
            self.hung_up.set()
            raise
        await more_body(send, event("", "stop") + b"data: [DONE]\n\n")
        await end(send)


def _last(asked: dict[str, Any]) -> str:
    return str(asked["messages"][-1]["content"]) if asked.get("messages") else ""


async def lifespan(receive: Receive, send: Send) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


async def begin(send: Send, kind: str, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    pairs = [(b"content-type", kind.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def more_body(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def end(send: Send, data: bytes = b"") -> None:
    await send({"type": "http.response.body", "body": data})


async def reply(send: Send, body: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    await begin(send, "application/json", *headers, status=status)
    await end(send, body)


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def guarded(app: App, loaded: Guard, log: MemoryLog, **settings: Any) -> GuardMiddleware:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    return GuardMiddleware(app, guard=guard, **settings)


def within(app: App, **settings: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, **settings)
    return httpx.AsyncClient(transport=transport, base_url="http://app")


@contextmanager
def served(app: App, *, buffer: int = 0) -> Iterator[int]:
    """Run an application under uvicorn on the loopback; its port.

    buffer: bytes the kernel may hold of what is sent.
    """
    listener = socket.socket()
    if buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        for _ in range(3_000):
            if server.started or not thread.is_alive():
                break
            time.sleep(0.01)
        assert server.started, "the server did not start"
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
