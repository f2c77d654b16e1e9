"""Runs one detector under a time limit and never raises: no answer is an answer that says so."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from threading import Lock

from guardrail.detect.base import Detector, Document
from guardrail.detect.disguise.twin import answers
from guardrail.errors import DetectorUnavailable
from guardrail.records import Finding, Scan, ScanStatus

WORKERS = 8
LONG = 4_000
"""Characters of a stage beyond which an event loop does not wait for an inline detector."""

_INLINE = "inline"


class Scanner:
    """Inline detectors run in the caller's thread, the others in worker threads.

    Under asyncio a long text is read in a worker thread by inline ones too.

    limit: seconds a detector may take where nothing else is said. A worker that is late keeps its
    thread until it returns; with every thread of a detector so taken, its further scans time out,
    and the policy's `on_error` decides.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = Lock()

    def scan(self, detector: Detector, document: Document, limit: float | None = None) -> Scan:
        """Ask the detector, waiting at most `limit` seconds for one that is not inline."""
        started = time.perf_counter()
        try:
            if detector.inline:
                findings = answers(detector, document)
            else:
                findings = self._submit(detector, document).result(limit or self.limit)
        except Exception as problem:  # noqa: BLE001  whatever a detector raises, it did not answer
            return _unanswered(detector, started, problem)
        return _answered(detector, started, findings)

    async def ascan(
        self, detector: Detector, document: Document, limit: float | None = None
    ) -> Scan:
        """Like `scan`, without blocking the event loop on a detector that takes long."""
        if detector.inline:
            if sum(len(part.text) for part in document.parts) <= LONG:
                return self.scan(detector, document)
            pool = self._pool(_INLINE)
            return await asyncio.wrap_future(pool.submit(self.scan, detector, document))
        started = time.perf_counter()
        try:
            future = asyncio.wrap_future(self._submit(detector, document))
            findings = await asyncio.wait_for(future, limit or self.limit)
        except Exception as problem:  # noqa: BLE001  as above
            return _unanswered(detector, started, problem)
        return _answered(detector, started, findings)

    def _submit(self, detector: Detector, document: Document) -> Future[tuple[Finding, ...]]:
        return self._pool(detector.name).submit(lambda: tuple(detector.detect(document)))

    def _pool(self, name: str) -> ThreadPoolExecutor:
        with self._lock:
            pool = self._pools.get(name)
            if pool is None:
                pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"guardrail-{name}")
                self._pools[name] = pool
        return pool


def _answered(detector: Detector, started: float, findings: tuple[Finding, ...]) -> Scan:
    ms = (time.perf_counter() - started) * 1e3
    return Scan(detector.name, detector.version, detector.provides, "ok", findings, ms)


def _unanswered(detector: Detector, started: float, problem: Exception) -> Scan:
    ms = (time.perf_counter() - started) * 1e3
    status: ScanStatus = "error"
    if isinstance(problem, NotInTime):
        status = "timeout"
    elif isinstance(problem, DetectorUnavailable):
        status = "missing"
    what = str(problem) if status == "missing" else type(problem).__name__
    return Scan(detector.name, detector.version, detector.provides, status, (), ms, what)
