"""Every error Guardrail raises on purpose.

GuardrailError
├── RequestStopped            a decision, not a fault: carries the Decision
│   ├── RequestRefused
│   └── RequestGated
├── ConfigurationError        the operator's files or settings are wrong
│   └── PolicyError           a policy that does not load, every problem at once
├── InputError                a request that cannot be read
├── LogUnavailable            the attempt log cannot make an entry durable
├── DetectorUnavailable       a detector cannot be loaded
├── EvidenceError             evidence that does not hold (`guardrail.chain.errors`)
└── UnguardedOperation        a generation call nobody knows how to screen
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardrail.records import Decision


class GuardrailError(Exception):
    """Base of every error Guardrail raises on purpose."""


class RequestStopped(GuardrailError):
    """A request that may not go on: `decision` says why, `str()` is for the end user."""

    def __init__(self, decision: Decision, message: str, *, attempt: str = "") -> None:
        super().__init__(message)
        self.decision = decision
        self.message = message
        self.attempt = attempt

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.decision, self.message, self.attempt)


class RequestRefused(RequestStopped):
    """The request is refused to every caller like this one."""


class RequestGated(RequestStopped):
    """The request would be allowed to a caller who meets `decision.requirement`."""


def _rebuild(
    kind: type[RequestStopped], decision: Decision, message: str, attempt: str
) -> RequestStopped:
    return kind(decision, message, attempt=attempt)


class ConfigurationError(GuardrailError):
    """A setting or file of the operator's is wrong; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: `line` and `column` count from 1, 0 where unknown."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PolicyError(ConfigurationError):
    """A policy that does not load: `problems` holds every error found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


class InputError(GuardrailError):
    """A request that cannot be read; the message never quotes its text."""


class LogUnavailable(GuardrailError):
    """The attempt log cannot make an entry durable, so the call is not made."""


class DetectorUnavailable(GuardrailError):
    """A detector that was asked for cannot be loaded; the message says what to install."""


class UnguardedOperation(GuardrailError):
    """A generation function that no codec knows how to screen, so it is not run."""
