"""What the tagger sees at each Latin-script word of a text: keys, whose sums say what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from zlib import crc32

from guardrail.detect.persons.lexicon import COMMON, GIVEN, PARTICLE, SURNAME
from guardrail.detect.persons.tagging import Said, marks, spread
from guardrail.detect.persons.tokens import Tokens
from guardrail.detect.persons.usage import FOREIGN, GERMAN, GROUPS, HOPELESS

_NAMES = GIVEN | SURNAME
_SORTS = _NAMES | COMMON | PARTICLE
_LONG = 7
_GRAMS = 9
_STRONG = 0.8
_COMMA_WORDS = 7
_FEW = 4
_FOREIGN_WORDS = 5
WIDTH = 64
"""How many keys a word may have."""
_EDGES = (3, 5)
PLACES = (-1, 1, -2, 2)
_NEXT = 2
_DOWN = 13
_SALTS = tuple(spread(k, 72) for k in range(19))
_LETTER_SALTS, _CLASS_SALTS = (_SALTS[0], *_SALTS[2:10]), (_SALTS[1], *_SALTS[10:])
_WHOLE = len(_LETTER_SALTS)

Keys = list[int]


class Word:
    """What one word shows by itself.

    low, kind: hashes of the folded word, and of its classes, shape and use.
    group: of words with like neighbours, 0 where unknown. flags: its classes.
    plain: whether it is an ordinary word that begins no name, written without a capital here.
    """

    __slots__ = ("flags", "folded", "group", "kind", "low", "plain", "shape", "written")

    def __init__(
        self, word: str, flags: int, known: Mapping[int, int], *, caseless: bool, german: bool
    ) -> None:
        low = word.casefold()
        self.folded = low.encode("utf-8", "surrogatepass")
        self.flags = flags
        self.shape = shape = 1 if caseless else _shape(word)
        self.low = crc32(self.folded)
        use = known.get(crc32(self.folded, GERMAN) if german else self.low, 0)
        self.plain = use >= HOPELESS and (caseless or word == low)
        self.written, self.group = written, _ = divmod(use % HOPELESS, GROUPS)
        self.kind = spread((flags << 4 | shape) << 3 | written, 70)

    def own(self) -> Keys:
        """Keys of what the word shows by itself."""
        letters, classes = letters_of(self.folded), self.classes()
        first, more = letters[0], letters[1:_WHOLE]
        return [first, classes[0], *more, *classes[1:], *letters[_WHOLE:]]

    def classes(self) -> Keys:
        """Those of them that its classes, its shape or its use bear on."""
        b, shape = self.folded, self.shape
        written, group, flags = self.written, self.group, self.flags
        size = min(len(b), _LONG)
        values = (
            self.low + shape,
            crc32(b[-3:], 14) + shape,
            self.kind,
            (flags & _SORTS) << 8 | shape << 4 | size,
            shape << 4 | size,
            flags,
            group << 3 | shape,
            group << 3 | written,
            (written << 3 | shape) << 13 | flags & _SORTS,
            written << 4 | size,
        )
        return [
            ((v ^ s) * 0x9E3779B1 & 0xFFFFFFFF) >> _DOWN
            for v, s in zip(values, _CLASS_SALTS, strict=True)
        ]

    def beside(self, side: int) -> Keys:
        """Keys of what it shows to the word that stands `PLACES[side]` before it."""
        salt = _SALTS[side]
        keys = [
            ((self.low ^ salt) * 0x85EBCA6B & 0xFFFFFFFF) >> _DOWN,
            ((self.group ^ salt) * 0x9E3779B1 & 0xFFFFFFFF) >> _DOWN,
        ]
        if side < _NEXT:
            keys.append(((self.kind ^ salt) * 0x2545F491 & 0xFFFFFFFF) >> _DOWN)
        return keys


def letters_of(b: bytes) -> Keys:
    """The keys that the letters of a folded word alone bear on."""
    values = (
        crc32(b),
        crc32(b[:2], 11),
        crc32(b[:3], 12),
        crc32(b[:4], 13),
        crc32(b[:5], 10),
        crc32(b[-3:], 14),
        crc32(b[-2:], 15),
        crc32(b[-4:], 16),
        crc32(b[-5:], 9),
    )
    keys = [
        ((v ^ s) * 0x9E3779B1 & 0xFFFFFFFF) >> _DOWN
        for v, s in zip(values, _LETTER_SALTS, strict=True)
    ]
    whole = b"^" + b + b"$"
    count = min(len(whole) - 2, _GRAMS)
    return keys + [crc32(whole[k : k + 3], 17) for k in range(count)]


def _near(kind1: int, kind: int, kind_1: int) -> Keys:
    one, two = kind1 * 31 + kind, kind * 37 + kind_1
    return [_mixed(one, 1), _mixed(two, 2), _mixed(one * 43 + kind_1, 3)]


def _grouped(group1: int, kind: int, group_1: int) -> Keys:
    return [
        _mixed(group1 * 59 + kind, 4),
        _mixed(group_1 * 61 + kind, 5),
        _mixed(group1 << 8 | group_1, 6),
    ]


def _gaps(before: str, after: str, kind: int, mode: int) -> Keys:
    a, b = _gap(before), _gap(after)
    return [
        _mixed(a, 7),
        _mixed(b, 8),
        _mixed(a * 53 + kind, 9),
        _mixed(b * 67 + kind, 10),
        _mixed(mode * 0x9E3779B1 + kind, 11),
    ]


def _ruled(rule1: int, rule: int, rule_1: int, kind: int) -> Keys:
    return [
        _mixed((rule1 << 8 | rule << 4 | rule_1) * 0x9E3779B1, 12),
        _mixed(rule * 0x3D4D51CB + kind, 13),
    ]


def _pairs(low1: int, low: int, low_1: int) -> Keys:
    return [_mixed(low1 * 31 + low, 14), _mixed(low * 37 + low_1, 15)]


class Scene:
    """The words of a text in their places.

    Words beyond the edges show nothing but that they are beyond.
    """

    __slots__ = ("_gaps", "_groups", "_kinds", "_lows", "_mode", "_rules")

    def __init__(self, t: Tokens, words: Sequence[Word], ruled: Said) -> None:
        first, last = _EDGES
        self._lows = [first, *[w.low for w in words], last]
        self._kinds = [first, *[w.kind for w in words], last]
        self._groups = [first, *[w.group for w in words], last]
        self._rules = [0, *marks(ruled, len(words), _STRONG), 0]
        self._gaps = ["^" + t.seps[0], *t.seps[1:-1], t.seps[-1] + "$"]
        self._mode = _mode(t, sum([w.written == FOREIGN for w in words]))

    def at(self, i: int) -> Iterator[tuple[Callable[..., Keys], tuple[int | str, ...]]]:
        """What is to be looked at in place `i`: what makes keys, of what."""
        kind1, kind, kind_1 = self._kinds[i : i + 3]
        yield _near, (kind1, kind, kind_1)
        yield _grouped, (self._groups[i], kind, self._groups[i + 2])
        yield _gaps, (self._gaps[i], self._gaps[i + 1], kind, self._mode)
        yield _ruled, (*self._rules[i : i + 3], kind)
        yield _pairs, tuple(self._lows[i : i + 3])


def keys_of(t: Tokens, ruled: Said, known: Mapping[int, int]) -> list[Keys]:
    """All keys of each word, as a tagger is fitted to them."""
    words = [
        Word(word, flags, known, caseless=t.caseless, german=t.german)
        for word, flags in zip(t.words, t.flags, strict=True)
    ]
    scene = Scene(t, words, ruled)
    found = []
    for i, word in enumerate(words):
        keys = word.own()
        for make, seen in scene.at(i):
            keys += make(*seen)
        for side, step in enumerate(PLACES):
            if 0 <= i + step < len(words):
                keys += words[i + step].beside(side)
        found.append(keys)
    return found


def _mixed(value: int, salt: int) -> int:
    return ((value ^ value >> 32) * 0x9E3779B1 + salt * 0x85EBCA6B & 0xFFFFFFFF) >> _DOWN


def _mode(t: Tokens, foreign: int) -> int:
    """What kind of text it is: foreign, cased, German, short, a list of things."""
    listed = _COMMA_WORDS * sum(["," in sep for sep in t.seps]) > len(t.words)
    abroad = foreign > 1 and _FOREIGN_WORDS * foreign > len(t.words)
    short = len(t.words) <= _FEW
    return abroad << 4 | (2 * t.caseless + t.german) << 2 | listed << 1 | short


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
    if len(sep) > 4:  # noqa: PLR2004
        sep = sep[:2] + "~" + sep[-2:]
    return (
        crc32("".join(["0" if c.isdigit() else c for c in sep]).encode("utf-8", "surrogatepass"))
        | 2
    )
