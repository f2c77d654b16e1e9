"""What the tagger sees at each morpheme of a Japanese text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from guardrail.detect.persons.tagging import (
    FIELD,
    OFFSET,
    TAGS,
    TOP,
    Said,
    marks,
    revised,
    shipped,
    spread,
)

if TYPE_CHECKING:
    from guardrail.detect.persons.japanese import Morpheme

OWN = 7
AROUND = 24
SUMMED = OWN + AROUND
HOPE = 0.4
PARTICLE_HOPE = -0.5
_STRONG = 0.7
_KEPT = 4
_FORGET = 50_000
_PARTICLE = re.compile(r"[\u3041-\u309f]{1,2}|[\W\d_]+")
_SALTS = tuple(spread(number, 33) for number in range(SUMMED))


class Seen:
    """What one morpheme shows by itself.

    own: buckets of its own features; always `OWN` of them.
    word, sort, both: hashes of the word, of its part of speech, and of that with its shape.
    """

    __slots__ = ("both", "own", "sort", "word")

    def __init__(self, word: str, code: int, bits: int) -> None:
        mask = (1 << bits) - 1
        self.word = _hash(word)
        self.sort = code
        shape = 0
        for c in word[:_KEPT]:
            shape = shape << 3 | _sort(c)
        shape = shape << 3 | min(7, len(word))
        self.both = (code ^ shape * 0x27D4EB2F) & 0xFFFFFFFF
        keys = (
            self.word,
            self.both,
            code,
            _hash(word[:1]) ^ len(word),
            _hash(word[:2]),
            _hash(word[-2:]),
            _hash(word[-3:]),
        )
        self.own = tuple(spread(key, 100 + k) & mask for k, key in enumerate(keys))


class Surroundings:
    """What stands around each morpheme of a text and what the rules say of it."""

    __slots__ = ("_both", "_mask", "_rules", "_sort", "_word")

    def __init__(self, seen: Sequence[Seen], ruled: Said, bits: int) -> None:
        self._word = [3, 3, *[s.word for s in seen], 5, 5]
        self._sort = [3, 3, *[s.sort for s in seen], 5, 5]
        self._both = [3, 3, *[s.both for s in seen], 5, 5]
        self._rules = [0, *marks(ruled, len(seen), _STRONG), 0]
        self._mask = (1 << bits) - 1

    def at(self, i: int) -> list[int]:
        """The `AROUND` buckets of morpheme `i`."""
        w2, w1, w, w_1, w_2 = self._word[i : i + 5]
        p2, p1, p, p_1, p_2 = self._sort[i : i + 5]
        b2, b1, b, b_1, b_2 = self._both[i : i + 5]
        r1, r, r_1 = self._rules[i : i + 3]
        keys = (
            w2,
            w1,
            w_1,
            w_2,
            b2,
            b1,
            b_1,
            b_2,
            w1 * 0x9E37 ^ w,
            w * 0x9E39 ^ w_1,
            w1 * 31 ^ b,
            b * 33 ^ w_1,
            b1 * 37 ^ w,
            w * 39 ^ b_1,
            b1 * 0x9E3B ^ b,
            b * 0x9E3D ^ b_1,
            (b2 * 0x9E3F ^ b1) * 3,
            (b_1 * 0x9E41 ^ b_2) * 5,
            (b1 * 41 ^ b) * 43 ^ b_1,
            (p1 * 41 ^ p) * 43 ^ p_1,
            (p2 * 45 ^ p1) * 47 ^ p,
            (p * 49 ^ p_1) * 51 ^ p_2,
            (r1 << 8 | r << 4 | r_1) * 0x9E3779B1,
            r * 0x3D4D51CB + b,
        )
        mask = self._mask
        return [(key ^ key >> 15 ^ salt) & mask for key, salt in zip(keys, _SALTS, strict=False)]


def _sort(c: str) -> int:
    if "\u3041" <= c <= "\u309f":
        return 1
    if "\u30a1" <= c <= "\u30ff":
        return 2
    if "\u3400" <= c <= "\u9fff" or c == "々":
        return 3
    if c.isdigit():
        return 4
    return 5 if c.isalpha() else 6


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


class MorphemeTagger:
    """Revises what the rules found in Japanese text."""

    def __init__(self) -> None:
        self._tagger = shipped("ja")
        self._memory: dict[tuple[str, int], tuple[Seen, int, bool]] = {}
        self._lifts = self._lift(HOPE)
        self._few = self._lift(PARTICLE_HOPE)

    def _lift(self, hope: float) -> int:
        """What sets the top bit of a field whose own weights are worth `-hope`, when added."""
        lift = (1 << (FIELD - 1)) - OWN * OFFSET + int(hope / self._tagger.scale)
        return sum(lift << (FIELD * k) for k in range(TAGS - 1))

    def revised(self, text: str, tokens: Sequence[Morpheme], ruled: Said) -> Said:
        """The names, each with a score in [0, 1] and the half-open range of its morphemes."""
        tagger, memory = self._tagger, self._memory
        if len(memory) > _FORGET:
            memory.clear()
        keys = [(text[t.begin : t.end], t.code) for t in tokens]
        known = [memory.get(key) or self._learn(key) for key in keys]
        live = {i for i, (_, _, hopeful) in enumerate(known) if hopeful}
        for _, start, end in ruled:
            live.update(range(start, end))
        if not live:
            return ruled
        around = Surroundings([s for s, _, _ in known], ruled, tagger.bits)
        totals = [0] * len(known)
        look = tagger.table.__getitem__
        for i in live:
            totals[i] = known[i][1] + sum(map(look, around.at(i)))
        return revised(tagger, totals, SUMMED, ruled)

    def _learn(self, key: tuple[str, int]) -> tuple[Seen, int, bool]:
        """What the morpheme shows, the sum of its own weights, and whether it may be in a name."""
        seen = Seen(*key, self._tagger.bits)
        total = sum(map(self._tagger.table.__getitem__, seen.own))
        lifts = self._few if _PARTICLE.fullmatch(key[0]) else self._lifts
        self._memory[key] = found = (seen, total, bool((total + lifts) & TOP))
        return found
