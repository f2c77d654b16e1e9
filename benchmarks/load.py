"""Requests for the benchmarks of servers: HTTP/1.1 over kept connections, at little cost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from call import PROMPTS

_READ = 1 << 16


@dataclass
class Times:
    """What one way of asking took. seconds: of each answered request. failed: not answered 200."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """Milliseconds that `share` of the answers took at most."""
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1e3


@dataclass(frozen=True)
class Target:
    """A server: its port, and the key it wants."""

    port: int
    key: str = "none"

    @property
    def url(self) -> str:
        """As an SDK has it."""
        return f"http://127.0.0.1:{self.port}/v1"

    def request(self, number: int, *, stream: bool = False) -> bytes:
        """One request, its prompt unlike every other."""
        prompt = f"{PROMPTS[number % len(PROMPTS)]} ({number})"
        messages = [{"role": "user", "content": prompt}]
        body = json.dumps({"model": "m", "messages": messages, "stream": stream}).encode()
        return (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            b"content-type: application/json\r\nauthorization: Bearer %b\r\n"
            b"content-length: %d\r\n\r\n%b" % (self.key.encode(), len(body), body)
        )


@asynccontextmanager
async def connected(
    target: Target,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection, closed in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(
    reader: asyncio.StreamReader, first: Callable[[], None] = lambda: None
) -> tuple[int, bytes]:
    """Status and body of the next answer; `first` is called when its body begins."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" in head:
        data = bytearray()
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            first()
            data += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return status, bytes(data)
    _, found, rest = head.partition(b"content-length:")
    return status, await reader.readexactly(int(rest.partition(b"\r\n")[0]) if found else 0)


async def closed_loop(target: Target, seconds: float, connections: int) -> Times:
    """As many requests as it answers: each connection asks again once it is answered."""
    times = Times()
    stop = time.perf_counter() + seconds
    number = iter(range(1 << 40))

    async def ask() -> None:
        async with connected(target) as (reader, writer):
            while (started := time.perf_counter()) < stop:
                writer.write(target.request(next(number)))
                status, _ = await answer(reader)
                _took(times, started, status)

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(connections)))
    times.wall = time.perf_counter() - started
    return times


async def open_loop(target: Target, seconds: float, rate: float, connections: int = 64) -> Times:
    """`rate` requests a second, whether answered or not; waiting for a connection counts."""
    times = Times()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def ask(number: int, due: float) -> None:
        reader, writer = await free.get()
        writer.write(target.request(number))
        status, _ = await answer(reader)
        free.put_nowait((reader, writer))
        _took(times, due, status)

    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", target.port))
    began = time.perf_counter()
    asked: list[asyncio.Task[None]] = []
    for number in range(int(seconds * rate)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked.append(asyncio.create_task(ask(number, due)))
    await asyncio.gather(*asked)
    times.wall = time.perf_counter() - began
    while not free.empty():
        free.get_nowait()[1].close()
    return times


@dataclass
class Streams:
    """What streams took. first: seconds to the first chunk of each; whole: to its end."""

    first: Times = field(default_factory=Times)
    whole: Times = field(default_factory=Times)


async def streams(target: Target, number: int) -> Streams:
    """So many streams at once."""
    took = Streams()

    async def ask(which: int) -> None:
        async with connected(target) as (reader, writer):
            started = time.perf_counter()
            begun: list[float] = []

            def first() -> None:
                if not begun:
                    begun.append(time.perf_counter())

            writer.write(target.request(which, stream=True))
            status, body = await answer(reader, first)
            complete = status if body.rstrip().endswith(b"[DONE]") else 0
            _took(took.whole, started, complete)
            if begun:
                took.first.seconds.append(begun[0] - started)

    began = time.perf_counter()
    await asyncio.gather(*map(ask, range(number)))
    took.whole.wall = took.first.wall = time.perf_counter() - began
    return took


def _took(times: Times, started: float, status: int) -> None:
    if status == 200:  # noqa: PLR2004
        times.seconds.append(time.perf_counter() - started)
    else:
        times.failed += 1
