"""What guarded clients over one policy and one log share, whatever framework they stand in for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from guardrail.guard import AsyncGuard, Guard
from guardrail.records import AttemptClosed, AttemptLog, AttemptOpened, Caller, Request


class Receipts:
    """An attempt log that also remembers, until asked once, how an expected attempt was closed."""

    def __init__(self, log: AttemptLog) -> None:
        self.log = log
        self._closed: dict[int, AttemptClosed | None] = {}

    def open(self, entry: AttemptOpened) -> None:
        """Pass the entry on."""
        self.log.open(entry)

    def close(self, entry: AttemptClosed) -> None:
        """Pass the entry on, and remember it if it is expected."""
        self.log.close(entry)
        if id(entry.opened.request) in self._closed:
            self._closed[id(entry.opened.request)] = entry

    def expect(self, request: Request) -> None:
        """Remember how this very request is closed; `take` must follow."""
        self._closed[id(request)] = None

    def take(self, request: Request) -> AttemptClosed | None:
        """How the request was closed; None if it was not."""
        return self._closed.pop(id(request), None)


@dataclass(frozen=True, slots=True)
class Service:
    """Both drivers over one log, and who is asking when a call does not say."""

    guard: Guard
    aguard: AsyncGuard
    receipts: Receipts
    caller: Callable[[], Caller] | Caller
    conversation: Callable[[], str] | str

    @classmethod
    def over(
        cls,
        guard: Guard,
        caller: Callable[[], Caller] | Caller,
        conversation: Callable[[], str] | str,
    ) -> Self:
        """The service that has `guard`'s policy, detectors and log."""
        receipts = Receipts(guard.log)
        plain = Guard(guard.policy, log=receipts, detectors=guard.detectors)
        twin = AsyncGuard(guard.policy, log=receipts, detectors=guard.detectors)
        return cls(plain, twin, receipts, caller, conversation)

    def who(self, given: Caller | None) -> Caller:
        """The caller of this call. Raises TypeError for anything but a Caller."""
        caller = given or (self.caller() if callable(self.caller) else self.caller)
        if not isinstance(caller, Caller):
            raise TypeError(f"a Caller is needed, not {type(caller).__name__}")
        return caller

    def where(self, given: str | None) -> str:
        """The conversation this call belongs to."""
        return given or (self.conversation() if callable(self.conversation) else self.conversation)


def marked(answer: Any, receipt: AttemptClosed | None) -> Any:
    """Leave a note of the attempt in the reply's `_hidden_params`, outside its data."""
    hidden = getattr(answer, "_hidden_params", None)
    if receipt is not None and isinstance(hidden, dict):
        hidden["guardrail"] = {
            "attempt": receipt.id,
            "decision": receipt.decision.action.label,
            "obligations": list(receipt.decision.obligations),
        }
    return answer
