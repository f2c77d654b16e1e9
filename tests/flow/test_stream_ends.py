"""However a stream ends, its entry is closed once and the model's server is hung up on."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from guardrail.errors import LogUnavailable
from guardrail.guard import AsyncGuard, AsyncGuardedStream, Guard
from guardrail.records import Outcome, Request
from guardrail.testing.fakes import MemoryLog
from tests.flow.conftest import Words, detectors

ASK = Request.of("write about Ann Lee")
WORDS = ["hello "] * 60


class Line:
    """A model's stream as a transport gives it: it notes how often it was hung up on."""

    def __init__(self, chunks: list[str], *, waits: bool = False) -> None:
        self._chunks = chunks
        self._waits = waits
        self.closed = 0
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __iter__(self) -> Iterator[str]:
        yield from self._chunks
        if self._waits:
            self.reached.set()
            assert self.go_on.wait(20)
            yield "more"

    async def __aiter__(self) -> AsyncIterator[str]:
        for chunk in self._chunks:
            yield chunk
        if self._waits:
            self.reached.set()
            await asyncio.Event().wait()

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def outcomes(log: MemoryLog) -> list[Outcome]:
    assert len(log.opened) == 1
    return [entry.outcome for entry in log.closed]


async def opened(line: Line, log: MemoryLog) -> AsyncGuardedStream[str]:
    async def model() -> Line:
        return line

    return await AsyncGuard(log=log, detectors=detectors()).stream(ASK, model, Words())


def test_a_stream_closed_twice() -> None:
    line, log = Line(WORDS), MemoryLog()
    stream = Guard(log=log, detectors=detectors()).stream(ASK, lambda: line, Words())
    next(stream)
    stream.close()
    stream.close()
    assert list(stream) == []
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_a_stream_closed_after_its_end() -> None:
    line, log = Line(WORDS), MemoryLog()
    with Guard(log=log, detectors=detectors()).stream(ASK, lambda: line, Words()) as stream:
        assert list(stream) == WORDS
    assert (outcomes(log), line.closed) == ([Outcome.RELEASED], 1)


def test_a_stream_dropped_half_way() -> None:
    line, log = Line(WORDS), MemoryLog()
    stream = Guard(log=log, detectors=detectors()).stream(ASK, lambda: line, Words())
    next(stream)
    del stream
    gc.collect()
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_a_stream_read_within_a_generator_that_is_closed() -> None:
    line, log = Line(WORDS), MemoryLog()

    def shown() -> Generator[str]:
        with Guard(log=log, detectors=detectors()).stream(ASK, lambda: line, Words()) as stream:
            yield from stream

    generator = shown()
    next(generator)
    generator.close()
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_a_stream_closed_by_another_thread_while_it_waits() -> None:
    line, log = Line([], waits=True), MemoryLog()
    stream = Guard(log=log, detectors=detectors()).stream(ASK, lambda: line, Words())
    shown: list[str] = []
    reading = threading.Thread(target=lambda: shown.extend(stream))
    reading.start()
    assert line.reached.wait(20)
    stream.close()
    stream.close()
    line.go_on.set()
    reading.join(20)
    assert not reading.is_alive()
    assert (shown, outcomes(log), line.closed) == ([], [Outcome.CANCELLED], 1)


def test_a_log_that_is_full_at_the_end_still_hangs_up() -> None:
    line, log = Line(WORDS), MemoryLog()
    stream = Guard(log=log, detectors=detectors()).stream(ASK, lambda: line, Words())
    next(stream)
    log.full = True
    with pytest.raises(LogUnavailable):
        stream.close()
    assert line.closed == 1


def test_an_async_stream_closed_twice() -> None:
    line, log = Line(WORDS), MemoryLog()

    async def run() -> None:
        stream = await opened(line, log)
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        assert [chunk async for chunk in stream] == []

    asyncio.run(run())
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_an_async_stream_whose_reader_is_cancelled() -> None:
    line, log = Line([], waits=True), MemoryLog()

    async def run() -> None:
        stream = await opened(line, log)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(line.reached.wait, 20)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await stream.aclose()

    asyncio.run(run())
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


@pytest.mark.parametrize("closers", [1, 2])
def test_an_async_stream_closed_by_another_task_while_it_waits(closers: int) -> None:
    line, log = Line([], waits=True), MemoryLog()

    async def read(stream: AsyncGuardedStream[str]) -> list[str]:
        shown = [chunk async for chunk in stream]
        await asyncio.sleep(0)  # the reader goes on: it was not cancelled
        return shown

    async def run() -> None:
        stream = await opened(line, log)
        reading = asyncio.ensure_future(read(stream))
        await asyncio.to_thread(line.reached.wait, 20)
        await asyncio.gather(*(stream.aclose() for _ in range(closers)))
        assert outcomes(log) == [Outcome.CANCELLED]
        assert await reading == []
        assert not reading.cancelling()

    asyncio.run(run())
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_a_reader_cancelled_while_another_task_closes_stays_cancelled() -> None:
    line, log = Line([], waits=True), MemoryLog()

    async def run() -> None:
        stream = await opened(line, log)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(line.reached.wait, 20)
        closing = asyncio.ensure_future(stream.aclose())
        await asyncio.sleep(0)
        reading.cancel()
        await closing
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(run())
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_an_async_stream_that_is_dropped_hangs_up() -> None:
    line, log = Line(WORDS), MemoryLog()

    async def run() -> None:
        stream = await opened(line, log)
        await anext(stream)
        del stream
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert (outcomes(log), line.closed) == ([Outcome.CANCELLED], 1)


def test_an_async_log_that_is_full_at_the_end_still_hangs_up() -> None:
    line, log = Line(WORDS), MemoryLog()

    async def run() -> None:
        stream = await opened(line, log)
        await anext(stream)
        log.full = True
        with pytest.raises(LogUnavailable):
            await stream.aclose()

    asyncio.run(run())
    assert line.closed == 1
