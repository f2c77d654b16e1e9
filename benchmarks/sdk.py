"""SDK calls through the guarded transport against bare ones: same prompts, taking turns.

    python benchmarks/sdk.py [--seconds 20] [--delay 0.05]

openai's client calls a stand-in for a model's server, a process of its own that answers after
--delay seconds. The log is a real SQLite file with durable writes. Prints the medians in
milliseconds, their ratio, and the processor milliseconds of a call in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
from call import PROMPTS
from servers import Server, upstream

from guardrail.adapters.httpx import AsyncGuardTransport, GuardTransport
from guardrail.records import Caller

WARM_UP = 10
TOGETHER = 16

Ask = Callable[["Way", int], Coroutine[Any, Any, list[float]]]


@dataclass(slots=True)
class Way:
    """One way of asking. calls: seconds each took. cpu: seconds of processor time of them all."""

    client: Any
    calls: list[float] = field(default_factory=list)
    cpu: float = 0.0

    @property
    def median(self) -> float:
        """Milliseconds of a call."""
        return statistics.median(self.calls) * 1e3

    @property
    def processor(self) -> float:
        """Processor milliseconds of a call."""
        return self.cpu / len(self.calls) * 1e3


def asked(number: int, *, stream: bool) -> dict[str, Any]:
    """A call's arguments, its prompt unlike every other."""
    prompt = f"{PROMPTS[number % len(PROMPTS)]} ({number})"
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": prompt}]}


def call(client: Any, arguments: dict[str, Any]) -> float:
    """Seconds that one call took, to the end of its stream."""
    started = time.perf_counter()
    reply = client.chat.completions.create(**arguments)
    if arguments["stream"]:
        for _ in reply:
            pass
    return time.perf_counter() - started


async def acall(client: Any, arguments: dict[str, Any]) -> float:
    """As `call`, under asyncio."""
    started = time.perf_counter()
    reply = await client.chat.completions.create(**arguments)
    if arguments["stream"]:
        async for _ in reply:
            pass
    return time.perf_counter() - started


def turns(ways: list[Way], seconds: float, ask: Callable[[Way, int], list[float]]) -> None:
    """Every way in turn, for so many seconds."""
    for number in range(-WARM_UP, 0):
        for way in ways:
            ask(way, number)
    number, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        for way in ways if number % 2 else reversed(ways):
            began = time.process_time()
            way.calls += ask(way, number * TOGETHER)
            way.cpu += time.process_time() - began
        number += 1


def shown(name: str, bare: Way, guarded: Way) -> None:
    """One line."""
    more = guarded.processor - bare.processor
    print(
        f"{name:28}{len(bare.calls):>7}{bare.median:>10.2f}{guarded.median:>10.2f}"
        f"{guarded.median / bare.median:>8.3f}{more:>10.2f}",
        flush=True,
    )


def plain(behind: Server, log: str, seconds: float) -> None:
    """With openai's client."""
    address: dict[str, Any] = {"base_url": behind.target.url, "api_key": "none"}
    guard = httpx.Client(transport=GuardTransport("default", log=log, caller=Caller("bench")))
    with openai.OpenAI(**address) as bare, openai.OpenAI(**address, http_client=guard) as guarded:
        for stream in (False, True):
            ways = [Way(bare), Way(guarded)]

            def once(way: Way, number: int, stream: bool = stream) -> list[float]:
                return [call(way.client, asked(number, stream=stream))]

            turns(ways, seconds, once)
            shown(f"openai{', a stream' if stream else ''}", *ways)


def asynchronous(behind: Server, log: str, seconds: float) -> None:
    """With openai's asynchronous client, one call at a time and several."""
    address: dict[str, Any] = {"base_url": behind.target.url, "api_key": "none"}
    transport = AsyncGuardTransport("default", log=log, caller=Caller("bench"))
    bare = openai.AsyncOpenAI(**address)
    guarded = openai.AsyncOpenAI(**address, http_client=httpx.AsyncClient(transport=transport))
    with asyncio.Runner() as runner:
        for together in (1, TOGETHER):

            async def ask(way: Way, number: int, together: int = together) -> list[float]:
                numbers = range(number, number + together)
                calls = (acall(way.client, asked(each, stream=False)) for each in numbers)
                return await asyncio.gather(*calls)

            def once(way: Way, number: int, ask: Ask = ask) -> list[float]:
                return runner.run(ask(way, number))

            ways = [Way(bare), Way(guarded)]
            turns(ways, seconds, once)
            shown(f"openai, async, {together} at a time", *ways)
        runner.run(bare.close())
        runner.run(guarded.close())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="about how long to measure")
    parser.add_argument("--delay", type=float, default=0.05, help="of the model's server, seconds")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    each = options.seconds / 4
    with tempfile.TemporaryDirectory() as name, upstream("--delay", str(options.delay)) as behind:
        print(f"{'':28}{'calls':>7}{'bare ms':>10}{'guarded':>10}{'ratio':>8}{'CPU ms':>10}")
        plain(behind, f"sqlite:///{Path(name)}/plain.db", each)
        asynchronous(behind, f"sqlite:///{Path(name)}/asynchronous.db", each)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
