"""uvicorn's HTTP, with an end to how large the head of a request may be, and how long it may take.

What is no HTTP at all is answered 400 in plain text: there is no protocol yet to answer it in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from guardrail.serve.extras import module

MAX_HEAD = 65_536
"""Bytes of a request's line and headers; as many again may come in before it is noticed."""
HEAD_SECONDS = 30.0
"""In which a head that was begun must have come in."""


@dataclass(slots=True)
class Head:
    """The head of the request that a connection brings next.

    refuse: told why it is not read on. open: whether it is still coming in. size: its bytes.
    """

    loop: asyncio.AbstractEventLoop
    refuse: Callable[[str], None]
    open: bool = True
    size: int = 0
    late: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A request begins."""
        self.open = True

    def take(self, count: int) -> None:
        """Bytes came in, as yet unread."""
        if self.open:
            self.size += count
            if self.late is None:
                self.late = self.loop.call_later(HEAD_SECONDS, self._be_late)

    def look(self) -> None:
        """They were read; refuse a head that is too large by now."""
        if self.open and self.size > MAX_HEAD:
            self.refuse("The head of the request is too large.")

    def end(self) -> None:
        """It is complete, or its connection is gone."""
        self.open, self.size = False, 0
        if self.late is not None:
            self.late.cancel()
            self.late = None

    def _be_late(self) -> None:
        if self.open:
            self.refuse("The head of the request did not come in, in time.")


def protocol() -> Callable[..., asyncio.Protocol]:
    """The class that uvicorn makes for each connection."""
    found: Any = module("uvicorn.protocols.http.httptools_impl", "serve")

    class Bounded(found.HttpToolsProtocol):  # type: ignore[misc]  # its module is an extra
        """Lets a connection bring no more of a head than it may have."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            self.head = Head(self.loop, self._refuse)

        def data_received(self, data: bytes) -> None:
            self.head.take(len(data))
            super().data_received(data)
            self.head.look()

        def on_message_begin(self) -> None:
            self.head.begin()
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            if self.head.size > MAX_HEAD * 2:
                raise ValueError("the head of a request is too large")
            self.head.end()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self.head.end()
            super().connection_lost(exc)

        def _refuse(self, said: str) -> None:
            """Say so, unless the reply to an earlier request is still going out."""
            if self.transport.is_closing():
                return
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response(said)
            else:
                self.transport.abort()

    return Bounded
