"""An event loop of its own for judges, so that a call can be cut off whoever waits for it."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import TimeoutError as NotInTime
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar

from guardrail.detect.second.judging import IS_JUDGING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

R = TypeVar("R")
_GRACE = 1.0  # seconds for a call to be cut off


class Line:
    """One loop in one thread, started when it is needed, and again in a process that was forked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, call: Callable[[], Coroutine[Any, Any, R]], limit: float) -> R:
        """Wait for a call, at most `limit` seconds, after which it is cut off: TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(_within(call, limit), self._running())
        try:
            return future.result(limit + _GRACE)
        except NotInTime:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                Thread(target=self._loop.run_forever, name="guardrail-judge", daemon=True).start()
            return self._loop


async def _within(call: Callable[[], Coroutine[Any, Any, R]], limit: float) -> R:
    IS_JUDGING.set(True)
    async with asyncio.timeout(limit):
        return await call()
