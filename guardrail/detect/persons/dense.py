"""What the tagger sees at each character of a Korean text."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import pairwise

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
from guardrail.detect.persons.tagging import Columns, Said, marks, revised, shipped, spread
from guardrail.records import Kind

_PAD = 3
_STRONG = 0.7
_NEAR = 6
_LONG = 24
_BESIDE = 4
_MARK, _DIGIT, _LETTER, _HANGUL, _HAN, _KANA = range(1, 7)
_ITSELF = (_MARK, _HANGUL, _HAN, _KANA)
_SALTS = tuple(spread(number, 99) for number in range(32))
_LISTS = ("surname_main", "surname", "given_strong", "given", "noun_end")
_WORD = re.compile("[\uac00-\ud7a3]+")


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


def columns(text: str, ruled: Said, bits: int) -> Columns:
    """One bucket for each character and feature."""
    n = len(text)
    mask = (1 << bits) - 1
    pad = [0] * _PAD
    seen = [_seen(x) for x in text]
    c = [*pad, *[code for code, _ in seen], *pad]
    k = [*pad, *[kind for _, kind in seen], *pad]
    r = [*pad, *marks(ruled, n, _STRONG), *pad]
    two = [(a * 31 + (b >> 3) ^ (b << 5)) & 0xFFFFFFFF for a, b in pairwise(c)]
    three = [(a * 131 + (b << 7) + (b >> 9)) & 0xFFFFFFFF for a, b in zip(two, c[2:], strict=False)]
    kinds = _triples(k, 9)
    sources = (
        *((c, shift) for shift in (-2, -1, 0, 1, 2)),
        *((two, shift) for shift in (-2, -1, 0, 1)),
        *((three, shift) for shift in (-2, -1, 0)),
        *((kinds, shift) for shift in (-2, -1, 0)),
        (_triples(r, 4), -1),
        ([((a << 9 | b) * 0x85EBCA6B) >> 4 for a, b in zip(r, k, strict=True)], 0),
    )
    found = []
    for number, (source, shift) in enumerate(sources):
        salt = _SALTS[number]
        at = _PAD + shift
        found.append([(x ^ salt) & mask for x in source[at : at + n]])
    return found + _words(text, mask)


def _triples(values: list[int], width: int) -> list[int]:
    triples = zip(values, values[1:], values[2:], strict=False)
    return [((a << 2 * width | b << width | c) * 0x9E3779B1) >> 6 for a, b, c in triples]


def _words(text: str, mask: int) -> list[list[int]]:
    """What stands before and after each syllable in its word, and the words beside it."""
    empty = mask + 1
    head, tail, before, after = ([empty] * len(text) for _ in range(4))
    last = 1
    matches = list(_WORD.finditer(text))
    nexts = [m[0][:2] for m in matches[1:]]
    for match, follow in zip(matches, [*nexts, ""], strict=True):
        start, end = match.span()
        heads, tails, mix = _inside(match[0][:_LONG])
        near = min(_NEAR, len(heads))
        head[start : start + near] = [x & mask for x in heads[:near]]
        if end - start <= _LONG:
            tail[end - near : end] = [x & mask for x in tails[-near:]]
        code = _beginning(follow)
        stop = min(end, start + _BESIDE)
        count = stop - start
        before[start:stop] = [(last + k * 0x3D4D51CB) & mask for k in range(count)]
        after[start:stop] = [(code + (end - start - k) * 0x2545F491) & mask for k in range(count)]
        last = mix
    return [head, tail, before, after]


@lru_cache(20_000)
def _inside(word: str) -> tuple[list[int], list[int], int]:
    """Hashes of what stands before each syllable, of what stands after it, and of the word."""
    heads, tails = [], []
    mix, back = 7, 9
    for c in word:
        heads.append(spread(mix, 61))
        mix = (mix * 31 + ord(c)) & 0xFFFFFFFF
    for c in reversed(word):
        tails.append(spread(back, 62))
        back = (back * 31 + ord(c)) & 0xFFFFFFFF
    return heads, tails[::-1], spread(mix, 64)


@lru_cache(20_000)
def _beginning(word: str) -> int:
    return spread(sum(ord(c) << (k * 7) for k, c in enumerate(word)), 63)


@lru_cache(20_000)
def _seen(c: str) -> tuple[int, int]:
    """The code and the class of a character."""
    kind = _classes().get(c) or _sort(c)
    return spread(ord(c) if kind & 15 in _ITSELF else kind, 17), kind


class DenseTagger:
    """Revises what the rules found in Korean text."""

    def __init__(self) -> None:
        self._tagger = shipped("ko")

    def revised(self, text: str, hits: list[Hit]) -> list[Hit]:
        """The names of a text, kind `private`."""
        tagger = self._tagger
        ruled = ruled_by(hits)
        seen = columns(text, ruled, tagger.bits)
        found = revised(tagger, tagger.totals(seen), len(seen), ruled)
        return [Hit(start, end, Kind.PRIVATE, score) for score, start, end in found]


def ruled_by(hits: list[Hit]) -> Said:
    """Hits as scored ranges."""
    return [(hit.score, hit.start, hit.end) for hit in hits]
