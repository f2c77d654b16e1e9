"""What is read from the log for an inquiry, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Count:
    """Attempts opened on one day that are alike. day: days since the epoch."""

    day: int
    operation: str
    jurisdiction: str
    tier: str
    policy: str
    opened: int = 0
    released: int = 0
    refused: int = 0
    gated: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def unfinished(self) -> int:
        """Opened, and not ended so far."""
        ended = self.released + self.refused + self.gated + self.failed + self.cancelled
        return self.opened - ended


@dataclass(frozen=True, slots=True)
class Group:
    """Attempts kept in full that are alike. first: the one with the smallest id."""

    day: int
    operation: str
    jurisdiction: str
    tier: str
    policy: str
    stage: str
    action: str
    rule: str
    reason: str
    outcome: str
    attempts: int
    first: str

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes them alike."""
        return (
            self.day,
            self.operation,
            self.jurisdiction,
            self.tier,
            self.policy,
            self.stage,
            self.action,
            self.rule,
            self.reason,
            self.outcome,
        )

    def joined(self, other: Group | None) -> Group:
        """Both together."""
        if other is None:
            return self
        attempts = self.attempts + other.attempts
        return replace(self, attempts=attempts, first=min(self.first, other.first))


@dataclass(frozen=True, slots=True)
class Event:
    """An entry that speaks of no attempt. seq: from 1; at: ns."""

    seq: int
    at: int
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offender:
    """A caller who was stopped more than once. user: a pseudonym; first, last: ns."""

    user: str
    attempts: int
    refused: int
    gated: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """Numbers of an attempt's entries, from 1."""

    opened: int | None
    closed: int | None

    @property
    def last(self) -> int:
        """The entry that says most."""
        return self.closed or self.opened or 0


@dataclass(frozen=True, slots=True)
class Sampled:
    """One attempt. opened, closed: bodies of its entries; closed is None while it is open."""

    id: str
    at: int
    place: Place
    opened: dict[str, Any] = field(repr=False)
    closed: dict[str, Any] | None = field(repr=False)
    user: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """The entry that says most: the end, else the opening."""
        return self.closed or self.opened
