"""What the tagger sees at each character of a Chinese text."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.segmentation import CLASSES, Page, name_bins
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

_PAD = 3
_STRONG = 0.7
_NEAR = 4
_HAN_FROM = "\u3400"
_FOREIGN = 9
_SURNAME = 3 << 3
_GIVEN = 2
_HEADS = _SURNAME | 2 << 5 | 2 << 9  # a surname, or very typical of given or foreign names
SUMMED = 33
HOPE = 0.2
_OWN = (2, 21)  # of the buckets, those of the character and of its class and place
_FORGET = 50_000
_SALTS = tuple(spread(number, 55) for number in range(SUMMED))
_FUNCTION = CLASSES.index("f")
_SINGLE, _FIRST, _MIDDLE, _LAST = range(4)
_CHAIN = re.compile("[\u3400-\u9fff]{1,7}(?:[·•‧・][\u3400-\u9fff]{1,7})+")
_CHAINED = 1 << 11
_MARK, _DIGIT, _LETTER, _KANA, _HAN_SORT = range(1, 6)


class Surroundings:
    """What stands at and around each character of a page, and what the rules say of it.

    ruled: the characters of what the rules found.
    live: the characters that may be in a name; only they have buckets, or all of them `everywhere`.
    """

    __slots__ = ("_beside", "_both", "_code", "_cut", "_kind", "_mask", "_rules", "live", "ruled")

    def __init__(self, page: Page, ruled: Said, bits: int, *, everywhere: bool = False) -> None:
        plain = page.text
        pad = [0] * _PAD
        seen = [_seen(x) for x in plain]
        self._mask = (1 << bits) - 1
        self.ruled = {i for _, start, end in ruled for i in range(start, end)}
        self.live = set(self.ruled)
        kinds = [kind for _, kind in seen]
        for match in _CHAIN.finditer(plain):
            for i in range(*match.span()):
                kinds[i] |= _CHAINED
                self.live.add(i)
        self._note(page, kinds)
        cuts = _places(page.words)
        self._code = [*pad, *[code for code, _ in seen], *pad]
        self._kind = [*pad, *kinds, *pad]
        self._cut = [*pad, *cuts, *pad]
        both = [
            (a * 0x9E3779B1 ^ b * 0x27D4EB2F) & 0xFFFFFFFF for a, b in zip(kinds, cuts, strict=True)
        ]
        self._both = [*pad, *both, *pad]
        self._rules = [0, *marks(ruled, len(plain), _STRONG), 0]
        live = range(len(plain)) if everywhere else self.live
        self._beside = _beside(plain, page.words, live)

    def _note(self, page: Page, kinds: list[int]) -> None:
        """Note which characters may be in a name: loose ones, those of foreign-looking words."""
        live = self.live
        loose: list[int] = []
        led = False
        for start, end, kind in page.words:
            if end == start + 1 and kinds[start] & 7 == _HAN_SORT and kind != _FUNCTION:
                loose.append(start)
                led = bool(kinds[start] & _SURNAME)
                continue
            if loose and any(kinds[i] & _HEADS for i in loose):
                live.update(loose)
            loose = []
            if (
                (led and end - start == _GIVEN)
                or CLASSES[kind] in "xs"
                or (end > start + 1 and all(kinds[i] >> _FOREIGN & 3 for i in range(start, end)))
            ):
                live.update(range(start, end))
            led = False
        if loose and any(kinds[i] & _HEADS for i in loose):
            live.update(loose)

    def own(self, i: int) -> tuple[int, int]:
        """What decides the buckets numbered `_OWN` of character `i`."""
        return self._code[i + _PAD], self._both[i + _PAD]

    def at(self, i: int) -> list[int]:
        """The `SUMMED` buckets of character `i`."""
        c2, c1, c, c_1, c_2 = self._code[i + 1 : i + 6]
        _, k2, k1, k, k_1, k_2, _ = self._kind[i : i + 7]
        _, s1, s, s_1, _ = self._cut[i + 1 : i + 6]
        b2, b1, b, b_1, b_2 = self._both[i + 1 : i + 6]
        r1, r, r_1 = self._rules[i : i + 3]
        before, after, before2 = self._beside[i]
        two1, two = c1 * 31 ^ c, c * 33 ^ c_1
        kk1, kk = k1 << 12 ^ k, k << 12 ^ k_1
        bb1, bb = b1 * 0x9E3B ^ b, b * 0x9E3D ^ b_1
        keys = (
            c2,
            c1,
            c,
            c_1,
            c_2,
            c2 * 35 ^ c1,
            two1,
            two,
            c_1 * 37 ^ c_2,
            (c2 * 39 ^ c1) * 41 ^ c,
            two1 * 43 ^ c_1,
            two * 45 ^ c_2,
            kk1 * 0x9E3779B1,
            kk * 0x9E3779B1,
            (k2 << 24 ^ kk1) * 0x3D4D51CB,
            (kk1 << 12 ^ k_1) * 0x3D4D51CB,
            (kk << 12 ^ k_2) * 0x3D4D51CB,
            (s1 << 9 ^ s) * 0x9E3779B1,
            (s << 9 ^ s_1) * 0x9E3779B1,
            (s1 << 18 ^ s << 9 ^ s_1) * 0x3D4D51CB,
            b1,
            b,
            b_1,
            bb1,
            bb,
            (b2 * 47 ^ b1) * 49 ^ b,
            bb1 * 51 ^ b_1,
            bb * 53 ^ b_2,
            (r1 << 8 | r << 4 | r_1) * 0x9E3779B1,
            r * 0x3D4D51CB ^ b,
            before,
            after,
            before2,
        )
        mask = self._mask
        return [(key ^ key >> 15 ^ salt) & mask for key, salt in zip(keys, _SALTS, strict=True)]


def _places(words: list[tuple[int, int, int]]) -> list[int]:
    """Where each character stands in its word, and the word's class and length."""
    found = []
    for start, end, kind in words:
        length = end - start
        code = kind << 4 | min(length, 4) << 2
        if length == 1:
            found.append(code | _SINGLE)
        else:
            found += [code | _FIRST, *[code | _MIDDLE] * (length - 2), code | _LAST]
    return found


def _beside(
    text: str, words: list[tuple[int, int, int]], live: Container[int]
) -> dict[int, tuple[int, int, int]]:
    """The words around the stretch of loose characters that each character is in, hashed."""
    found: dict[int, tuple[int, int, int]] = {}
    last, older = 1, 1
    i, count = 0, len(words)
    while i < count:
        j = i
        while j < count and words[j][1] - words[j][0] == 1 and text[words[j][0]] >= _HAN_FROM:
            j += 1
        start, end = words[i][0], words[max(i, j - 1)][1]
        follow = 0
        for at in range(start, end):
            if at in live:
                if not follow:
                    next_ = text[slice(*words[j][:2])] if i < j < count else text[end : end + 1]
                    follow = _word(next_)
                front, back = at - start, end - at
                front = min(_NEAR, front)
                back = min(_NEAR, back)
                found[at] = (
                    last + front * 0x3D4D51CB,
                    follow + back * 0x2545F491,
                    (older ^ 0x55AA55) + front * 0x3D4D51CB,
                )
        older, last = last, _word(text[start:end] if i == j else text[end - 1 : end])
        i = max(j, i + 1)
    return found


@lru_cache(20_000)
def _word(word: str) -> int:
    mix = 7
    for c in word:
        mix = (mix * 31 + ord(c)) & 0xFFFFFFFF
    return spread(mix, 64)


@lru_cache(20_000)
def _seen(c: str) -> tuple[int, int]:
    """The code and the class of a character."""
    if "\u3400" <= c <= "\u9fff":
        return spread(ord(c), 17), _HAN_SORT | name_bins().get(c, 0) << 3
    if "\u3041" <= c <= "\u30ff" and c != "・":
        return spread(_KANA, 17), _KANA
    if c.isdigit():
        return spread(_DIGIT, 17), _DIGIT
    if c.isalpha():
        return spread(_LETTER, 17), _LETTER
    return spread(ord(c), 17), _MARK


class HanziTagger:
    """Revises what the rules found in Chinese text."""

    def __init__(self) -> None:
        self._tagger = shipped("zh")
        self._memory: dict[tuple[int, int], int] = {}
        lift = (1 << (FIELD - 1)) - len(_OWN) * OFFSET + int(HOPE / self._tagger.scale)
        self._lifts = sum(lift << (FIELD * k) for k in range(TAGS - 1))

    def _hopeful(self, around: Surroundings) -> list[int]:
        """The live characters whose own weights do not speak against a name."""
        memory, lifts = self._memory, self._lifts
        if len(memory) > _FORGET:
            memory.clear()
        found = []
        for i in around.live:
            key = around.own(i)
            total = memory.get(key)
            if total is None:
                mask = (1 << self._tagger.bits) - 1
                buckets = [(x ^ x >> 15 ^ _SALTS[n]) & mask for x, n in zip(key, _OWN, strict=True)]
                total = memory[key] = sum(map(self._tagger.table.__getitem__, buckets))
            if i in around.ruled or (total + lifts) & TOP:
                found.append(i)
        return found

    def revised(self, page: Page, hits: list[Hit]) -> list[Hit]:
        """The names of a text, kind `private`."""
        tagger = self._tagger
        ruled = [(hit.score, hit.start, hit.end) for hit in hits]
        around = Surroundings(page, ruled, tagger.bits)
        if not around.live:
            return []
        totals = [0] * len(page.text)
        look = tagger.table.__getitem__
        for i in self._hopeful(around):
            totals[i] = sum(map(look, around.at(i)))
        found = revised(tagger, totals, SUMMED, ruled)
        return [Hit(start, end, Kind.PRIVATE, score) for score, start, end in found]
