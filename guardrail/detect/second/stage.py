"""The detector `sexual.second`: asked about places, by the flow, where the first stage doubts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Protocol

from guardrail.detect.second.opinion import (
    DECIDES,
    Budget,
    Memory,
    Opinion,
    OverBudget,
    opinion,
)
from guardrail.records import FactName, Finding, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from guardrail.detect.base import Document
    from guardrail.policy.second import SecondStage

NAME = "sexual.second"
_COST = 100_000.0


class Backend(Protocol):
    """Scores a text; safe to call from several threads.

    version: changes when scores may.
    """

    version: str

    def scores(self, text: str) -> Mapping[str, float]:
        """The score of each of its labels, in [0, 1]; raise when it cannot tell."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A part that the first stage is in doubt of, and where it saw most; None: nowhere."""

    part: int
    span: Span | None = None


class SecondOpinion:
    """What the second stage knows across requests: its backend, memory and budget.

    tells_minors: whether one of its labels stands for a minor. limit: seconds it may take.
    keeps_floors: whether what it undoes may not be what a floor refuses.
    """

    keeps_floors = False

    def __init__(self, settings: SecondStage, backend: Backend, seconds: float = math.inf) -> None:
        self.settings = settings
        self.version = backend.version
        self.tells_minors = any(meaning == "minor" for _, meaning in settings.labels)
        self.limit = settings.limit_ms / 1e3
        self._backend = backend
        self._memory = Memory(settings.cache, seconds)
        self._budget = Budget(settings.per_minute)
        self._free = BoundedSemaphore(settings.concurrency)

    def about(self, places: Sequence[Place], provides: frozenset[FactName]) -> Asked:
        """The detector that reads these places, for these facts."""
        return Asked(self, tuple(places), provides)

    def opinion(self, text: str) -> Opinion:
        """What the backend makes of a text, from memory where it was asked before."""
        clean = text.encode("utf-8", "replace").decode()
        key = self._memory.key(clean)
        found = self._memory.get(key)
        if found is None:
            found = opinion(self._ask(clean), self.settings)
            self._memory.put(key, found)
        return found

    def _ask(self, text: str) -> Mapping[str, float]:
        if not self._free.acquire(timeout=self.limit):
            raise OverBudget
        try:
            self._budget.spend()
            return self._backend.scores(text)
        finally:
            self._free.release()


class Asked:
    """The second stage asked about some places of one document.

    It reads a text with its disguises undone. A `sexual` finding for each place, `none` included;
    a `minor` one where the backend says so.
    """

    name = NAME
    cost = _COST
    inline = False

    def __init__(
        self, stage: SecondOpinion, places: tuple[Place, ...], provides: frozenset[FactName]
    ) -> None:
        self.version = stage.version
        self.provides = provides
        self.limit = stage.limit
        self._stage = stage
        self._places = places

    def detect(self, document: Document) -> Iterator[Finding]:
        """Report on the places, in order."""
        for place in self._places:
            text = undisguised(document, place.part)
            yield from self._findings(
                self._stage.opinion(text), place.span or whole(document, place.part)
            )

    def _findings(self, found: Opinion, span: Span) -> Iterator[Finding]:
        yield self._finding("sexual", found.severity.label, found.score, span)
        if found.minor >= DECIDES:
            yield self._finding("minor", "model", found.minor, span)

    def _finding(self, label: str, value: str, score: float, span: Span) -> Finding:
        return Finding(
            detector=self.name,
            version=self.version,
            label=label,
            value=value,
            span=span,
            score=score,
        )


def undisguised(document: Document, part: int) -> str:
    """A part's text with its disguises undone."""
    reading = document.reading(part)
    return reading.text if reading else document.parts[part].text


def whole(document: Document, part: int) -> Span:
    """All of a part."""
    return Span(part, 0, len(document.parts[part].text))
