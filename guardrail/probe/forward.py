"""An ASGI application that passes everything on to another server, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import httpx

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_OWN = frozenset({"connection", "content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Forward:
    """origin: scheme, host and port of the server."""

    origin: str

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one scope; a websocket is accepted, for there is nothing here that guards."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"].decode()
        url = f"{self.origin}{scope['path']}" + (f"?{query}" if query else "")
        headers = [
            (name.decode(), value.decode())
            for name, value in scope["headers"]
            if name not in (b"host", b"content-length", b"transfer-encoding")
        ]
        async with (
            httpx.AsyncClient(timeout=60) as client,
            client.stream(scope["method"], url, headers=headers, content=body) as reply,
        ):
            pairs = reply.headers.multi_items()
            kept = [(name.encode(), value.encode()) for name, value in pairs if name not in _OWN]
            start = {"type": "http.response.start", "status": reply.status_code, "headers": kept}
            await send(start)
            async for chunk in reply.aiter_bytes():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _live(receive: Receive, send: Send) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})
