"""The log as a guard uses it: every attempt is acknowledged on its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from log_load import IN_FLIGHT, Job, Load, Result, delay_commits

from guardrail.log import Log, open_log
from guardrail.log.remote.daemon import run_writer


def guarded(job: Job, begin: Callable[[], object]) -> Result:
    """Open attempts for `job.seconds`, 64 in flight."""
    log, load = open_log(job.url), Load(job.kind)
    log.open(load.next())
    begin()
    start = time.perf_counter()
    if job.way == "async":
        times = asyncio.run(_tasks(log, load, start + job.seconds))
    else:
        times = _threads(log, load, start + job.seconds)
    spent = time.perf_counter() - start
    log.shutdown()
    return Result(len(times), spent, times)


def _threads(log: Log, load: Load, end: float) -> list[float]:
    found: list[float] = []

    def run() -> None:
        while (at := time.perf_counter()) < end:
            log.open(load.next())
            found.append(time.perf_counter() - at)

    workers = [threading.Thread(target=run) for _ in range(IN_FLIGHT)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


async def _tasks(log: Log, load: Load, end: float) -> list[float]:
    found: list[float] = []

    async def run() -> None:
        while (at := time.perf_counter()) < end:
            await log.aopen(load.next())
            found.append(time.perf_counter() - at)

    await asyncio.gather(*(run() for _ in range(IN_FLIGHT)))
    return found


@contextmanager
def writer_daemon(url: str, path: Path, delay: float) -> Iterator[str]:
    """A process that alone holds the log; gives the URL for its clients."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_serve, args=(url, path, delay, ready))
    process.start()
    ready.wait(60)
    yield f"unix://{path}"
    process.terminate()
    process.join()


def _serve(url: str, path: Path, delay: float, ready: Event) -> None:
    delay_commits(delay)
    with open_log(url) as log:
        run_writer(log, path, ready.set)
