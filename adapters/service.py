"""What guarded clients over one policy and one log share, whatever framework they stand in for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from guardrail.flow import Released
from guardrail.guard import AsyncGuard, Guard
from guardrail.policy import Policy
from guardrail.records import AttemptLog, Caller


@dataclass(frozen=True, slots=True)
class Service:
    """Both drivers over one log, and who is asking when a call does not say."""

    guard: Guard
    aguard: AsyncGuard
    caller: Callable[[], Caller] | Caller
    conversation: Callable[[], str] | str
    shutdown: Callable[[], None] | None = None

    @classmethod
    def opened(
        cls,
        policy: str | Path | Policy,
        log: str | AttemptLog | None,
        caller: Callable[[], Caller] | Caller,
        conversation: Callable[[], str] | str,
        *,
        guard: Guard | None = None,
    ) -> Self:
        """The service of `guard`, else of `policy` over `log`, which `close` then shuts down.

        log: a URL or a log; None: the default place.
        Raises ConfigurationError when the policy or the log cannot be opened.
        """
        shutdown = None
        if guard is None:
            if log is None or isinstance(log, str):
                from guardrail.log import open_log

                log = opened = open_log(log)
                shutdown = opened.shutdown
            guard = Guard(policy, log=log)
        return replace(cls.over(guard, caller, conversation), shutdown=shutdown)

    @classmethod
    def over(
        cls,
        guard: Guard,
        caller: Callable[[], Caller] | Caller,
        conversation: Callable[[], str] | str,
    ) -> Self:
        """The service that has `guard`'s policy, detectors and log."""
        return cls(guard, AsyncGuard.beside(guard), caller, conversation)

    def close(self) -> None:
        """Shut the log down, if it was opened here."""
        if self.shutdown is not None:
            self.shutdown()

    def who(self, given: Caller | None) -> Caller:
        """The caller of this call. Raises TypeError for anything but a Caller."""
        caller = given or (self.caller() if callable(self.caller) else self.caller)
        if not isinstance(caller, Caller):
            raise TypeError(f"a Caller is needed, not {type(caller).__name__}")
        return caller

    def where(self, given: str | None) -> str:
        """The conversation this call belongs to."""
        return given or (self.conversation() if callable(self.conversation) else self.conversation)


def marked(released: Released[Any]) -> Any:
    """The reply, with a note of the attempt in its `_hidden_params`, outside its data."""
    hidden = getattr(released.reply, "_hidden_params", None)
    attempt = released.attempt
    if isinstance(hidden, dict):
        hidden["guardrail"] = {
            "attempt": attempt.id,
            "decision": attempt.decision.action.label,
            "obligations": list(attempt.decision.obligations),
        }
    return released.reply
