"""What a policy made of the facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from guardrail.records.finding import Finding
from guardrail.records.request import Stage


class Action(IntEnum):
    """The three answers, by strictness."""

    ALLOW = 0
    GATE = 1
    REFUSE = 2

    @property
    def label(self) -> str:
        """The name used in policies, logs and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a caller must meet; an empty `tier` asks for none in particular."""

    tier: tuple[str, ...] = ()
    age_verified: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Which policy decided: `str()` is `name@version sha256:<digest>`."""

    name: str
    version: int
    digest: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version} sha256:{self.digest}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a request, and why.

    rule: id of the deciding rule, empty when none matched; `on-error` when a scan is missing, and
        then `rules` names the rule that could not be ruled out.
    reason: machine-readable code, such as `real_person_sexual`; `allowed` when none matched.
    rules: the deciding rule first, then, unless it refuses, every other that came to the same.
    obligations: what an allowed output owes (`label`, `watermark`, `review`), sorted.
    requirement: what a gated caller has to meet.
    law: legal bases named by the deciding rule.
    overlays: jurisdiction overlays that counted.
    """

    action: Action
    rule: str
    reason: str
    policy: PolicyRef
    stage: Stage = Stage.INPUT
    rules: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    requirement: Requirement | None = None
    law: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
