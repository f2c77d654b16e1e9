"""How long a commit waits for company: those it served last are about to come back."""

from __future__ import annotations

import threading

PATIENCE = 0.25
MOST = 0.005
_REST = 16


class Gathering:
    """Holds a commit up until as many writes wait as were in flight after the one before.

    It waits a quarter of what that commit took, 5 ms at most, and not at all for the next 16
    commits where that was in vain. A lone caller never waits.
    """

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._gate.acquire()
        self._wanted = 0
        self._in_flight = 1
        self._patience = 0.0
        self._skip = 0

    def begin(self, waiting: int) -> bool:
        """Whether to wait; `waiting` writes are there. Call it as `came`."""
        self._wanted = self._in_flight if self._skip == 0 else 0
        self._skip = max(0, self._skip - 1)
        return waiting < self._wanted

    def wait(self) -> None:
        """Wait, without the group's mutex."""
        if not self._gate.acquire(timeout=self._patience):
            self._skip = _REST

    def came(self, waiting: int) -> None:
        """Another write came, and `waiting` are there; hold the group's mutex."""
        if 0 < self._wanted <= waiting:
            self._wanted = 0
            if self._gate.locked():
                self._gate.release()

    def end(self) -> None:
        """The batch is taken; hold the group's mutex."""
        self._wanted = 0
        self._gate.acquire(blocking=False)

    def served(self, in_flight: int, seconds: float) -> None:
        """A commit took `seconds`, and so many writes were in it or came meanwhile."""
        self._in_flight = in_flight
        self._patience = min(seconds * PATIENCE, MOST)
