"""What the tagger sees at each Latin-script word of a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

from guardrail.detect.persons.lexicon import (
    COMMON,
    GIVEN,
    PARTICLE,
    SURNAME,
)
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
from guardrail.detect.persons.tokens import Tokens

OWN = 13
AROUND = 19
SUMMED = OWN + AROUND
_NAMES = GIVEN | SURNAME | COMMON | PARTICLE
_LONG = 7
_STRONG = 0.8
_FORGET = 50_000
HOPE = 1.0
_SALTS = tuple(spread(k, 72) for k in range(AROUND))
_MODES = tuple(tuple(spread(a << 1 | b, 71) for b in (0, 1)) for a in (0, 1))


class Seen:
    """What one word shows by itself.

    own: buckets of its own features; always `OWN` of them.
    low, kind: hashes of the folded word, and of its classes and shape.
    """

    __slots__ = ("kind", "low", "own")

    def __init__(self, word: str, flags: int, bits: int, *, caseless: bool) -> None:
        low = word.casefold()
        shape = 1 if caseless else _shape(word)
        mask = (1 << bits) - 1
        self.low = code = _hash(low)
        self.kind = spread(flags << 4 | shape, 70)
        letters = min(len(low), _LONG)
        keys = (
            code,
            spread(code, shape + 1),
            _hash(low[:2]),
            _hash(low[:3]),
            _hash(low[:4]),
            _hash(low[-2:]),
            _hash(low[-3:]),
            _hash(low[-4:]),
            spread(_hash(low[-3:]), shape + 20),
            self.kind,
            (flags & _NAMES) << 8 | shape << 4 | letters,
            shape << 4 | letters,
            flags,
        )
        self.own = tuple(spread(key, 100 + k) & mask for k, key in enumerate(keys))


class Surroundings:
    """What stands around each word of a text and what the rules say of it."""

    __slots__ = ("_gaps", "_kind", "_low", "_mask", "_mode", "_rules")

    def __init__(self, t: Tokens, seen: Sequence[Seen], ruled: Said, bits: int) -> None:
        self._low = [3, 3, *[s.low for s in seen], 5, 5]
        self._kind = [3, 3, *[s.kind for s in seen], 5, 5]
        self._rules = [0, *marks(ruled, len(seen), _STRONG), 0]
        self._gaps = t.seps
        self._mode = _MODES[t.caseless][t.german]
        self._mask = (1 << bits) - 1

    def at(self, i: int) -> list[int]:
        """The `AROUND` buckets of word `i`."""
        low2, low1, low, low_1, low_2 = self._low[i : i + 5]
        kind2, kind1, kind, kind_1, kind_2 = self._kind[i : i + 5]
        rule1, rule, rule_1 = self._rules[i : i + 3]
        before, after = _gap(self._gaps[i]), _gap(self._gaps[i + 1])
        pair1, pair_1 = kind1 * 31 + kind, kind * 37 + kind_1
        keys = (
            low2,
            low1,
            low_1,
            low_2,
            kind1,
            kind_1,
            low1 * 31 + low,
            low * 37 + low_1,
            pair1,
            pair_1,
            kind2 * 41 + pair1,
            pair1 * 43 + kind_1,
            pair_1 * 47 + kind_2,
            before,
            after,
            before * 53 + kind,
            kind ^ self._mode,
            (rule1 << 8 | rule << 4 | rule_1) * 0x9E3779B1,
            rule * 0x3D4D51CB + kind,
        )
        mask = self._mask
        return [(key ^ key >> 15 ^ salt) & mask for key, salt in zip(keys, _SALTS, strict=True)]


class SpelledTagger:
    """Revises what the rules found in Latin script."""

    def __init__(self) -> None:
        self._tagger = shipped("latin")
        self._memory: tuple[dict[str, tuple[Seen, int, bool]], ...] = ({}, {})
        lift = (1 << (FIELD - 1)) - OWN * OFFSET + int(HOPE / self._tagger.scale)
        self._lifts = sum(lift << (FIELD * k) for k in range(TAGS - 1))

    def revised(self, tokens: Tokens, ruled: Said) -> Said:
        """The names, each with a score in [0, 1] and the half-open range of its words."""
        tagger = self._tagger
        memory = self._memory[tokens.caseless]
        if len(memory) > _FORGET:
            memory.clear()
        known = [
            memory.get(word) or self._learn(memory, word, flags, caseless=tokens.caseless)
            for word, flags in zip(tokens.words, tokens.flags, strict=True)
        ]
        live = {i for i, (_, _, hopeful) in enumerate(known) if hopeful}
        for _, start, end in ruled:
            live.update(range(start, end))
        if not live:
            return ruled
        around = Surroundings(tokens, [s for s, _, _ in known], ruled, tagger.bits)
        totals = [0] * len(known)
        look = tagger.table.__getitem__
        for i in live:
            totals[i] = known[i][1] + sum(map(look, around.at(i)))
        return revised(tagger, totals, SUMMED, ruled)

    def _learn(
        self, memory: dict[str, tuple[Seen, int, bool]], word: str, flags: int, *, caseless: bool
    ) -> tuple[Seen, int, bool]:
        """What the word shows, the sum of its own weights, and whether it may be in a name."""
        seen = Seen(word, flags, self._tagger.bits, caseless=caseless)
        total = sum(map(self._tagger.table.__getitem__, seen.own))
        memory[word] = found = (seen, total, bool((total + self._lifts) & TOP))
        return found


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


def _shape(word: str) -> int:
    if word.islower():
        return 2
    if word.isupper():
        return 3 if len(word) == 1 else 4
    return 5 if word[1:].islower() else 6


@lru_cache(4096)
def _gap(sep: str) -> int:
    if sep == " ":
        return 1
    if len(sep) > 3:  # noqa: PLR2004
        sep = sep[:1] + "~" + sep[-2:]
    return _hash("".join(["0" if c.isdigit() else c for c in sep])) | 2
