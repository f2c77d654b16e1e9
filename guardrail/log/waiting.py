"""Waiting for a commit under asyncio, without a thread for each who waits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from guardrail.errors import LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from guardrail.log.group import Done, Soon

R = TypeVar("R")


class _Wait:
    """One who waits: a cancelled task gets another future. over: whether the result is there."""

    __slots__ = ("future", "over")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.over = False

    def end(self, error: str) -> None:
        self.over = True
        if self.future.done():
            return
        if error:
            self.future.set_exception(LogUnavailable(error))
        else:
            self.future.set_result(None)


class Deliveries:
    """Brings results from other threads into one event loop: many with one wake-up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._mutex = threading.Lock()
        self._waiting: list[tuple[_Wait, str]] = []
        self._due: set[Callable[[], None]] = set()

    def soon(self, work: Callable[[], None]) -> None:
        """Call `work` once those of the loop's tasks that can go on now have done so."""
        if work not in self._due:
            self._due.add(work)
            self._loop.call_soon(self._work, work)

    def _work(self, work: Callable[[], None]) -> None:
        self._due.discard(work)
        work()

    def settle(self, wait: _Wait, error: str) -> Callable[[], None]:
        """Give `wait` its result, none or LogUnavailable, once what this gives was called."""
        with self._mutex:
            self._waiting.append((wait, error))
        return self.wake

    def wake(self) -> None:
        """Deliver; a loop that is closed gets nothing."""
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop is closed, and nobody waits any more
            self._waiting.clear()

    def _deliver(self) -> None:
        with self._mutex:
            results, self._waiting = self._waiting, []
        for wait, error in results:
            wait.end(error)


_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Deliveries] = (
    weakref.WeakKeyDictionary()
)


def deliveries(loop: asyncio.AbstractEventLoop) -> Deliveries:
    """The one of this loop; call it in the loop's own thread."""
    found = _loops.get(loop)
    if found is None:
        found = _loops[loop] = Deliveries(loop)
    return found


async def settled(begin: Callable[[Done, Soon], None]) -> None:
    """Wait until what `begin` begins calls back; raise LogUnavailable if it got an error.

    A cancellation is passed on only when it is over. begin: also gets what has work done a little
    later in this loop.
    """
    loop = asyncio.get_running_loop()
    wait = _Wait(loop.create_future())
    delivery = deliveries(loop)
    begin(lambda error: delivery.settle(wait, error), delivery.soon)
    try:
        await wait.future
    except asyncio.CancelledError:
        if not wait.over:
            wait.future = loop.create_future()
            with contextlib.suppress(LogUnavailable):
                await wait.future
        raise


async def finished(work: Coroutine[Any, Any, R]) -> R:
    """Wait for all of `work`, whose task is not cancelled with this one."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
