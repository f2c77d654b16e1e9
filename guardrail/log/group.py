"""Group commit: one caller at a time writes what all of them are waiting for."""

from __future__ import annotations

import logging
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from guardrail.errors import LogUnavailable
from guardrail.log.gather import Gathering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

W = TypeVar("W")
MAX_BATCH = 1024
Take: TypeAlias = "Callable[[], Sequence[W]]"
After: TypeAlias = "Callable[[], None] | None"
Done: TypeAlias = "Callable[[str], After]"
Soon: TypeAlias = "Callable[[Callable[[], None]], object]"
_logger = logging.getLogger(__name__)
_INTERRUPTED = "the attempt log's commit was interrupted; try again"


def _now(work: Callable[[], None]) -> None:
    work()


class _Ticket(Protocol[W]):
    """A write in the queue."""

    write: W
    lead: bool

    def call(self) -> None:
        """Have the next batch written: this one is the first in it."""
        ...

    def settle(self, error: str) -> After:
        """Tell that the write is durable, or why it is not."""
        ...


class _Waiting(Generic[W]):
    """A write whose owner sleeps until it is done, or until it is to write the next batch."""

    __slots__ = ("error", "gate", "lead", "write")

    def __init__(self, write: W) -> None:
        self.write = write
        self.lead = False
        self.error = ""
        self.gate = threading.Lock()
        self.gate.acquire()

    def call(self) -> None:
        self.gate.release()

    def settle(self, error: str) -> After:
        self.error = error
        self.gate.release()
        return None


class _Posted(Generic[W]):
    """A write whose owner goes on: `done` is called once it is over, from some thread."""

    __slots__ = ("done", "group", "lead", "write")

    def __init__(self, write: W, done: Done, group: GroupCommit[W]) -> None:
        self.write = write
        self.lead = False
        self.done = done
        self.group = group

    def call(self) -> None:
        self.group.wake()

    def settle(self, error: str) -> After:
        return self.done(error)


class GroupCommit(Generic[W]):
    """Hands writes to `commit` in batches, in order, from whichever caller comes first.

    The first caller leads: it commits at once, without a thread hop. Those who come meanwhile
    queue and sleep; the leader then wakes the first of them to commit the whole queue, so each
    caller commits at most once and nobody polls. What was posted is committed by one thread of
    this object's own, started when it is first needed.

    commit: gets what calls for the batch; it calls that once, as late as it can, so that those
    who come while it waits for its turn are in.
    """

    def __init__(self, commit: Callable[[Take[W]], None]) -> None:
        self._commit = commit
        self.reset()

    def reset(self) -> None:
        """Forget whoever waits: in a forked child they are threads of the parent."""
        self._mutex = threading.Lock()
        self._queue: list[_Ticket[W]] = []
        self._gathering = Gathering()
        self._busy = False
        self._thread: threading.Thread | None = None
        self._turns: SimpleQueue[bool] = SimpleQueue()

    def submit(self, write: W) -> None:
        """Return once `commit` has taken `write`; raise LogUnavailable when it could not."""
        ticket = _Waiting(write)
        if self._enter(ticket) or self._wait(ticket):
            self._lead(ticket)

    def post(self, write: W, done: Done, soon: Soon = _now) -> None:
        """Return at once; `done` gets an empty text once `write` is taken, else what went wrong.

        done: called in some thread; it must not raise or wait. What it gives is called once for
        all of the batch that gave the same. soon: called with what has the
        queue written, where it is better done a little later, when more has been posted.
        """
        with self._mutex:
            self._queue.append(_Posted(write, done, self))
            self._gathering.came(len(self._queue))
            idle = not self._busy
        if idle:
            soon(self._work)

    def _work(self) -> None:
        with self._mutex:
            if self._busy or not self._queue:
                return
            self._busy = True
        self.wake()

    def wake(self) -> None:
        """Have this object's thread lead; whoever submits next does where none can be started."""
        with self._mutex:
            try:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, args=(self._turns,), daemon=True)
                    thread.start()
                    self._thread = thread
            except RuntimeError:  # the interpreter is shutting down
                self._busy = False
            else:
                self._turns.put(True)

    def rest(self) -> None:
        """End this object's thread once it has written what it was to; it starts when needed."""
        with self._mutex:
            thread, self._thread = self._thread, None
            turns, self._turns = self._turns, SimpleQueue()
        turns.put(False)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self, turns: SimpleQueue[bool]) -> None:
        while turns.get():
            try:
                self._lead(None)
            except LogUnavailable:
                continue  # those who wait were told
            except Exception:
                _logger.exception("writing the attempt log")

    def _enter(self, ticket: _Ticket[W]) -> bool:
        """Queue; whether nobody leads yet."""
        with self._mutex:
            self._queue.append(ticket)
            self._gathering.came(len(self._queue))
            first, self._busy = not self._busy, True
            return first

    def _wait(self, ticket: _Waiting[W]) -> bool:
        """Whether the owner of `ticket` is to lead; its write is done otherwise."""
        try:
            ticket.gate.acquire()
        except BaseException:
            self._leave(ticket)
            raise
        if ticket.error:
            raise LogUnavailable(ticket.error)
        return ticket.lead

    def _lead(self, own: _Ticket[W] | None) -> None:
        batch: list[_Ticket[W]] = []

        def take() -> Sequence[W]:
            with self._mutex:
                self._gathering.end()
                batch.extend(self._queue[:MAX_BATCH])
                del self._queue[:MAX_BATCH]
            return [ticket.write for ticket in batch]

        error = _INTERRUPTED
        try:
            self._gather()
            start = time.perf_counter()
            self._commit(take)
            with self._mutex:
                in_flight = len(batch) + len(self._queue)
            self._gathering.served(in_flight, time.perf_counter() - start)
            error = "" if batch else _INTERRUPTED
        except LogUnavailable as reason:
            error = str(reason)
            raise
        finally:
            if not batch:
                take()
            self._finish([ticket for ticket in batch if ticket is not own], error)

    def _gather(self) -> None:
        with self._mutex:
            wait = self._gathering.begin(len(self._queue))
        if wait:
            self._gathering.wait()

    def _finish(self, batch: Sequence[_Ticket[W]], error: str) -> None:
        """Pass the lead on first, so that the next commit runs while the batch wakes up."""
        with self._mutex:
            follower = self._queue[0] if self._queue else None
            self._busy = follower is not None
            if follower is not None:
                follower.lead = True
        if follower is not None:
            follower.call()
        for after in {ticket.settle(error) for ticket in batch}:
            if after is not None:
                after()

    def _leave(self, ticket: _Waiting[W]) -> None:
        """Withdraw an interrupted caller, and pass on the lead if it was just given it."""
        with self._mutex:
            if ticket in self._queue:
                self._queue.remove(ticket)
        if ticket.lead:
            self._finish([], "")
