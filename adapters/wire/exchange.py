"""One HTTP call through a guard, whatever carries it: the surfaces only bring the bytes.

1. Find the codec of the route; what generates nothing is passed on, what is unknown is refused.
2. Read the call. One that is no valid call is logged and refused.
3. Guard it: screened, on record, sent, and what comes back screened.
4. Say how it ended, in the words of the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from guardrail.adapters.service import Service
from guardrail.adapters.wire.codec import Codec, Dialect
from guardrail.adapters.wire.http import AsyncUpstream, Call, Headers, Reply, Upstream
from guardrail.adapters.wire.routes import Passed, Routes
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.turn import MAX_REPLY, Turn, UpstreamFailed, as_request
from guardrail.errors import InputError, LogUnavailable, RequestStopped
from guardrail.guard import AsyncGuardedStream, GuardedStream
from guardrail.records import Action, Caller

_LARGE = 1_000_000
"""Bytes of a body that is read in another thread, so that an event loop goes on meanwhile."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """A streamed reply: its events are released as they are cleared."""

    status: int
    headers: Headers
    stream: GuardedStream[Event] = field(repr=False)
    dialect: Dialect = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        """The released bytes. Raises what the upstream raises; the attempt is closed by then."""
        return map(bytes, self.stream)

    def close(self) -> None:
        """End it early: hangs up and closes the attempt."""
        self.stream.close()


@dataclass(frozen=True, slots=True)
class AsyncStreaming:
    """As `Streaming`, under asyncio."""

    status: int
    headers: Headers
    stream: AsyncGuardedStream[Event] = field(repr=False)
    dialect: Dialect = field(repr=False)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """As `Streaming.__iter__`."""
        async for event in self.stream:
            yield bytes(event)

    async def aclose(self) -> None:
        """As `Streaming.close`."""
        await self.stream.aclose()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A guard in front of HTTP.

    max_reply: bytes of a whole reply that are read at most.
    """

    service: Service
    routes: Routes
    max_reply: int = MAX_REPLY

    def route(self, call: Call) -> Codec | Passed:
        """Where a call belongs, so that a surface can pass on unread what needs no reading."""
        return self.routes.find(call)

    def handle(
        self,
        call: Call,
        codec: Codec,
        send: Callable[[], Upstream],
        *,
        caller: Caller | None = None,
        conversation: str | None = None,
    ) -> Reply | Streaming:
        """Run a call through the guard; whatever `send` raises is raised, once it is on record."""
        turn = self._by(self._read(call, codec), caller, conversation)
        guard = self.service.guard
        try:
            if (reader := turn.reader()) is not None:
                stream = guard.stream(turn.request, lambda: turn.events(send), reader)
                return Streaming(turn.status, turn.marked(stream.attempt), stream, codec.dialect)
            released = guard.run(turn.request, lambda: turn.whole(send), codec.output)
            return turn.released(released.reply, released.attempt)
        except UpstreamFailed as failed:
            screening = guard.screen(as_request(failed.words))
            return turn.failure(failed, shown=screening.decision.action is Action.ALLOW)
        except (RequestStopped, LogUnavailable, InputError) as problem:
            return turn.answer(problem)

    async def ahandle(
        self,
        call: Call,
        codec: Codec,
        send: Callable[[], Awaitable[AsyncUpstream]],
        *,
        caller: Caller | None = None,
        conversation: str | None = None,
    ) -> Reply | AsyncStreaming:
        """As `handle`, under asyncio."""
        large = call.body.size() > _LARGE
        read = await asyncio.to_thread(self._read, call, codec) if large else None
        turn = self._by(read or self._read(call, codec), caller, conversation)
        guard = self.service.aguard
        try:
            if (reader := turn.reader()) is not None:
                stream = await guard.stream(turn.request, lambda: turn.aevents(send), reader)
                headers = turn.marked(stream.attempt)
                return AsyncStreaming(turn.status, headers, stream, codec.dialect)
            released = await guard.run(turn.request, lambda: turn.awhole(send), codec.output)
            return turn.released(released.reply, released.attempt)
        except UpstreamFailed as failed:
            screening = await guard.screen(as_request(failed.words))
            return turn.failure(failed, shown=screening.decision.action is Action.ALLOW)
        except (RequestStopped, LogUnavailable, InputError) as problem:
            return turn.answer(problem)

    def _read(self, call: Call, codec: Codec) -> Turn:
        limit = self.service.guard.policy.limits.image_bytes
        return Turn.of(call, codec, limit, self.max_reply)

    def _by(self, turn: Turn, caller: Caller | None, conversation: str | None) -> Turn:
        return turn.by(self.service.who(caller), self.service.where(conversation))
