"""Durable appends to the attempt log, against the same engine's bare commits in the same run.

python benchmarks/log.py [--seconds 1.0] [--folder DIR]
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

import apsw

from guardrail.log import Log, open_log
from guardrail.records import (
    Action,
    AttemptOpened,
    Caller,
    Decision,
    Facts,
    Finding,
    Jurisdiction,
    Operation,
    PolicyRef,
    Request,
    Scan,
    Severity,
    Sexual,
    Span,
)

BATCH = 64
POLICY = PolicyRef("default", 1, "ab" * 32)
CALLER = Caller(id="u1029", jurisdiction=Jurisdiction("JP", "billing"), app="studio")
PROMPT = Request.of("a garden in autumn " * 8, Operation.IMAGE_GENERATE, caller=CALLER)
SEEN = Finding(detector="sexual.lexicon", version="1", label="sexual", value="nudity")
SCANS = (Scan("sexual.lexicon", "1", frozenset({"sexual"}), "ok", (SEEN,), 0.05),) * 4
FACTS = Facts(sexual=Sexual(Severity.NUDITY, 0.97, Span(0, 2, 8)))


def flagged() -> AttemptOpened:
    decision = Decision(Action.REFUSE, "real-person", "real_person_sexual", POLICY)
    return AttemptOpened(PROMPT, decision, FACTS, SCANS)


def plain() -> AttemptOpened:
    return AttemptOpened(PROMPT, Decision(Action.ALLOW, "", "allowed", POLICY), Facts(), SCANS)


@dataclass(frozen=True, slots=True)
class Result:
    """times: seconds of each call, sorted; rows: written in `seconds` altogether."""

    name: str
    rows: int
    seconds: float
    times: list[float]

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    def at(self, quantile: float) -> float:
        """Milliseconds that this share of the calls stayed below."""
        return self.times[min(len(self.times) - 1, int(len(self.times) * quantile))] * 1e3


def repeat(call: Callable[[], object], seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - start)
    return times


def bare(folder: Path, seconds: float, rows: int) -> Result:
    """Insert rows of the same size, `rows` a commit, with nothing else around it."""
    connection = apsw.Connection(str(folder / f"bare{rows}.db"))
    connection.pragma("journal_mode", "wal")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, id, event, at, body)")
    with open_log(f"sqlite:///{folder}/size.db") as log:
        entry = flagged()
        log.open(entry)
        body = next(log.attempts()).opened_json
    values = [(entry.id, "opened", entry.at, body)] * rows

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO entries VALUES (NULL, ?, ?, ?, ?)", values)
        connection.execute("COMMIT")

    times = repeat(commit, seconds)
    connection.close()
    name = f"bare, {rows} row{'s' * (rows > 1)} a commit"
    return Result(name, rows * len(times), sum(times), sorted(times))


def threads(log: Log, make: Callable[[], AttemptOpened], count: int, s: float) -> list[float]:
    found: list[list[float]] = []
    workers = [
        threading.Thread(target=lambda: found.append(repeat(lambda: log.open(make()), s)))
        for _ in range(count)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [each for times in found for each in times]


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does."""

    url: str
    kind: str
    threads: int
    seconds: float


def process(job: Job, start: Barrier, out: multiprocessing.Queue[list[float]]) -> None:
    log = open_log(job.url)
    make = {"flagged": flagged, "plain": plain}[job.kind]
    start.wait()
    out.put(threads(log, make, job.threads, job.seconds))
    log.shutdown()


def guarded(folder: Path, seconds: float, kind: str, processes: int, count: int) -> Result:
    """Open attempts of one kind from `processes` x `count` threads."""
    url = f"sqlite:///{folder}/{kind}-{processes}-{count}.db"
    job = Job(url, kind, count, seconds)
    open_log(url).shutdown()
    context = multiprocessing.get_context("spawn")
    start, out = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=process, args=(job, start, out)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    times = sorted(each for _ in workers for each in out.get())
    for worker in workers:
        worker.join()
    return Result(f"{kind}, {processes} x {count} threads", len(times), seconds, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line")
    parser.add_argument("--folder", help="on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        one, many = (bare(folder, options.seconds, rows) for rows in (1, BATCH))
        print(f"{'':28}{'rows/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'of bare 1':>11}{'of bare 64':>12}")
        show(one, one, many)
        show(many, one, many)
        for kind in ("plain", "flagged"):
            for shape in ((1, 1), (1, 16), (4, 1), (4, 16)):
                show(guarded(folder, options.seconds, kind, *shape), one, many)


def show(result: Result, one: Result, many: Result) -> None:
    print(
        f"{result.name:28}{result.rate:>9,.0f}{result.at(0.5):>9.3f}{result.at(0.99):>9.3f}"
        f"{result.rate / one.rate:>11.2f}{result.rate / many.rate:>12.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
