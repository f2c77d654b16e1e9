"""Chinese text cut into words, and what its characters are typical of."""

from __future__ import annotations

import re
from functools import cache

from guardrail.detect.persons.lexicon import rows

CLASSES = ("", "n", "v", "a", "d", "f", "s", "o", "t", "m", "r", "i", "x", "h")
_HAN = re.compile("[\u3400-\u9fff]+")
_LONGEST = 6
_UNSEEN = -160
_PLACES = ("surname", "first", "last", "foreign")


@cache
def simplified() -> dict[int, int]:
    """Traditional character -> simplified one, as code points."""
    found = {}
    for label, pairs in rows("hanzi.tsv"):
        if label == "simplified":
            found.update({ord(pair[0]): ord(pair[1]) for pair in pairs.split()})
    return found


@cache
def name_bins() -> dict[str, int]:
    """Character -> how typical it is of each place in a name, in two bits each."""
    found: dict[str, int] = {}
    for label, letters in rows("hanzi.tsv"):
        if label[:-1] in _PLACES:
            bits = int(label[-1]) << 2 * _PLACES.index(label[:-1])
            for c in letters.replace(" ", ""):
                found[c] = found.get(c, 0) | bits
    return found


@cache
def lexicon() -> dict[str, int]:
    """Word -> its class in the low four bits, above them its weight in a segmentation (<= 0)."""
    found: dict[str, int] = {}
    for kind, weight, words in rows("words_zh.tsv"):
        code = -int(weight) << 4 | CLASSES.index(kind)
        found.update(dict.fromkeys(words.split(" "), code))
    return found


def segment(text: str) -> list[tuple[int, int, int]]:
    """Words of a simplified text: start, end, class; by the likeliest segmentation."""
    found: list[tuple[int, int, int]] = []
    done = 0
    for match in _HAN.finditer(text):
        start, end = match.span()
        found += [(i, i + 1, 0) for i in range(done, start)]
        found += [(start + a, start + b, kind) for a, b, kind in _likeliest(match[0])]
        done = end
    found += [(i, i + 1, 0) for i in range(done, len(text))]
    return found


def _likeliest(text: str) -> list[tuple[int, int, int]]:
    get = lexicon().get
    n = len(text)
    best = [0] * (n + 1)
    ways: list[tuple[int, int]] = [(0, 0)] * n
    for i in range(n - 1, -1, -1):
        code = get(text[i], _UNSEEN << 4)
        top, way = (code >> 4) + best[i + 1], (i + 1, code & 15)
        for end in range(i + 2, min(n, i + _LONGEST) + 1):
            word = get(text[i:end])
            if word is not None:
                score = (word >> 4) + best[end]
                if score > top:
                    top, way = score, (end, word & 15)
        best[i], ways[i] = top, way
    found = []
    i = 0
    while i < n:
        end, kind = ways[i]
        found.append((i, end, kind))
        i = end
    return found


class Page:
    """A Chinese text in simplified characters, cut into words.

    words: start, end, class of each.
    edges: where words begin or end.
    """

    __slots__ = ("edges", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text.translate(simplified())
        self.words = segment(self.text)
        self.edges = {start for start, _, _ in self.words} | {len(text)}

    def is_word(self, start: int, end: int) -> bool:
        """Whether the range is one ordinary word."""
        return any((a, b) == (start, end) and CLASSES[kind] != "x" for a, b, kind in self.words)

    def covered(self, start: int, end: int) -> bool:
        """Whether ordinary words of two characters or more make up most of the range."""
        for a, b, kind in self.words:
            if a >= end:
                break
            if b > start and b - a > 1 and CLASSES[kind] != "x" and (a <= start or b >= end):
                return True
        return False
