"""One stretch of text that speaks of a person, before it becomes a finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from guardrail.records import Kind, Role


@dataclass(frozen=True, slots=True)
class Hit:
    """A person seen in one part.

    start, end: code points of the original text, `end` exclusive.
    score: [0, 1].
    name: whether the stretch is a personal name; else it is a reference such as "my ex".
    role: known only where the wording itself settles it.
    known: whether the name index lists it.
    """

    start: int
    end: int
    kind: Kind
    score: float
    name: bool = True
    role: Role | None = None
    known: bool = False


def select(hits: Iterable[Hit]) -> list[Hit]:
    """Drop what overlaps something better: listed names first, then longer ones, then surer ones."""
    ranked = sorted(hits, key=lambda h: (not h.name, h.start - h.end, not h.known, -h.score))
    kept: list[Hit] = []
    for hit in ranked:
        if all(hit.end <= other.start or other.end <= hit.start for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda h: h.start)
