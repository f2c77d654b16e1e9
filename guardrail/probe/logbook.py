"""What the attempt log has of a probe."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from guardrail.errors import InputError

if TYPE_CHECKING:
    from guardrail.log import Log
    from guardrail.log.query import AttemptRow

_PATIENCE = 3.0
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Found:
    """What there is: how many attempts it may be, and how the one ended.

    attempt: its id. outcome: empty while it is open.
    """

    count: int
    attempt: str = ""
    outcome: str = ""
    model_called: bool = False

    @classmethod
    def of(cls, row: AttemptRow) -> Self:
        """The one."""
        closed = row.closed or {}
        return cls(1, row.id, row.outcome, bool(closed.get("model_called")))


@dataclass(frozen=True, slots=True)
class Logbook:
    """A log, opened to be read."""

    log: Log

    @classmethod
    def opened(cls, url: str) -> Self:
        """The log at `url`. Raises ConfigurationError and LogUnavailable."""
        from guardrail.log import open_log

        return cls(open_log(url, readonly=True))

    def find(self, attempt: str, since: int) -> Found:
        """The attempt of that id, or, where there is none, what was refused since (ns, UTC).

        An entry that is not there yet is waited for, for three seconds.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = self._one(attempt) if attempt else self._since(since)
            if (found.count and found.outcome) or time.monotonic() > deadline:
                return found
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Close it."""
        self.log.shutdown()

    def _one(self, attempt: str) -> Found:
        try:
            return Found.of(self.log.attempt(attempt))
        except InputError:
            return Found(0)

    def _since(self, since: int) -> Found:
        from guardrail.log import AttemptFilter

        rows = list(self.log.attempts(AttemptFilter(since=since, limit=10)))
        return Found.of(rows[0]) if len(rows) == 1 else Found(len(rows))
