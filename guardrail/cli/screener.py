"""Lines screened one by one, in this process or in several, always answered in order."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from multiprocessing import get_context
from typing import TYPE_CHECKING, Literal
from zlib import crc32

from guardrail.cli.answers import answer, fault, write_line
from guardrail.cli.files import ImageFolder
from guardrail.cli.interrupt import ignored
from guardrail.cli.lines import read_line
from guardrail.detect import warm_up
from guardrail.errors import ConfigurationError, GuardrailError
from guardrail.guard import Guard, UnsafeNoLog
from guardrail.records import Action, AttemptClosed, AttemptOpened, Outcome

if TYPE_CHECKING:
    from concurrent.futures import Future

    from guardrail.log import Log
    from guardrail.records import AttemptLog, Request
    from guardrail.screening import Screening

CHUNK_LINES = 32
CHUNK_BYTES = 2**18
CHUNKS_AHEAD = 3
"""Chunks in flight for each worker: what bounds the memory of a run."""

Numbered = tuple[int, bytes]
"""A line and its number, counting from 1."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to screen lines. log: the attempt log's URL, empty for none."""

    policy: str = "default"
    facts: Literal["needed", "all"] = "all"
    log: str = ""
    folder: str = "."


@dataclass(frozen=True, slots=True)
class Answer:
    """One line out, with its newline; `bad` when the line in could not be screened."""

    line: bytes
    bad: bool


Screen = Callable[[Iterable[Numbered]], Iterator[Answer]]
"""Lines in, answers out, in order."""


class LineScreener:
    """A guard, and a log where one is asked for: one line in, one answer out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = Guard(settings.policy, log=UnsafeNoLog())
        warm_up(self._guard.detectors)
        self._log = _open_log(settings.log)
        self._images = ImageFolder(settings.folder, self._guard.policy.limits.image_bytes)

    def close(self) -> None:
        """Write what the log still holds back."""
        if self._log is not None:
            self._log.shutdown()

    def __call__(self, number: int, raw: bytes) -> Answer:
        """Answer one line; LogUnavailable is the only error that ends the run."""
        line = read_line(raw, number, self._images)
        if line.request is None:
            return Answer(write_line(fault(line.id, number, line.error)), bad=True)
        try:
            screening = self._guard.screen(line.request, facts=self._settings.facts)
        except Exception as error:
            if os.environ.get("GUARDRAIL_DEBUG"):
                raise
            message = f"not screened: unexpected {type(error).__name__}"
            return Answer(write_line(fault(line.id, number, message)), bad=True)
        if self._log is not None:
            _record(self._log, line.request, screening)
        return Answer(write_line(answer(line.id, screening)), bad=False)


def _open_log(url: str) -> Log | None:
    if not url:
        return None
    from guardrail.log import open_log

    return open_log(url)


_OUTCOMES = {
    Action.ALLOW: Outcome.CANCELLED,
    Action.GATE: Outcome.GATED,
    Action.REFUSE: Outcome.REFUSED,
}
"""An allowed line is `cancelled`: no model was called, so nothing was released."""


def _record(log: AttemptLog, request: Request, screening: Screening) -> None:
    decision, facts = screening.decision, screening.facts
    opened = AttemptOpened(request, decision, facts, screening.scans)
    log.open(opened)
    log.close(AttemptClosed(opened, _OUTCOMES[decision.action], decision, facts))


_worker: LineScreener | None = None


def _start_worker(settings: Settings) -> None:
    global _worker  # noqa: PLW0603 (one guard for the life of a worker process)
    _worker = LineScreener(settings)


def _work(chunk: list[Numbered]) -> list[Answer]:
    if _worker is None:
        raise ConfigurationError("a worker process started without a guard")
    return [_worker(number, raw) for number, raw in chunk]


@contextmanager
def engine(settings: Settings, workers: int) -> Iterator[Screen]:
    """Make what screens lines in `workers` processes; whatever is wrong in `settings` fails here.

    Memory is bounded whatever the number of lines.
    """
    with closing(LineScreener(settings)) as screener:
        if workers == 1:
            yield partial(starmap, screener)
            return
    with ignored():
        pools = [_pool(settings) for _ in range(workers)]
    try:
        yield partial(_spread, pools)
    except BrokenProcessPool as error:
        raise GuardrailError("a worker process died; try fewer --workers") from error
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(settings: Settings) -> ProcessPoolExecutor:
    """One process of its own, so that lines of one conversation can go to the same, in order."""
    pool = ProcessPoolExecutor(1, get_context("spawn"), _start_worker, (settings,))
    pool.submit(_work, [])
    return pool


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A chunk under way: the worker of each line, and the workers' answers to come."""

    workers: tuple[int, ...]
    answers: dict[int, Future[list[Answer]]]

    def in_order(self) -> Iterator[Answer]:
        ready = {worker: iter(future.result()) for worker, future in self.answers.items()}
        return (next(ready[worker]) for worker in self.workers)


def _spread(pools: Sequence[ProcessPoolExecutor], lines: Iterable[Numbered]) -> Iterator[Answer]:
    waiting: deque[_Waiting] = deque()
    for number, chunk in enumerate(_chunks(lines)):
        waiting.append(_sent(pools, number % len(pools), chunk))
        if len(waiting) > len(pools) * CHUNKS_AHEAD:
            yield from waiting.popleft().in_order()
    while waiting:
        yield from waiting.popleft().in_order()


def _sent(pools: Sequence[ProcessPoolExecutor], turn: int, chunk: list[Numbered]) -> _Waiting:
    workers = tuple(_worker_of(raw, len(pools), turn) for _, raw in chunk)
    shares: dict[int, list[Numbered]] = {}
    for worker, line in zip(workers, chunk, strict=True):
        shares.setdefault(worker, []).append(line)
    return _Waiting(workers, {w: pools[w].submit(_work, share) for w, share in shares.items()})


def _worker_of(raw: bytes, workers: int, otherwise: int) -> int:
    """Which worker screens a line: by its conversation, where it has one."""
    if b'"conversation"' not in raw:
        return otherwise
    try:
        name = json.loads(raw)["conversation"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return otherwise
    return crc32(str(name).encode("utf-8", "surrogatepass")) % workers


def _chunks(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    chunk: list[Numbered] = []
    size = 0
    for number, raw in lines:
        chunk.append((number, raw))
        size += len(raw)
        if len(chunk) >= CHUNK_LINES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
