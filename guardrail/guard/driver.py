"""What both drivers are made of."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from guardrail.detect import known_detectors, load_detectors
from guardrail.detect.base import Detector
from guardrail.detect.second import load_second_stage
from guardrail.facts import Carried
from guardrail.policy import Policy, load_policy
from guardrail.policy.digest import effective
from guardrail.records import AttemptClosed, AttemptLog, AttemptOpened, PolicyHistory
from guardrail.scanning import Scanner
from guardrail.screening import Keep, Recall, Screener
from guardrail.sessions import Sessions

R = TypeVar("R")
Which = Literal["needed", "all"]
Steps = Generator[Any, Any, R]


class UnsafeNoLog:
    """An attempt log that keeps nothing: for analysis and tests, never for service."""

    def open(self, entry: AttemptOpened) -> None:
        """Forget the entry."""

    def close(self, entry: AttemptClosed) -> None:
        """Forget the entry."""


class Driver:
    """A policy, its detectors and a log, ready to be driven.

    policy: a shipped policy's name, a file, or a loaded Policy.
    log: where attempts are kept, such as `guardrail.log.open_log()`.
    detectors: default: those the policy names, else all that are installed.
    """

    def __init__(
        self,
        policy: str | Path | Policy = "default",
        *,
        log: AttemptLog,
        detectors: Sequence[Detector] | None = None,
    ) -> None:
        if not isinstance(policy, Policy):
            own = [detector.name for detector in detectors or ()]
            policy = load_policy(policy, known_detectors={*known_detectors(), *own})
        if detectors is None:
            detectors = load_detectors(policy.detectors)
        self.log = log
        if isinstance(log, PolicyHistory):
            log.uses(policy.ref, effective(policy))
        second = load_second_stage(policy.second_stage) if policy.second_stage else None
        self._screener = Screener(policy, detectors, second)
        self._sessions = Sessions()
        self._scanner = Scanner(policy.limits.detector_ms / 1e3)

    @classmethod
    def beside(cls, other: Driver) -> Self:
        """A driver that shares another's policy, detectors, log and conversations."""
        twin = cls.__new__(cls)
        for name in ("log", "_screener", "_sessions", "_scanner"):
            setattr(twin, name, getattr(other, name))
        return twin

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._screener.policy

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """The detectors it can ask, cheapest first."""
        return self._screener.detectors

    def _conversation(self, effect: Recall | Keep) -> Carried | None:
        match effect:
            case Recall(request):
                return self._sessions.recall(request)
            case Keep(request, carried):
                self._sessions.keep(request, carried)
        return None


def no_model() -> Any:
    """Stand where a model would: screening calls none."""
    raise TypeError("screening calls no model")
