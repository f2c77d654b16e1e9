"""What one call through the exchange knows: what was asked, and how it may be answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from guardrail.adapters.wire.codec import Asked, BadCall, Codec, Dialect
from guardrail.adapters.wire.content import get
from guardrail.adapters.wire.http import (
    AsyncUpstream,
    Call,
    Headers,
    Reply,
    Upstream,
    joined,
    media_type,
)
from guardrail.adapters.wire.shown import shown as headers_shown
from guardrail.adapters.wire.sse import Event, aevents, events
from guardrail.adapters.wire.strict import answered
from guardrail.errors import GuardrailError, InputError, LogUnavailable, RequestStopped
from guardrail.readers import StreamReader
from guardrail.records import AttemptClosed, AttemptOpened, Caller, Operation, Request

T = TypeVar("T")

MAX_REPLY = 256_000_000
"""Bytes of a whole reply before it counts as broken."""

_ERRORS = 400
_BEYOND = 600
_SHOWN = 2_000
_READ = 1_000_000
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_JOINTS = re.compile(r"[_.-]+")
_REWRITTEN = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)
_OF_AN_ERROR = re.compile(r"retry-after(-ms)?|x-should-retry|x-ratelimit-.*|.*request-id|location")


class UpstreamFailed(GuardrailError):
    """The model's server answered with an error, or not as its protocol asks.

    message: what it said of it, unscreened; empty where it said nothing readable.
    code: its own code for it, if that looks like one.
    """

    def __init__(self, reply: Reply) -> None:
        odd = "" if reply.status >= _ERRORS else ", but not as it was asked to"
        super().__init__(f"the model's server answered {reply.status}{odd}")
        self.reply = reply
        try:
            error = get(answered(reply.body[:_READ].decode("utf-8")), "error")
        except ValueError:
            error = None
        said = error if isinstance(error, str) else get(error, "message")
        self.message = said[:_SHOWN] if isinstance(said, str) else ""
        code = get(error, "code") or get(error, "type") or get(error, "status")
        known = isinstance(code, str) and _IDENTIFIER.fullmatch(code)
        self.code = code if known else "upstream_error"

    @property
    def words(self) -> str:
        """What of it is shown, as a text to be screened."""
        return f"{self.message}\n{_JOINTS.sub(' ', self.code)}"


@dataclass(slots=True)
class Turn:
    """One call on its way.

    problem: why it is no valid call; None where it is one.
    status, headers: of the upstream's reply, once it is there.
    """

    codec: Codec
    request: Request
    streams: bool
    problem: BadCall | None
    max_reply: int
    status: int = 200
    headers: Headers = ()

    @classmethod
    def of(cls, call: Call, codec: Codec, image_bytes: int, max_reply: int) -> Self:
        """Read a call."""
        problem = None
        try:
            asked = codec.read(call, image_bytes)
        except InputError as bad:
            problem = bad if isinstance(bad, BadCall) else BadCall(str(bad))
            asked = Asked(Request(codec.operation, problem="this is no valid call"))
        return cls(codec, asked.request, asked.streams, problem, max_reply)

    def by(self, caller: Caller, conversation: str) -> Self:
        """The turn, with who asks and in which conversation."""
        self.request = replace(self.request, caller=caller, conversation=conversation)
        return self

    def reader(self) -> StreamReader[Event] | None:
        """A reader of the stream, where the reply is one."""
        make = self.codec.reader
        return make() if make is not None and self.streams and self.problem is None else None

    def whole(self, send: Callable[[], Upstream]) -> Reply:
        """Send the call and read the reply. Raises UpstreamFailed, BadCall, what `send` raises."""
        upstream = self._sent(send)
        data = bytearray()
        try:
            for chunk in upstream:
                self._take(data, chunk)
        finally:
            upstream.close()
        return self._whole(upstream, data)

    async def awhole(self, send: Callable[[], Awaitable[AsyncUpstream]]) -> Reply:
        """As `whole`, under asyncio."""
        upstream = await self._sent(send)
        data = bytearray()
        try:
            async for chunk in upstream:
                self._take(data, chunk)
        finally:
            await upstream.aclose()
        return self._whole(upstream, data)

    def events(self, send: Callable[[], Upstream]) -> _Events:
        """Send the call; the events of the reply. Raises as `whole`."""
        upstream = self._sent(send)
        if not _is_stream(upstream):
            raise UpstreamFailed(self.whole(lambda: upstream))
        self.status, self.headers = upstream.status, upstream.headers
        return _Events(upstream)

    async def aevents(self, send: Callable[[], Awaitable[AsyncUpstream]]) -> _AsyncEvents:
        """As `events`, under asyncio."""
        upstream = await self._sent(send)
        if not _is_stream(upstream):

            async def again() -> AsyncUpstream:
                return upstream

            raise UpstreamFailed(await self.awhole(again))
        self.status, self.headers = upstream.status, upstream.headers
        return _AsyncEvents(upstream)

    def marked(self, opened: AttemptOpened) -> Headers:
        """The reply's headers with the attempt's id and what its release owes."""
        kept = [pair for pair in headers_shown(self.headers) if pair[0].lower() not in _REWRITTEN]
        kept.append(("x-guardrail-attempt", opened.id))
        if owed := opened.decision.obligations:
            kept.append(("x-guardrail-obligations", ", ".join(owed)))
        return kept

    def released(self, reply: Reply, closed: AttemptClosed) -> Reply:
        """A reply that may be shown."""
        self.status, self.headers = reply.status, reply.headers
        opened = replace(closed.opened, decision=closed.decision)
        return Reply(reply.status, self.marked(opened), reply.body)

    def answer(self, problem: RequestStopped | LogUnavailable | InputError) -> Reply:
        """What the client is told of a call that was not made, or whose reply is not shown."""
        dialect = self.codec.dialect
        if self.problem is not None:
            return dialect.failed(self.problem.status, self.problem.code, str(self.problem))
        if isinstance(problem, RequestStopped):
            return dialect.stopped(problem)
        return dialect.failed(503, "log_unavailable", "The attempt log cannot be written to.")

    def failure(self, failed: UpstreamFailed, *, shown: bool) -> Reply:
        """The upstream's error, in as much of its own words as may be shown."""
        return told(failed, self.codec.dialect, shown=shown)

    def _sent(self, send: Callable[[], T]) -> T:
        if self.problem is not None:
            raise self.problem
        return send()

    def _take(self, data: bytearray, chunk: bytes) -> None:
        data += chunk
        if len(data) > self.max_reply:
            raise UpstreamFailed(Reply(502))

    def _whole(self, upstream: Upstream | AsyncUpstream, data: bytearray) -> Reply:
        reply = Reply(upstream.status, upstream.headers, bytes(data))
        if not 200 <= reply.status < 300 or self.reader() is not None:  # noqa: PLR2004
            raise UpstreamFailed(reply)
        return reply


@dataclass(slots=True)
class _Events:
    upstream: Upstream

    def __iter__(self) -> Iterator[Event]:
        return events(self.upstream)

    def close(self) -> None:
        self.upstream.close()


@dataclass(slots=True)
class _AsyncEvents:
    upstream: AsyncUpstream

    def __aiter__(self) -> AsyncIterator[Event]:
        return aevents(self.upstream)

    async def aclose(self) -> None:
        await self.upstream.aclose()


def told(failed: UpstreamFailed, dialect: Dialect, *, shown: bool) -> Reply:
    """An upstream's error in the words of a protocol. shown: whether its own may be."""
    reply = failed.reply
    handed = headers_shown(reply.headers)
    headers = [pair for pair in handed if _OF_AN_ERROR.fullmatch(pair[0].lower())]
    if 300 <= reply.status < _ERRORS:  # noqa: PLR2004  a redirection has nothing else to say
        return Reply(reply.status, headers)
    status = reply.status if _ERRORS <= reply.status < _BEYOND else 502
    said = failed.message if shown and failed.message else str(failed)
    code = failed.code if shown else "upstream_error"
    answer = dialect.failed(status, code, said)
    return replace(answer, headers=(*answer.headers, *headers))


def as_request(message: str) -> Request:
    """A text of the upstream's, to be screened by itself."""
    return Request.of(message, Operation.TEXT)


def _is_stream(upstream: Upstream | AsyncUpstream) -> bool:
    kind = media_type(joined(upstream.headers, "content-type"))
    return 200 <= upstream.status < 300 and kind == "text/event-stream"  # noqa: PLR2004
