"""What the tagger sees at each character of a Korean text, most of it once for each word."""

from __future__ import annotations

import re
from functools import cache

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
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
from guardrail.records import Kind

OWN = 16
AROUND = 8
SUMMED = OWN + AROUND
HOPE = 0.25
_PAD = 3
_STRONG = 0.7
_FORGET = 50_000
_FAR = 5
_MARK, _DIGIT, _LETTER, _HANGUL, _HAN, _KANA = range(1, 7)
_ITSELF = (_MARK, _HANGUL, _HAN, _KANA)
_SALTS = tuple(spread(number, 99) for number in range(SUMMED))
_LISTS = ("surname_main", "surname", "given_strong", "given", "noun_end")
_PIECE = re.compile("[\uac00-\ud7a3]+|[^\uac00-\ud7a3]")


def _sort(c: str) -> int:
    if "\uac00" <= c <= "\ud7a3":
        return _HANGUL
    if "\u3400" <= c <= "\u9fff":
        return _HAN
    if "\u3041" <= c <= "\u30ff":
        return _KANA
    if c.isdigit():
        return _DIGIT
    return _LETTER if c.isalpha() else _MARK


@cache
def _classes() -> dict[str, int]:
    """Syllable -> the lists that have it, as bits above its sort."""
    found: dict[str, int] = {}
    for k, label in enumerate(_LISTS):
        for c in entries("cjk.tsv")[f"ko_{label}"]:
            if len(c) == 1:
                found[c] = found.get(c, _HANGUL) | 1 << (4 + k)
    return found


class Seen:
    """What one word, or one other character, shows by itself.

    own: for each of its characters the buckets of its own features; always `OWN` of them.
    word, head, kind: hashes of the whole and of its beginning; class of its first character.
    """

    __slots__ = ("head", "kind", "own", "word")

    def __init__(self, text: str, bits: int) -> None:
        mask = (1 << bits) - 1
        n = len(text)
        codes = [_code(c) for c in text]
        c = [7] * _PAD + [code for code, _ in codes] + [9] * _PAD
        k = [0] * _PAD + [kind for _, kind in codes] + [0] * _PAD
        heads, tails = _parts(text), _parts(text[::-1])[::-1]
        self.word, self.head, self.kind = _mix(text), _mix(text[:2]), codes[0][1]
        own = []
        for i in range(n):
            c2, c1, c0, c_1, c_2 = c[i + 1 : i + 6]
            k2, k1, k0, k_1, k_2 = k[i + 1 : i + 6]
            near = min(i, _FAR) << 4 | min(n - i, _FAR)
            keys = (
                c0,
                c1 * 31 ^ c0,
                c0 * 33 ^ c_1,
                (c1 * 35 ^ c0) * 37 ^ c_1,
                (c2 * 39 ^ c1) * 41 ^ c0,
                (c0 * 43 ^ c_1) * 45 ^ c_2,
                c1,
                c_1,
                k1 << 18 | k0 << 9 | k_1,
                k2 << 18 | k1 << 9 | k0,
                k0 << 18 | k_1 << 9 | k_2,
                heads[i],
                tails[i],
                heads[i] ^ near,
                k0 << 8 | near,
                self.word ^ near,
            )
            own.append([spread(key, _SALTS[m]) & mask for m, key in enumerate(keys)])
        self.own = own


def _parts(text: str) -> list[int]:
    """Hashes of what stands before each character."""
    found, mix = [], 7
    for c in text:
        found.append(mix)
        mix = (mix * 31 + ord(c)) & 0xFFFFFFFF
    return found


def _mix(text: str) -> int:
    mix = 7
    for c in text:
        mix = (mix * 31 + ord(c)) & 0xFFFFFFFF
    return spread(mix, 64)


@cache
def _code_of(c: str, kind: int) -> int:
    return spread(ord(c) if kind & 15 in _ITSELF else kind, 17)


def _code(c: str) -> tuple[int, int]:
    """The code and the class of a character."""
    kind = _classes().get(c) or _sort(c)
    return _code_of(c, kind), kind


class Surroundings:
    """What stands around each piece of a text (a word or another character)."""

    __slots__ = ("_mask", "_rules", "_seen")

    def __init__(self, seen: list[Seen], length: int, ruled: Said, bits: int) -> None:
        self._seen = seen
        self._rules = [0, *marks(ruled, length, _STRONG), 0]
        self._mask = (1 << bits) - 1

    def beside(self, p: int) -> tuple[int, int, int, int]:
        """The words and the marks before and after piece `p`."""
        seen = self._seen
        last = seen[p - 1] if p else None
        older = seen[p - 2] if p > 1 else None
        next_ = seen[p + 1] if p + 1 < len(seen) else None
        later = seen[p + 2] if p + 2 < len(seen) else None
        before = older.word if last and older and last.kind == _MARK else 1
        after = later.head if next_ and later and next_.kind == _MARK else 2
        return before, after, last.word if last else 3, next_.word if next_ else 4

    def at(self, around: tuple[int, int, int, int], i: int, k: int, n: int) -> list[int]:
        """The `AROUND` buckets of character `i` of the text, the `k`-th of a piece of `n`."""
        before, after, last, next_ = around
        r1, r, r_1 = self._rules[i : i + 3]
        front, back = min(k, _FAR), min(n - k, _FAR)
        keys = (
            before + front * 0x3D4D51CB,
            after + back * 0x2545F491,
            last + front * 0x3D4D51CB,
            next_ + back * 0x2545F491,
            (last * 31 ^ before) + front * 0x3D4D51CB,
            (next_ * 33 ^ after) + back * 0x2545F491,
            (r1 << 8 | r << 4 | r_1) * 0x9E3779B1,
            r * 0x85EBCA6B ^ front << 8 ^ back,
        )
        mask = self._mask
        return [(key ^ key >> 15 ^ salt) & mask for key, salt in zip(keys, _SALTS, strict=False)]


def pieces(text: str) -> list[str]:
    """The words of a text and the characters between them."""
    return _PIECE.findall(text)


class DenseTagger:
    """Revises what the rules found in Korean text."""

    def __init__(self) -> None:
        self._tagger = shipped("ko")
        self._memory: dict[str, tuple[Seen, list[int], bool]] = {}
        lift = (1 << (FIELD - 1)) - OWN * OFFSET + int(HOPE / self._tagger.scale)
        self._lifts = sum(lift << (FIELD * k) for k in range(TAGS - 1))

    def revised(self, text: str, hits: list[Hit]) -> list[Hit]:
        """The names of a text, kind `private`."""
        tagger, memory = self._tagger, self._memory
        if len(memory) > _FORGET:
            memory.clear()
        ruled = ruled_by(hits)
        known = [memory.get(piece) or self._learn(piece) for piece in pieces(text)]
        around = Surroundings([seen for seen, _, _ in known], len(text), ruled, tagger.bits)
        look = tagger.table.__getitem__
        marked = {i for _, start, end in ruled for i in range(start, end)}
        totals: list[int] = []
        for p, (_, sums, hopeful) in enumerate(known):
            start, n = len(totals), len(sums)
            if hopeful or not marked.isdisjoint(range(start, start + n)):
                near = around.beside(p)
                totals += [
                    total + sum(map(look, around.at(near, start + k, k, n)))
                    for k, total in enumerate(sums)
                ]
            else:
                totals += [0] * n
        found = revised(tagger, totals, SUMMED, ruled)
        return [Hit(start, end, Kind.PRIVATE, score) for score, start, end in found]

    def _learn(self, piece: str) -> tuple[Seen, list[int], bool]:
        """What a piece shows, the sums of its own weights, and whether it may be in a name."""
        seen = Seen(piece, self._tagger.bits)
        look = self._tagger.table.__getitem__
        sums = [sum(map(look, own)) for own in seen.own]
        hopeful = any((total + self._lifts) & TOP for total in sums)
        self._memory[piece] = found = (seen, sums, hopeful)
        return found


def ruled_by(hits: list[Hit]) -> Said:
    """Hits as scored ranges."""
    return [(hit.score, hit.start, hit.end) for hit in hits]
