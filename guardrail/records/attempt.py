"""One request as the attempt log is handed it: opened before the model is called, closed after."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from guardrail.records.decision import Action, Decision, PolicyRef
from guardrail.records.finding import Facts, Scan
from guardrail.records.request import Request


class Outcome(StrEnum):
    """How an attempt ended."""

    RELEASED = "released"
    REFUSED = "refused"
    GATED = "gated"
    FAILED = "failed"
    CANCELLED = "cancelled"


def new_id(at: int | None = None) -> str:
    """A UUID of version 7, 32 hex digits: those made later sort later, so indexes grow at one end.

    at: nanoseconds since the epoch, default now.

    Source: RFC 9562 section 5.7, with 12 more bits of the time as in section 6.2, method 3.
    """
    milliseconds, rest = divmod(time.time_ns() if at is None else at, 1_000_000)
    time_part = (milliseconds & ((1 << 48) - 1)) << 80
    more_time = (rest << 12) // 1_000_000 << 64
    return f"{time_part | 7 << 76 | more_time | 2 << 62 | secrets.randbits(62):032x}"


@dataclass(frozen=True, slots=True)
class AttemptOpened:
    """The input stage of an attempt. A log stores no text of `request` in the clear.

    at: nanoseconds since the epoch, UTC.
    """

    request: Request = field(repr=False)
    decision: Decision
    facts: Facts
    scans: tuple[Scan, ...]
    id: str = field(default_factory=new_id)
    at: int = field(default_factory=time.time_ns)

    @property
    def flagged(self) -> bool:
        """Whether the attempt is kept in full; otherwise it is only counted."""
        return is_flagged(self.decision, self.facts)


@dataclass(frozen=True, slots=True)
class AttemptClosed:
    """The end of an attempt.

    decision: the strictest over all stages.
    output_sha256: of the screened output text as released, hex; empty when nothing was released.
    model_called: whether the request reached the model.
    error: type name of what the model call raised; `UpstreamFailed` where its stream told of an
    error; never a message.
    at: nanoseconds since the epoch, UTC.
    """

    opened: AttemptOpened = field(repr=False)
    outcome: Outcome
    decision: Decision
    facts: Facts
    scans: tuple[Scan, ...] = ()
    model_called: bool = False
    output_sha256: str = ""
    error: str = ""
    at: int = field(default_factory=time.time_ns)

    @property
    def id(self) -> str:
        """The attempt's id."""
        return self.opened.id

    @property
    def flagged(self) -> bool:
        """Whether the attempt is kept in full; otherwise it is only counted."""
        return self.opened.flagged or is_flagged(self.decision, self.facts)


def is_flagged(decision: Decision, facts: Facts) -> bool:
    """Refused, gated, sexual, undressing, or not fully scanned."""
    return bool(
        decision.action is not Action.ALLOW
        or facts.sexual.severity
        or facts.undress
        or facts.unscanned
    )


class AttemptLog(Protocol):
    """Where attempts are kept."""

    def open(self, entry: AttemptOpened) -> None:
        """Make the entry durable before returning; raise LogUnavailable if that cannot be."""
        ...

    def close(self, entry: AttemptClosed) -> None:
        """Record the end of an attempt; raise LogUnavailable if a flagged one cannot be kept."""
        ...


@runtime_checkable
class AsyncAttemptLog(Protocol):
    """A log that can also be written from an event loop, without a thread for each entry."""

    async def aopen(self, entry: AttemptOpened) -> None:
        """As `AttemptLog.open`; a cancelled task is cancelled when the entry is written."""
        ...

    async def aclose(self, entry: AttemptClosed) -> None:
        """As `AttemptLog.close`; a cancelled task is cancelled when the entry is written."""
        ...


@runtime_checkable
class PolicyHistory(Protocol):
    """A log that also keeps the policies by which it was decided."""

    def uses(self, policy: PolicyRef, text: Mapping[str, object]) -> None:
        """Make known what `policy` says; it is kept with the first attempt it decides."""
        ...
