"""Durable appends to the attempt log, against the same engine's bare batched inserts.

python benchmarks/log.py [--seconds 1.0] [--folder DIR] [--fsync-ms 2] [--processes 1,4,8]

Bare: as many processes insert the same rows into the same tables with the same indexes, 64 in a
transaction, ready-made, in WAL mode with synchronous=FULL, one process at a time (flock); nothing
is hashed, encrypted or checked. A plain attempt is one update of a count. Guarded: each process
keeps 64 attempts in flight, from 64 threads or from one event loop, and each is acknowledged on
its own once it is on disk; `daemon`: 64 threads a process send to one writer. Bare and guarded
runs take turns; the ratio is that of the medians. p50 and p99: of one acknowledgement.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

from log_bare import bare
from log_guarded import guarded, writer_daemon
from log_load import Job, Result, delay_commits

from guardrail.log import open_log

KINDS = {"flagged": "?excerpt=200", "plain": ""}


@dataclass(frozen=True, slots=True)
class Shape:
    """What one line measures. way: `bare`, `threads`, `async` or `daemon`."""

    kind: str
    processes: int
    way: str

    def __str__(self) -> str:
        each = "64 a commit" if self.way == "bare" else f"64 {self.way}"
        return f"{self.kind}, {self.processes} x {each}"


def work(job: Job, start: Barrier, out: multiprocessing.Queue[Result]) -> None:
    """Run in a process of its own."""
    delay_commits(job.delay)
    run = bare if job.way == "bare" else guarded
    out.put(run(job, start.wait))


def measure(shape: Shape, folder: Path, options: argparse.Namespace) -> Result:
    """One run from `shape.processes` processes, on a new log."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        url = f"sqlite:///{name}/log.db{KINDS[shape.kind]}"
        open_log(url).shutdown()
        if shape.way != "daemon":
            return together(Job(url, shape.kind, shape.way, options.seconds, options.delay), shape)
        with writer_daemon(url, Path(name) / "log.sock", options.delay) as socket:
            return together(Job(socket, shape.kind, "threads", options.seconds, 0), shape)


def together(job: Job, shape: Shape) -> Result:
    """Start all processes at once and add up what they did."""
    context = multiprocessing.get_context("spawn")
    start, out = context.Barrier(shape.processes), context.Queue()
    jobs = [context.Process(target=work, args=(job, start, out)) for _ in range(shape.processes)]
    for each in jobs:
        each.start()
    results = [out.get(timeout=120) for _ in jobs]
    for each in jobs:
        each.join()
    return Result(
        sum(found.rows for found in results),
        max(found.seconds for found in results),
        sorted(time for found in results for time in found.times),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="for each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each line")
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    parser.add_argument("--fsync-ms", type=float, default=0, help="added to every commit")
    parser.add_argument("--processes", default="1,4,8")
    parser.add_argument("--kinds", default="flagged,plain")
    parser.add_argument("--ways", default="threads,async,daemon")
    options = parser.parse_args()
    options.delay = options.fsync_ms / 1e3
    print(f"{'':32}{'rows/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'of bare':>9}")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for kind in options.kinds.split(","):
            for processes in map(int, options.processes.split(",")):
                ways = ["bare", *options.ways.split(",")]
                compare([Shape(kind, processes, way) for way in ways], Path(name), options)


def compare(shapes: list[Shape], folder: Path, options: argparse.Namespace) -> None:
    """Measure these in turns, `options.rounds` times, and show the middle of each."""
    found: dict[Shape, list[Result]] = {shape: [] for shape in shapes}
    for _ in range(options.rounds):
        for shape in shapes:
            found[shape].append(measure(shape, folder, options))
    base = statistics.median(result.rate for result in found[shapes[0]])
    for shape, results in found.items():
        middle = sorted(results, key=lambda result: result.rate)[len(results) // 2]
        print(
            f"{shape!s:32}{middle.rate:>9,.0f}{middle.at(0.5):>9.2f}{middle.at(0.99):>9.2f}"
            f"{middle.rate / base:>9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
