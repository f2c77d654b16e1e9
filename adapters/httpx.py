"""httpx behind the guard: every SDK that takes an httpx client is screened and on record.

import httpx, openai
from guardrail.adapters.httpx import GuardTransport

transport = GuardTransport("default", log="sqlite:///attempts.db")
client = openai.OpenAI(http_client=httpx.Client(transport=transport))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from guardrail.adapters.service import Service
from guardrail.adapters.wire.exchange import AsyncStreaming, Exchange, Streaming
from guardrail.adapters.wire.http import Body, Call, Headers, Reply
from guardrail.adapters.wire.routes import Passed
from guardrail.adapters.wire.table import known_routes
from guardrail.records import AttemptLog, Caller

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.policy import Policy

__all__ = ["AsyncGuardTransport", "GuardTransport"]

_NOBODY = Caller()


class GuardTransport(httpx.BaseTransport):
    """Any httpx transport, behind a guard.

    policy: a shipped policy's name, a file, or a loaded Policy. log: where attempts are kept, a URL
    or a log; None: the default place. caller, conversation: a value, or a function that is asked at
    every call. transport: what is guarded; None: httpx's own.
    guard: used instead of `policy` and `log`.
    Raises ConfigurationError when the policy or log cannot be opened.
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)
        self._exchange = Exchange(self._service, known_routes())
        self._transport = transport or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, if it may be sent, and hand out what may be shown of the reply."""
        call = _call(request, request.read())
        target = self._exchange.route(call)
        if isinstance(target, Passed):
            return self._transport.handle_request(request)
        answer = self._exchange.handle(call, target, lambda: self._send(request))
        return _response(request, answer)

    def close(self) -> None:
        """Close the transport, and the log if it was opened here."""
        self._transport.close()
        self._service.close()

    def _send(self, request: httpx.Request) -> _Upstream:
        request.headers["accept-encoding"] = "identity"
        response = self._transport.handle_request(request)
        response.request = request
        return _Upstream(response)


class AsyncGuardTransport(httpx.AsyncBaseTransport):
    """As `GuardTransport`, for `httpx.AsyncClient`."""

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)
        self._exchange = Exchange(self._service, known_routes())
        self._transport = transport or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As `GuardTransport.handle_request`."""
        call = _call(request, await request.aread())
        target = self._exchange.route(call)
        if isinstance(target, Passed):
            return await self._transport.handle_async_request(request)
        answer = await self._exchange.ahandle(call, target, lambda: self._send(request))
        return _response(request, answer)

    async def aclose(self) -> None:
        """As `GuardTransport.close`."""
        await self._transport.aclose()
        self._service.close()

    async def _send(self, request: httpx.Request) -> _AsyncUpstream:
        request.headers["accept-encoding"] = "identity"
        response = await self._transport.handle_async_request(request)
        response.request = request
        return _AsyncUpstream(response)


@dataclass(frozen=True, slots=True)
class _Upstream:
    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> Headers:
        return self.response.headers.multi_items()

    def __iter__(self) -> Iterator[bytes]:
        return self.response.iter_bytes()

    def close(self) -> None:
        self.response.close()


@dataclass(frozen=True, slots=True)
class _AsyncUpstream:
    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> Headers:
        return self.response.headers.multi_items()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.response.aiter_bytes()

    async def aclose(self) -> None:
        await self.response.aclose()


@dataclass(slots=True)
class _Released(httpx.SyncByteStream):
    streaming: Streaming

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.streaming)

    def close(self) -> None:
        self.streaming.close()


@dataclass(slots=True)
class _AsyncReleased(httpx.AsyncByteStream):
    streaming: AsyncStreaming

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self.streaming)

    async def aclose(self) -> None:
        await self.streaming.aclose()


def _call(request: httpx.Request, body: bytes) -> Call:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    headers = request.headers.multi_items()
    return Call(request.method.upper(), path, query, headers, Body(body))


def _response(request: httpx.Request, answer: Reply | Streaming | AsyncStreaming) -> httpx.Response:
    headers = list(answer.headers)
    if isinstance(answer, Reply):
        return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)
    stream = _Released(answer) if isinstance(answer, Streaming) else _AsyncReleased(answer)
    return httpx.Response(answer.status, headers=headers, stream=stream, request=request)
