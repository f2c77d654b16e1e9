"""A linear-chain tagger over hashed features: which units of a text make up a name."""

from __future__ import annotations

import json
import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from guardrail.detect.persons.lexicon import DATA

OFFSET = 512
FIELD = 16
TAGS = 5
OUT, BEGIN, INSIDE, END, SINGLE = range(TAGS)
NEXT = (
    (OUT, BEGIN, SINGLE),
    (INSIDE, END),
    (INSIDE, END),
    (OUT, BEGIN, SINGLE),
    (OUT, BEGIN, SINGLE),
)
_MASK = (1 << FIELD) - 1
TOP = sum(1 << (FIELD * (k + 1) - 1) for k in range(TAGS - 1))
_STARTS = (1 << (FIELD * BEGIN - 1)) | (1 << (FIELD * SINGLE - 1))
_NEVER = -(10**9)
_REACH = 2.5

Columns = Sequence[Sequence[int]]
Said = Sequence[tuple[float, int, int]]
Moves = tuple[tuple[int, ...], ...]


def spread(value: int, salt: int) -> int:
    """A 32-bit mix of a number with a salt; the same on every machine."""
    value = ((value ^ salt) * 0x9E3779B1) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return value ^ (value >> 13)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A run of units tagged as one name.

    start, end: units, `end` exclusive.
    odds: natural log-odds that it is a name rather than nothing.
    """

    start: int
    end: int
    odds: float


@dataclass(frozen=True, slots=True)
class Tagger:
    """Weights of a trained tagger.

    table: a bucket holds the weights of the four tags other than `OUT` as unsigned 16-bit fields,
        `OFFSET` added to each; the last bucket is empty.
    moves: the weight of each tag after each other.
    scale: what one unit of a weight is worth in log-odds.
    least: log-odds from which a run counts.
    floor: log-odds below which what the rules found does not count.
    """

    bits: int
    table: array[int]
    moves: Moves
    scale: float
    least: float
    floor: float

    @classmethod
    def of(cls, content: bytes) -> Tagger:
        """A tagger from the bytes of its file: a line of JSON, then the table, little-endian."""
        head, _, body = content.partition(b"\n")
        facts = json.loads(head)
        table = array("Q", body)
        if sys.byteorder == "big":
            table.byteswap()
        moves = tuple(tuple(row) for row in facts["moves"])
        return cls(facts["bits"], table, moves, facts["scale"], facts["least"], facts["floor"])

    def totals(self, columns: Columns) -> list[int]:
        """The packed sum of weights at each unit; a column names one bucket for each unit."""
        look = self.table.__getitem__
        return list(map(sum, zip(*[map(look, column) for column in columns], strict=True)))

    def names(self, totals: Sequence[int], summed: int) -> list[Tagged]:
        """The likeliest names in units whose sums of `summed` weights are `totals`."""
        found: list[Tagged] = []
        base = summed * OFFSET
        lifts = _lifts(self.moves, self.scale, base)
        start = -1
        for i, total in enumerate(totals):
            near = total + lifts
            if start < 0:
                if near & _STARTS:
                    start = i
            elif not near & TOP:
                found += self._path(totals, start, i, base)
                start = -1
        if start >= 0:
            found += self._path(totals, start, len(totals), base)
        return found

    def _path(self, totals: Sequence[int], start: int, end: int, base: int) -> list[Tagged]:
        """The names on the best path from `start` to `end`, with nothing around them."""
        if end == start + 1:
            odds = self.odds(totals, start, end, base)
            return [Tagged(start, end, odds)] if odds >= self.least else []
        to_out, to_begin, to_inside, to_end, to_single = _ways(self.moves)
        toll = int(self.least / self.scale)
        best = [0, _NEVER, _NEVER, _NEVER, _NEVER]
        backs = []
        for total in totals[start:end]:
            out, out_from = max([(best[tag] + move, tag) for tag, move in to_out])
            begin, begin_from = max([(best[tag] + move, tag) for tag, move in to_begin])
            inside, inside_from = max([(best[tag] + move, tag) for tag, move in to_inside])
            last, last_from = max([(best[tag] + move, tag) for tag, move in to_end])
            single, single_from = max([(best[tag] + move, tag) for tag, move in to_single])
            best = [
                out,
                begin + (total & _MASK) - base - toll,
                inside + (total >> FIELD & _MASK) - base,
                last + (total >> 2 * FIELD & _MASK) - base,
                single + (total >> 3 * FIELD) - base - toll,
            ]
            backs.append((out_from, begin_from, inside_from, last_from, single_from))
        closing = max([(best[tag] + move, tag) for tag, move in to_out])[1]
        return self._runs(totals, start, backs, closing, base)

    def _runs(
        self,
        totals: Sequence[int],
        start: int,
        backs: Sequence[tuple[int, ...]],
        tag: int,
        base: int,
    ) -> list[Tagged]:
        found = []
        stop = 0
        for i in range(len(backs) - 1, -1, -1):
            if tag in {END, SINGLE}:
                stop = start + i + 1
            if tag in {BEGIN, SINGLE}:
                span = (start + i, stop)
                found.append(Tagged(*span, self.odds(totals, *span, base)))
            tag = backs[i][tag]
        return found[::-1]

    def odds(self, totals: Sequence[int], start: int, end: int, base: int) -> float:
        """Log-odds that the units are one name rather than nothing."""
        inner = [INSIDE] * (end - start - 2)
        tags = [SINGLE] if end == start + 1 else [BEGIN, *inner, END]
        score = 0
        last = OUT
        stay = self.moves[OUT][OUT]
        for i, tag in enumerate(tags, start):
            field = (totals[i] >> (FIELD * (tag - 1))) & _MASK
            score += field - base + self.moves[last][tag] - stay
            last = tag
        return (score + self.moves[last][OUT] - stay) * self.scale


@cache
def _lifts(moves: Moves, scale: float, base: int) -> int:
    """What sets the top bit of each field whose tag is worth thinking of, when added."""
    stay = moves[OUT][OUT]
    reach = int(_REACH / scale)
    enter = (moves[OUT][BEGIN] - stay, 0, 0, moves[OUT][SINGLE] + moves[SINGLE][OUT] - 2 * stay)
    half = 1 << (FIELD - 1)
    return sum(half - base + reach + move << FIELD * k for k, move in enumerate(enter))


@cache
def _ways(moves: Moves) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For each tag those it may come after, with what that weighs more than to stay outside."""
    stay = moves[OUT][OUT]
    return tuple(
        tuple((tag, moves[tag][to] - stay) for tag in range(TAGS) if to in NEXT[tag])
        for to in range(TAGS)
    )


@cache
def shipped(name: str) -> Tagger:
    """The tagger of a script that comes with this package."""
    return Tagger.of((DATA / f"tagger_{name}.bin").read_bytes())


def marks(said: Said, length: int, strong: float) -> list[int]:
    """What the rules say of each unit: its tag, plus 4 in names of a strong score."""
    found = [OUT] * length
    for score, start, end in said:
        more = 4 if score >= strong else 0
        if end == start + 1:
            found[start] = SINGLE + more
            continue
        found[start:end] = [INSIDE + more] * (end - start)
        found[start] = BEGIN + more
        found[end - 1] = END + more
    return found


def revised(tagger: Tagger, totals: Sequence[int], summed: int, ruled: Said) -> Said:
    """What the tagger finds, and what the rules found beside it unless the tagger rules it out.

    Each with a score in [0, 1] and a half-open range of units.
    """
    scores = {(start, end): score for score, start, end in ruled}
    found = []
    taken: set[int] = set()
    for name in tagger.names(totals, summed):
        span = (name.start, name.end)
        taken.update(range(*span))
        found.append((max(share(name.odds), scores.get(span, 0.0)), *span))
    for score, start, end in ruled:
        if taken.isdisjoint(range(start, end)):
            odds = tagger.odds(totals, start, end, summed * OFFSET)
            if odds >= tagger.floor:
                found.append((score, start, end))
    return found


def share(odds: float) -> float:
    """The probability of log-odds, kept inside [0.3, 0.95]."""
    return min(0.95, max(0.3, 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))))
