"""The contract of a codec: one route of one protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.sse import Event
from guardrail.errors import InputError, RequestStopped
from guardrail.readers import StreamReader
from guardrail.records import Operation, Output, Request


class BadCall(InputError):
    """A call that is no valid one; `status` and `code` are what its client is told."""

    def __init__(self, message: str, *, status: int = 400, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks.

    request: without caller and conversation, which no client may name.
    streams: whether the reply is asked for as a stream of events.
    """

    request: Request
    streams: bool = False


class Dialect(Protocol):
    """How one protocol's clients are told that something went wrong."""

    def stopped(self, stopped: RequestStopped) -> Reply:
        """The reply to a refused or gated request."""
        ...

    def failed(self, status: int, code: str, message: str) -> Reply:
        """The reply to a call that failed for another reason; `message` is for its developer."""
        ...

    def broken(self, code: str, message: str) -> bytes:
        """The last event of a stream that failed half-way."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One route of one protocol; all of it pure.

    name: such as `openai.chat`.
    operation: what a call is logged as when it cannot even be read.
    read: turns a call into what it asks; the second argument is the largest picture, in bytes.
        Raises InputError when the call is no valid one; what merely cannot be screened is noted
        in the request's `problem`.
    output: reads a whole reply; raises ValueError for one of another shape.
    reader: makes a reader of one stream's events; None where the route does not stream.
    """

    name: str
    operation: Operation
    dialect: Dialect
    read: Callable[[Call, int], Asked]
    output: Callable[[Reply], Output]
    reader: Callable[[], StreamReader[Event]] | None = None
