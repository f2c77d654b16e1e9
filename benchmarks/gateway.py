"""The gateway against LiteLLM's proxy with a guardrail of its own, and against no gateway.

    python benchmarks/gateway.py [--seconds 10] [--requests 100000] [--workers 1,2] [--rounds 1]

A stand-in for a model's server that answers at once, `guardrail serve` with a durable SQLite log,
and `litellm --config` with LiteLLM's content filter on prompt and reply: each a process of its own,
one after the other, on this machine, which also makes the load. Throughput: 64 connections.
Added: milliseconds at --rate requests a second, against those of the model's server itself.
CPU: processor milliseconds a request of the server's processes. Streams: 500 at once. Memory: of
all processes of a gateway, in the course of --requests.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from load import Streams, Times, closed_loop, open_loop, streams
from servers import Server, gateway, proxy, upstream

CONNECTIONS = 64
WARM_UP = 2.0
QUARTERS = 4

Start = Callable[[Server, Path, int], AbstractContextManager[Server]]


@dataclass(slots=True)
class Found:
    """What the rounds of one server gave. cpu: milliseconds a request."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second, in the middle."""
        return statistics.median(self.rates)


def throughput(server: Server, seconds: float, found: Found) -> None:
    """As many requests as it answers."""
    asyncio.run(closed_loop(server.target, WARM_UP, CONNECTIONS))
    before = server.cpu()
    times = asyncio.run(closed_loop(server.target, seconds, CONNECTIONS))
    spent = (server.cpu() - before) / len(times.seconds) * 1e3
    found.rates.append(times.rate)
    found.cpu.append(spent)
    _row(server.name, f"{times.rate:.0f}/s", f"{spent:.2f} ms CPU", _milliseconds(times))


def at_rate(server: Server, behind: Server, seconds: float, rate: float) -> None:
    """So many requests a second to the model's server itself and through the gateway, in turn."""
    bare, guarded = Times(), Times()
    before, parts = server.cpu(), 4
    for _ in range(parts):
        for target, times in ((behind.target, bare), (server.target, guarded)):
            part = asyncio.run(open_loop(target, seconds / parts, rate))
            times.seconds += part.seconds
            times.failed += part.failed
    spent = (server.cpu() - before) / len(guarded.seconds) * 1e3
    _row(f"  none, {rate:g}/s", "", "", _milliseconds(bare))
    _row(f"{server.name}, {rate:g}/s", "", f"{spent:.2f} ms CPU", _milliseconds(guarded))
    more = [guarded.quantile(share) - bare.quantile(share) for share in (0.5, 0.99)]
    _row("  added", "", "", f"p50 {more[0]:.2f} ms, p99 {more[1]:.2f} ms")


def at_once(server: Server, number: int) -> None:
    """So many streams at once."""
    before = server.cpu()
    took: Streams = asyncio.run(streams(server.target, number))
    spent = (server.cpu() - before) / number * 1e3
    done = f"{len(took.whole.seconds)} of {number} whole"
    first, whole = took.first.quantile(0.5), took.whole.quantile(0.5)
    times = f"first chunk {first:.0f} ms, end {whole:.0f} ms"
    _row(f"{server.name}, streams", done, f"{spent:.2f} ms CPU", times)


def memory(server: Server, requests: int) -> None:
    """What it has in memory while it answers so many requests."""
    seen, answered = [server.memory()], 0
    while answered < requests:
        times = asyncio.run(closed_loop(server.target, WARM_UP, CONNECTIONS))
        answered += len(times.seconds)
        if answered >= requests * len(seen) / QUARTERS:
            seen.append(server.memory())
    shown = " -> ".join(f"{value:.0f}" for value in seen)
    _row(f"{server.name}, memory", f"{answered} requests", "MB", shown)


def _milliseconds(times: Times) -> str:
    failed = f", {times.failed} failed" if times.failed else ""
    return f"p50 {times.quantile(0.5):.2f} ms, p99 {times.quantile(0.99):.2f} ms{failed}"


def _row(name: str, *values: str) -> None:
    print(f"{name:34}{values[0]:>16}{values[1]:>14}  {values[2]}", flush=True)


def compare(behind: Server, folder: Path, workers: int, asked: argparse.Namespace) -> None:
    """Ours and the peer, each with so many workers."""
    kinds: list[Start] = [gateway, *([] if asked.alone else [proxy])]
    found = [Found() for _ in kinds]
    for last in [*[False] * (asked.rounds - 1), True]:
        for start, figures in zip(kinds, found, strict=True):
            with start(behind, folder, workers) as server:
                throughput(server, asked.seconds, figures)
                if start is gateway and last:
                    at_rate(server, behind, asked.seconds * 2, asked.rate)
                    at_once(server, asked.streams)
                    memory(server, asked.requests)
    if len(found) > 1:
        ours, peer = found
        cpu = statistics.median(peer.cpu) / statistics.median(ours.cpu)
        _row("  ours / LiteLLM's", f"{ours.rate / peer.rate:.1f}x", f"{cpu:.1f}x less", "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measured part")
    parser.add_argument("--requests", type=int, default=20_000, help="for the memory")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--streams", type=int, default=500, help="at once")
    parser.add_argument("--workers", default="1,2", help="processes")
    parser.add_argument("--rounds", type=int, default=1, help="of the throughput")
    parser.add_argument("--alone", action="store_true", help="without LiteLLM's proxy")
    parser.add_argument("--folder", type=Path, help="for the log, on the disk to measure")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name, upstream() as behind:
        throughput(behind, min(asked.seconds, 3.0), Found())
        for workers in map(int, asked.workers.split(",")):
            compare(behind, Path(name), workers, asked)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
