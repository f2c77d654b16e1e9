"""The flow driven under asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from guardrail.flow import (
    CallModel,
    CloseEntry,
    Effect,
    Flow,
    NextChunk,
    OpenEntry,
    Release,
    Released,
    call_flow,
    stream_flow,
)
from guardrail.guard.driver import Driver, Steps, Which, no_model
from guardrail.readers import StreamReader
from guardrail.records import AsyncAttemptLog, AttemptOpened, Output, Request
from guardrail.screening import AskDetector, Keep, Recall, Screening

R = TypeVar("R")
C = TypeVar("C")
T = TypeVar("T")


class AsyncGuard(Driver):
    """Drives the flow under asyncio; the log's disk writes run in other threads."""

    async def screen(self, request: Request, *, facts: Which = "needed") -> Screening:
        """As `Guard.screen`."""
        steps = self._screener.request(request, everything=facts == "all")
        return (await self._run(steps, _Source(no_model))).screening

    async def call(
        self, request: Request, model: Callable[[], Awaitable[R]], read: Callable[[R], Output]
    ) -> R:
        """As `Guard.call`; a cancelled task still closes its entry."""
        return (await self.run(request, model, read)).reply

    async def run(
        self, request: Request, model: Callable[[], Awaitable[R]], read: Callable[[R], Output]
    ) -> Released[R]:
        """As `Guard.run`."""
        return await self._run(call_flow(self._screener, request, read), _Source(model))

    async def stream(
        self,
        request: Request,
        model: Callable[[], Awaitable[AsyncIterable[C]]],
        reader: StreamReader[C],
    ) -> AsyncGuardedStream[C]:
        """As `Guard.stream`."""
        flow = stream_flow(self._screener, request, reader)
        return await AsyncGuardedStream(self, flow, model).start()

    async def _run(self, steps: Steps[R], source: _Source) -> R:
        try:
            effect = next(steps)
            while True:
                effect = await self.step(steps, effect, source)
        except (_Finished, StopIteration) as end:
            result: R = end.value
            return result

    async def step(self, steps: Steps[R], effect: Effect, source: _Source) -> Effect:
        """As `Guard.step`; the end of the flow is `_Finished`, as StopIteration may not cross."""
        following: Effect
        try:
            try:
                answer = await self._perform(effect, source)
            except BaseException as problem:  # noqa: BLE001  the flow closes the entry and re-raises
                following = steps.throw(problem)
            else:
                following = steps.send(answer)
        except StopIteration as end:
            raise _Finished(end.value) from None
        return following

    @cached_property
    def _async_log(self) -> AsyncAttemptLog | None:
        return self.log if isinstance(self.log, AsyncAttemptLog) else None

    async def _perform(self, effect: Effect, source: _Source) -> Any:
        match effect:
            case Release():
                return None
            case NextChunk():
                return await source.next()
            case AskDetector(detector, document, limit):
                return await self._scanner.ascan(detector, document, limit)
            case Recall() | Keep():
                return self._conversation(effect)
            case OpenEntry(entry):
                if (log := self._async_log) is not None:
                    await log.aopen(entry)
                else:
                    await _to_the_end(self.log.open, entry)
            case CloseEntry(entry):
                if (log := self._async_log) is not None:
                    await log.aclose(entry)
                else:
                    await _to_the_end(self.log.close, entry)
            case CallModel():
                return await source.call()
        return None


class AsyncGuardedStream(Generic[C]):
    """As `GuardedStream`, under asyncio."""

    attempt: AttemptOpened

    def __init__(
        self,
        guard: AsyncGuard,
        flow: Flow[None],
        model: Callable[[], Awaitable[AsyncIterable[C]]],
    ) -> None:
        self._guard = guard
        self._flow = flow
        self._source = _Source(model)
        self._pending: Effect | None = None
        self._reading: asyncio.Task[Any] | None = None
        self._idle = asyncio.Event()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> AsyncGuardedStream[C]:
        """Screen the request, open the entry and call the model."""
        effect = next(self._flow)
        while not isinstance(effect, NextChunk):
            if isinstance(effect, OpenEntry):
                self.attempt = effect.entry
            effect = await self._guard.step(self._flow, effect, self._source)
        self._pending = effect
        self._loop = asyncio.get_running_loop()
        return self

    def __aiter__(self) -> AsyncIterator[C]:
        return self

    async def __anext__(self) -> C:
        effect, self._pending = self._pending, None
        if effect is None:
            raise StopAsyncIteration
        self._reading = asyncio.current_task()
        try:
            release = await self._advance(effect)
        except asyncio.CancelledError:
            if not self._closing or self._reading is None or self._reading.uncancel():
                raise
            raise StopAsyncIteration from None
        else:
            if self._closing and self._reading is not None:
                self._reading.uncancel()
            self._pending = release
        finally:
            self._reading = None
            self._idle.set()
        chunk: C = release.chunk
        return chunk

    async def _advance(self, effect: Effect) -> Release[C]:
        """Go on to the next chunk that may be shown."""
        try:
            effect = await self._guard.step(self._flow, effect, self._source)
            while not isinstance(effect, Release):
                effect = await self._guard.step(self._flow, effect, self._source)
        except _Finished:
            await self._source.close()
            raise StopAsyncIteration from None
        except BaseException:
            await self._source.close()
            raise
        return effect

    async def aclose(self) -> None:
        """As `GuardedStream.close`; a task that waits for a chunk finds the stream at its end."""
        if self._reading is not None:
            await self._interrupt(self._reading)
        effect, self._pending = self._pending, None
        if effect is None:
            return
        try:
            with contextlib.suppress(GeneratorExit, StopIteration, _Finished):
                effect = self._flow.throw(GeneratorExit())
                while True:
                    effect = await self._guard.step(self._flow, effect, self._source)
        finally:
            await self._source.close()

    async def _interrupt(self, reading: asyncio.Task[Any]) -> None:
        self._idle.clear()
        if not self._closing:
            self._closing = True
            reading.cancel()
        await self._idle.wait()

    async def __aenter__(self) -> AsyncGuardedStream[C]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if getattr(self, "_pending", None) is None:
            return
        try:
            with contextlib.suppress(GeneratorExit, StopIteration):
                effect = self._flow.throw(GeneratorExit())
                while isinstance(effect, CloseEntry):
                    self._guard.log.close(effect.entry)
                    effect = self._flow.send(None)
        finally:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_hang_up, self._source)


class _Finished(Exception):
    """The flow came to its end; `value` is what it returned."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Source:
    """The model behind a flow: awaited once, then asked for chunks where it streams."""

    def __init__(self, model: Callable[[], Any]) -> None:
        self._model = model
        self._reply: Any = None
        self._iterator: AsyncIterator[Any] | None = None

    async def call(self) -> Any:
        self._reply = await self._model()
        return self._reply

    async def next(self) -> list[Any]:
        if self._iterator is None:
            self._iterator = aiter(self._reply)
        async for chunk in self._iterator:
            return [chunk]
        return []

    async def close(self) -> None:
        close = getattr(self._reply, "aclose", None)
        if close is not None:
            await close()


_HANGING_UP: set[asyncio.Task[None]] = set()


def _hang_up(source: _Source) -> None:
    """Close the source of a stream that was dropped: a task of its own, as nobody awaits it."""
    task = asyncio.ensure_future(source.close())
    _HANGING_UP.add(task)
    task.add_done_callback(_hung_up)


def _hung_up(task: asyncio.Task[None]) -> None:
    _HANGING_UP.discard(task)
    if not task.cancelled():
        task.exception()


async def _to_the_end(write: Callable[[T], None], entry: T) -> None:
    """Write in a thread; a cancellation is passed on only when the write is over."""
    task = asyncio.ensure_future(asyncio.to_thread(write, entry))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
