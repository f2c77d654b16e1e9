"""What detectors saw, and what that amounts to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Literal

from guardrail.records.request import TextPart

FactName = Literal["sexual", "minor", "persons", "edit", "obfuscated", "intent", "labels"]
FACT_NAMES: tuple[FactName, ...] = (
    "sexual",
    "minor",
    "persons",
    "edit",
    "obfuscated",
    "intent",
    "labels",
)


class Severity(IntEnum):
    """How sexual a request is; `SUGGESTIVE`: swimwear, lingerie or a sexy pose put on somebody."""

    NONE = 0
    SUGGESTIVE = 1
    NUDITY = 2
    EXPLICIT = 3

    @property
    def label(self) -> str:
        """The name used in policies, logs and JSON."""
        return self.name.lower()


class Kind(StrEnum):
    """What sort of person is spoken of."""

    PUBLIC = "public"
    PRIVATE = "private"
    RELATIONAL = "relational"
    UPLOADED = "uploaded"
    FICTIONAL = "fictional"


class Role(StrEnum):
    """What the request does with a person: shows them, names them as a source, or mentions them."""

    DEPICTED = "depicted"
    CREATOR = "creator"
    MENTIONED = "mentioned"


_VALUES: dict[str, frozenset[str]] = {
    "sexual": frozenset(severity.label for severity in Severity),
    "person": frozenset(Kind),
    "edit": frozenset({"photo", "undress"}),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range into the original text of one part: code points, `end` exclusive."""

    part: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if not (self.part >= 0 and 0 <= self.start <= self.end):
            raise ValueError(f"not a span: part {self.part}, {self.start}..{self.end}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one detector saw once; never a copy of the text.

    label: the fact it speaks to: `sexual`, `minor`, `person`, `edit`, `obfuscated`, `intent`,
        or a third party's own dotted label such as `acme.logo`.
    value: sexual: a severity label; person: a kind; edit: `photo` or `undress`; minor: the cue
        (`age`, `school`, ...); intent: `generate`, `inform`, ...; obfuscated: what was undone.
    role: persons only.
    name: persons only: whether the span is a personal name (else a reference such as "my ex").
    minor, protected, consented: persons only, where a register says so.
    score: [0, 1].
    """

    detector: str
    version: str
    label: str
    value: str = ""
    span: Span | None = None
    score: float = 1.0
    role: Role | None = None
    name: bool = False
    minor: bool = False
    protected: bool = False
    consented: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} of {self.detector} is outside [0, 1]")
        if self.label in _VALUES and self.value not in _VALUES[self.label]:
            raise ValueError(f"{self.detector}: {self.value!r} is no value of {self.label!r}")

    def shifted(self, parts: Sequence[TextPart]) -> Finding:
        """The same finding with its span counted from where each part's whole text begins."""
        span = self.span
        if span is None or not (offset := parts[span.part].offset):
            return self
        return replace(self, span=Span(span.part, span.start + offset, span.end + offset))


ScanStatus = Literal["ok", "timeout", "error", "missing", "skipped"]


@dataclass(frozen=True, slots=True)
class Scan:
    """One detector's turn at one stage. Anything but `ok` and `skipped` is unscanned.

    ms: wall time, milliseconds.
    problem: what went wrong, an exception's type at most; never text of the request.
    """

    detector: str
    version: str
    provides: frozenset[FactName]
    status: ScanStatus
    findings: tuple[Finding, ...] = ()
    ms: float = 0.0
    problem: str = ""

    @property
    def unscanned(self) -> bool:
        """Whether the detector was asked and gave no answer."""
        return self.status not in ("ok", "skipped")


@dataclass(frozen=True, slots=True)
class Person:
    """A person the request speaks of; `span` is None for one seen only in an upload."""

    kind: Kind
    role: Role
    score: float
    span: Span | None = None
    name: bool = False
    minor: bool = False
    protected: bool = False
    consented: bool = False

    @property
    def real(self) -> bool:
        """Whether this kind counts as a real person."""
        return self.kind is not Kind.FICTIONAL

    @property
    def depicted(self) -> bool:
        """Whether the request shows this person."""
        return self.role is Role.DEPICTED


@dataclass(frozen=True, slots=True)
class Sexual:
    """How sexual the request is; `score` in [0, 1] is that of being `NUDITY` or more."""

    severity: Severity = Severity.NONE
    score: float = 0.0
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Minor:
    """Whether somebody under 18, or childlike, is spoken of; score in [0, 1]."""

    present: bool = False
    score: float = 0.0
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the findings so far amount to.

    complete: facts every provider of which has answered; the others may still grow.
    unscanned: facts a provider of which failed, timed out or is missing.
    labels: third-party labels found.
    """

    sexual: Sexual = Sexual()
    minor: Minor = Minor()
    persons: tuple[Person, ...] = ()
    edit_of_photo: bool = False
    undress: bool = False
    obfuscated: frozenset[str] = frozenset()
    intent: str = ""
    labels: frozenset[str] = frozenset()
    complete: frozenset[FactName] = frozenset()
    unscanned: frozenset[FactName] = frozenset()
