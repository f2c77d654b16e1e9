"""The transport in front of SDKs, without the library whose classes it becomes.

httpx and its fork httpx2 have the same interface and know nothing of each other; the modules
`httpx` and `httpx2` beside this one give it their classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from guardrail.adapters._sdk_bytes import AsyncReadReply, ReadBody, ReadReply
from guardrail.adapters.service import Service, required
from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.exchange import AsyncStreaming, Exchange, Streaming
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.routes import Passed
from guardrail.adapters.wire.table import known_routes
from guardrail.errors import ConfigurationError
from guardrail.records import AttemptLog, Caller

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.policy import Policy

CONNECTS = frozenset({"cert", "http1", "http2", "limits", "proxy", "verify"})
"""What an httpx client is told that is about its transport."""

NOBODY = Caller()

T = TypeVar("T")
Q = TypeVar("Q")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Library(Generic[Q, R]):
    """The classes of one library.

    extra: what brings it, and what reads forms. request: as its `Request`. response: as its
    `Response`. sync, asynchronous: its `HTTPTransport` and `AsyncHTTPTransport`. released,
    areleased: make its byte streams of a streamed reply. undecodable: its error for a reply that
    cannot be unpacked.
    """

    extra: str
    request: Callable[..., Q]
    response: Callable[..., R]
    sync: Callable[[], Any]
    asynchronous: Callable[[], Any]
    released: Callable[[Streaming], Any]
    areleased: Callable[[AsyncStreaming], Any]
    undecodable: Callable[[str], Exception]

    def again(self, request: Any, body: bytes) -> Q:
        """The same request with the body that was read, asking for a reply that is not encoded."""
        headers = request.headers.copy()
        headers["Accept-Encoding"] = "identity"
        method, url, kept = request.method, request.url, request.extensions
        return self.request(method, url, headers=headers, content=body, extensions=kept)

    def answer(self, answer: Reply | Streaming | AsyncStreaming) -> R:
        """The library's response."""
        given: dict[str, Any] = {"headers": list(answer.headers)}
        if isinstance(answer, Reply):
            given["content"] = answer.body
        elif isinstance(answer, Streaming):
            given["stream"] = self.released(answer)
        else:
            given["stream"] = self.areleased(answer)
        return self.response(answer.status, **given)


class _Guarding(Generic[Q, R]):
    """What both transports share. `_transport` is what is guarded."""

    _library: Library[Q, R]

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
        transport: Any = None,
    ) -> None:
        required("python_multipart", self._library.extra)
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)
        self._exchange = Exchange(self._service, known_routes())
        self._transport = transport if transport is not None else self._default()

    def beside(self, transport: Any) -> Self:
        """Another transport behind the same policy, log and caller, for a client's `mounts`.

        The log is closed with the first one.
        """
        service = self._service
        who, where = service.caller, service.conversation
        make = type(self)
        return make(guard=service.guard, caller=who, conversation=where, transport=transport)

    def shutdown(self) -> None:
        """Close the log if it was opened here, and leave the transport open."""
        self._service.close()

    def mounted(self, mounts: Mapping[str, Any] | None) -> dict[str, Any]:
        """A client's `mounts`, each behind this guard."""
        return {
            where: self.beside(mount) if mount is not None else None
            for where, mount in (mounts or {}).items()
        }

    def _default(self) -> Any:
        """The transport of the library's own; each of the two kinds below makes one."""
        raise NotImplementedError

    def _route(self, request: Any) -> tuple[Call, Codec | Passed]:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        call = Call(request.method.upper(), path, query, request.headers.multi_items())
        return call, self._exchange.route(call)


class SyncGuarding(_Guarding[Q, R]):
    """`GuardTransport` of any library."""

    def handle_request(self, request: Q) -> R:
        """Send one request, if it may be sent, and hand out what may be shown of the reply."""
        asked: Any = request
        call, target = self._route(asked)
        if isinstance(target, Passed):
            passed: R = self._transport.handle_request(request)
            return passed
        body = ReadBody()
        for chunk in asked.stream:
            if not body.take(chunk):
                break
        call, codec = body.of(call, target)
        again = self._library.again(request, call.body.data)
        return self._library.answer(self._exchange.handle(call, codec, lambda: self._send(again)))

    def close(self) -> None:
        """Close the transport, and the log if it was opened here."""
        self._transport.close()
        self._service.close()

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._transport.__exit__(exc_type, exc_value, traceback)
        self._service.close()

    def _default(self) -> Any:
        return self._library.sync()

    def _send(self, request: Any) -> ReadReply:
        response = self._transport.handle_request(request)
        response.request = request
        return ReadReply(response, self._library.undecodable)


class AsyncGuarding(_Guarding[Q, R]):
    """`AsyncGuardTransport` of any library."""

    async def handle_async_request(self, request: Q) -> R:
        """As `SyncGuarding.handle_request`."""
        asked: Any = request
        call, target = self._route(asked)
        if isinstance(target, Passed):
            passed: R = await self._transport.handle_async_request(request)
            return passed
        body = ReadBody()
        async for chunk in asked.stream:
            if not body.take(chunk):
                break
        call, codec = body.of(call, target)
        again = self._library.again(request, call.body.data)
        answer = await self._exchange.ahandle(call, codec, lambda: self._send(again))
        return self._library.answer(answer)

    async def aclose(self) -> None:
        """As `SyncGuarding.close`."""
        await self._transport.aclose()
        self._service.close()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(exc_type, exc_value, traceback)
        self._service.close()

    def _default(self) -> Any:
        return self._library.asynchronous()

    async def _send(self, request: Any) -> AsyncReadReply:
        response = await self._transport.handle_async_request(request)
        response.request = request
        return AsyncReadReply(response, self._library.undecodable)


def inner_transport(make: Callable[..., T], options: dict[str, Any]) -> T:
    """What a guarded client is to guard; takes what is about it out of the client's options.

    Raises ConfigurationError for a proxy beside a transport, which would leave it unused.
    """
    connects = {name: options.pop(name) for name in CONNECTS & options.keys()}
    given: T | None = options.pop("transport", None)
    if given is not None and connects.get("proxy") is not None:
        raise ConfigurationError("give the proxy to the transport, or leave the transport out")
    if "trust_env" in options:
        connects["trust_env"] = options["trust_env"]
    return make(**connects) if given is None else given
