"""One stretch of text that speaks of a person, before it becomes a finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from guardrail.records import Kind

_FULL = 9


@dataclass(frozen=True, slots=True)
class Hit:
    """A person seen in one part.

    start, end: code points of the original text, `end` exclusive.
    score: [0, 1].
    name: whether the stretch is a personal name; else it is a reference such as "my ex".
    known: whether the name index lists it.
    maker: whether the index lists it as one who makes pictures or films.
    thing: whether it is a brand, a work or a place, in which no unlisted person is named.
    """

    start: int
    end: int
    kind: Kind
    score: float
    name: bool = True
    known: bool = False
    maker: bool = False
    thing: bool = False


def select(hits: Iterable[Hit]) -> list[Hit]:
    """Drop what overlaps something better, and give a longer name the kind of the listed one in it.

    Better is a name than a reference, a longer stretch than a shorter, a listed name than another;
    but a description of somebody real ("who played ...") beats the character it names.
    """
    hits = _persons(list(hits))
    described = [h for h in hits if not h.name and h.kind is Kind.PUBLIC]
    if described:
        parts = [h for h in hits if _played(h, described)]
        hits = [h for h in hits if h.known or not h.name or not _over(h, parts)]
        hits = [h for h in hits if h not in parts and not _mentioned(h, described)]
    ranked = sorted(hits, key=lambda h: (not h.name, h.start - h.end, not h.known, -h.score))
    kept: list[Hit] = []
    owner: dict[int, int] = {}
    for hit in ranked:
        over = [owner[i] for i in range(hit.start, hit.end) if i in owner]
        number = min(over, default=len(kept))
        if not over:
            kept.append(hit)
        elif hit.known and kept[number].name and not kept[number].known:
            old = kept[number]
            kept[number] = _merged(old, hit)
            for i in range(old.start, old.end):
                owner.pop(i, None)
        else:
            continue
        owner.update(dict.fromkeys(range(kept[number].start, kept[number].end), number))
    return sorted(kept, key=lambda h: h.start)


def _persons(hits: list[Hit]) -> list[Hit]:
    """The hits without things, and without the unlisted names in things and in accounts."""
    things = [h for h in hits if h.thing or (not h.name and h.kind is Kind.PRIVATE)]
    if not things:
        return hits
    return [
        h
        for h in hits
        if not h.thing
        and (not h.name or (h.known and h.end - h.start >= _FULL) or not _over(h, things))
    ]


def _played(hit: Hit, described: list[Hit]) -> bool:
    """Whether the hit is a character inside the description of a real person."""
    return hit.kind is Kind.FICTIONAL and any(
        d.start <= hit.start and hit.end <= d.end and hit.end - hit.start < d.end - d.start
        for d in described
    )


def _mentioned(hit: Hit, described: list[Hit]) -> bool:
    """Whether the hit is an unlisted word of a description, such as the country of a president."""
    return (
        hit.name
        and not hit.known
        and any(
            d.start <= hit.start
            and hit.end <= d.end
            and 2 * (hit.end - hit.start) < d.end - d.start
            for d in described
        )
    )


def _over(hit: Hit, others: list[Hit]) -> bool:
    return any(hit.start < other.end and other.start < hit.end for other in others)


def _merged(longer: Hit, listed: Hit) -> Hit:
    """A full listed name stands by itself; a single one lends its kind to the name around it."""
    if (
        listed.end - listed.start >= _FULL
        and 2 * (listed.end - listed.start) >= longer.end - longer.start
    ):
        return listed
    return replace(longer, kind=listed.kind, known=True, maker=listed.maker)
