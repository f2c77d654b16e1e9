"""What a policy is made of: rules, and the conditions under which they match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from guardrail.records import Action, Operation, Requirement, Severity, Stage

HOLD_BACK = 48
"""Code points of a stream that stay unreleased, at least."""
OBLIGATIONS: tuple[str, ...] = ("label", "review", "watermark")
PERSON_SELECTORS: tuple[str, ...] = (
    "any",
    "real",
    "public",
    "private",
    "relational",
    "uploaded",
    "fictional",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is screened at most.

    text_chars: code points over all parts. images: a request. image_bytes: an image.
    detector_ms: milliseconds a detector may take. hold_back: code points of a stream that stay
    unreleased behind the newest; `all`: nothing is released before the whole is screened.
    """

    text_chars: int = 200_000
    images: int = 16
    image_bytes: int = 20_000_000
    detector_ms: int = 1000
    hold_back: int | Literal["all"] = HOLD_BACK


@dataclass(frozen=True, slots=True)
class When:
    """A conjunction: every condition that is given must hold. All are positive evidence.

    operation: the operations meant, patterns such as `image.*` resolved.
    person: selectors, one of which must hold (`real`: any kind but fictional, depicted;
        a kind: that kind, depicted; `any`: anybody in any role).
    sexual: this severity or more.
    minor, edit_of_photo, undress, obfuscated, protected: True asks for it, False asks nothing.
    label: patterns of third-party labels, one of which must be found.
    tier, app: the caller's, one of those given; empty asks nothing. Never in a floor.
    """

    operation: frozenset[Operation] = frozenset(Operation)
    stage: frozenset[Stage] = frozenset(Stage)
    person: frozenset[str] = frozenset()
    sexual: Severity = Severity.NONE
    minor: bool = False
    edit_of_photo: bool = False
    undress: bool = False
    obfuscated: bool = False
    protected: bool = False
    label: frozenset[str] = frozenset()
    tier: frozenset[str] = frozenset()
    app: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy.

    action: `GATE` exactly when `require` is set.
    floor: may not be removed, weakened or paid for; its action is `REFUSE`.
    reason: reason code; empty stands for the default (`rule id` with underscores when it
        refuses, `allowed` when it allows). A gate's code comes from what is missing.
    on_error: what an unscanned fact makes of it; None leaves that to the policy.
    overlay: the jurisdiction overlay it stands in; empty for a rule that holds everywhere.
    """

    id: str
    action: Action
    when: When = When()
    floor: bool = False
    require: Requirement | None = None
    reason: str = ""
    law: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    on_error: Action | None = None
    description: str = ""
    overlay: str = ""

    def __post_init__(self) -> None:
        if (self.action is Action.GATE) is not (self.require is not None):
            raise ValueError(f"rule {self.id}: a rule gates exactly when it requires something")
        if self.action is Action.REFUSE and self.obligations:
            raise ValueError(f"rule {self.id}: a refusal owes nothing")
        if self.floor and (self.action is not Action.REFUSE or self.when.tier or self.when.app):
            raise ValueError(f"rule {self.id}: a floor refuses, whoever the caller is")
        if self.on_error is Action.GATE and self.require is None:
            raise ValueError(f"rule {self.id}: on_error gate needs a requirement")
        if self.floor and self.on_error not in (None, Action.REFUSE):
            raise ValueError(f"rule {self.id}: a floor refuses what could not be scanned")
