"""Group commit: one caller at a time writes what all of them are waiting for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from guardrail.errors import LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

W = TypeVar("W")


class _Ticket(Generic[W]):
    """A write in the queue. `lead` tells its owner to write the next batch itself."""

    __slots__ = ("done", "error", "lead", "write")

    def __init__(self, write: W) -> None:
        self.write = write
        self.done = threading.Event()
        self.lead = False
        self.error = ""


class GroupCommit(Generic[W]):
    """Hands writes to `commit` in batches, in order, from whichever caller comes first.

    The first caller leads: it commits at once, without a thread hop. Those who come meanwhile
    queue and sleep; the leader then wakes the first of them to commit the whole queue, so each
    caller commits at most once and nobody polls.
    """

    def __init__(self, commit: Callable[[Sequence[W]], None]) -> None:
        self._commit = commit
        self.reset()

    def reset(self) -> None:
        """Forget whoever waits: in a forked child they are threads of the parent."""
        self._mutex = threading.Lock()
        self._queue: list[_Ticket[W]] = []
        self._busy = False

    def submit(self, write: W) -> None:
        """Return once `commit` has taken `write`; raise LogUnavailable when it could not."""
        ticket = self._enter(write)
        if ticket is None or self._wait(ticket):
            self._lead(write)

    def _enter(self, write: W) -> _Ticket[W] | None:
        with self._mutex:
            if not self._busy:
                self._busy = True
                return None
            ticket = _Ticket(write)
            self._queue.append(ticket)
            return ticket

    def _wait(self, ticket: _Ticket[W]) -> bool:
        """Whether the owner of `ticket` is to lead; its write is done otherwise."""
        try:
            ticket.done.wait()
        except BaseException:
            self._leave(ticket)
            raise
        if ticket.error:
            raise LogUnavailable(ticket.error)
        return ticket.lead

    def _lead(self, write: W) -> None:
        with self._mutex:
            batch, self._queue = self._queue, []
        error = "the attempt log's commit was interrupted; try again"
        try:
            self._commit([write, *(ticket.write for ticket in batch)])
            error = ""
        except LogUnavailable as reason:
            error = str(reason)
            raise
        finally:
            self._finish(batch, error)

    def _finish(self, batch: list[_Ticket[W]], error: str) -> None:
        """Pass the lead on first, so that the next commit runs while the batch wakes up."""
        with self._mutex:
            follower = self._queue.pop(0) if self._queue else None
            self._busy = follower is not None
        if follower is not None:
            follower.lead = True
            follower.done.set()
        for ticket in batch:
            ticket.error = error
            ticket.done.set()

    def _leave(self, ticket: _Ticket[W]) -> None:
        """Withdraw an interrupted caller, and pass on the lead if it was just given it."""
        with self._mutex:
            if ticket in self._queue:
                self._queue.remove(ticket)
                return
        if ticket.lead:
            self._finish([], "")
