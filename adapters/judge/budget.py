"""How much a judge may be asked in a day."""

from __future__ import annotations

import time
from threading import Lock

from guardrail.detect.second.opinion import OverBudget

_DAY = 86_400.0


class DayBudget:
    """Calls and tokens in 24 hours, counted from the first call; 0: any number.

    Tokens are set aside before a call, as many as it can cost, and settled when it says what it
    did cost; a call that never says keeps what was set aside.
    """

    def __init__(self, calls: int, tokens: int) -> None:
        self._calls, self._tokens = calls, tokens
        self._asked = self._spent = 0
        self._until = 0.0
        self._day = 0
        self._lock = Lock()

    def take(self, tokens: int) -> int:
        """Count a call of at most so many tokens; its day. OverBudget where none is left."""
        with self._lock:
            now = time.monotonic()
            if now >= self._until:
                self._until, self._asked, self._spent = now + _DAY, 0, 0
                self._day += 1
            if self._calls and self._asked >= self._calls:
                raise OverBudget
            if self._tokens and self._spent + tokens > self._tokens:
                raise OverBudget
            self._asked += 1
            self._spent += tokens
            return self._day

    def settle(self, day: int, taken: int, cost: int) -> None:
        """Say what a call of that day did cost."""
        with self._lock:
            if day == self._day:
                self._spent += cost - taken
