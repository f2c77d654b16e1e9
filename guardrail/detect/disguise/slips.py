"""Words that an unknown one is but for a slip: a letter dropped, doubled, drawn out or swapped."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.disguise.segments import listed
from guardrail.detect.disguise.vocabulary import vocabulary, worn

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN, _MOST = 4, 24
_LETTERS = re.compile("[a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u052f\u1e00-\u1eff]+\\Z")
_LATIN_END = "\u0370"
_TWICE = re.compile(r"(.)\1+")
_DRAWN = re.compile(r"(.)\1\1")
_VOWEL = re.compile(
    "[aeiouy\u00e0-\u024f\u0430\u0435\u0438\u043e\u0443\u044b\u044d-\u044f\u0451\u0454\u0456\u0457\u0390-\u03ff]"
)
DROPPED, DOUBLED, SWAPPED = "dropped", "doubled", "swapped"
_SURE = {SWAPPED: 6, DROPPED: 7}  # letters of a telling word in Latin script


class Slip(NamedTuple):
    """The word that was meant, and what happened to a letter of it."""

    word: str
    kind: str

    @property
    def telling(self) -> bool:
        """Whether the word is a telling one, or a garment."""
        return self.word in worn()


@lru_cache(20_000)
def slip(word: str) -> Slip | None:
    """The listed word that a folded word is a slip of; the first letter must be right."""
    if not _MIN <= len(word) <= _MOST or not _LETTERS.match(word):
        return None
    return min(_near(word), key=_rank, default=None)


def is_sure(word: str, found: Slip) -> bool:
    """Whether a slip is one by itself, without others in the text."""
    if not found.telling:
        return False
    size = len(found.word)
    if found.kind == DOUBLED:
        return size > _MIN or _DRAWN.search(word) is not None
    least = _SURE[found.kind] - (found.word >= _LATIN_END)
    return size >= least or not _VOWEL.search(word)


def is_weak(word: str, found: Slip) -> bool:
    """Whether a slip may well be a word of another language."""
    if found.kind == DOUBLED:
        firm = len(found.word) > _MIN and (found.telling or found.word in vocabulary().common)
        return not firm and _DRAWN.search(word) is None
    return found.kind == DROPPED


def _rank(found: Slip) -> tuple[bool, bool, bool, str]:
    common = found.word in vocabulary().common
    return not found.telling, not common, found.kind == DROPPED, found.word


class _Index(NamedTuple):
    """Words by the letters they have; letters are bits.

    bits: letter -> bit. ascii, latin, elsewhere: bits of plain letters, of Latin ones, of others.
    """

    words: dict[int, list[str]]
    bits: dict[str, int]
    ascii: tuple[int, ...]
    latin: tuple[int, ...]
    elsewhere: tuple[int, ...]


@cache
def _index() -> _Index:
    words = {word for word in _words() if len(word) >= _MIN and _LETTERS.match(word)}
    letters = sorted({letter for word in words for letter in word})
    bits = {letter: 1 << number for number, letter in enumerate(letters)}
    by_letters: dict[int, list[str]] = {}
    for word in sorted(words):
        by_letters.setdefault(_mask(word, bits), []).append(word)
    latin = tuple(bit for letter, bit in bits.items() if letter < _LATIN_END)
    plain = tuple(bit for letter, bit in bits.items() if letter.isascii())
    return _Index(by_letters, bits, plain, latin, tuple(set(bits.values()) - set(latin)))


def _words() -> Iterator[str]:
    yield from listed()
    yield from vocabulary().common
    yield from worn()
    for package in ("guardrail.detect.minor", "guardrail.detect.cues"):
        for file in files(package).iterdir():
            if file.name.endswith(".tsv") and file.name not in _NOT_WORDS:
                for line in file.read_text("utf-8").splitlines():
                    yield from line.split("\t")[0].lower().split()


def _mask(word: str, bits: dict[str, int]) -> int:
    return sum(map(bits.get, set(word), repeat(0)))


def _near(word: str) -> Iterator[Slip]:
    words, bits, ascii_, latin, elsewhere = _index()
    mask = _mask(word, bits)
    masks = {mask}
    if len(word) > _MIN or not _VOWEL.search(word):
        others = ascii_ if word.isascii() else latin if word[1] < _LATIN_END else elsewhere
        masks.update(map(mask.__or__, others))
    for other in chain.from_iterable(filter(None, map(words.get, masks))):
        if other[0] == word[0] and (kind := _kind(word, other)):
            yield Slip(other, kind)


def _kind(word: str, meant: str) -> str:
    """How a word differs from what is meant; empty where by more than a slip."""
    more = len(word) - len(meant)
    if more > 0:
        same = _TWICE.sub(r"\1", word) == _TWICE.sub(r"\1", meant)
        return DOUBLED if same and _draws(word, meant) else ""
    if more < -1 or len(meant) <= _MIN:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), len(word))
    if more == 0:
        swapped = word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]
        return SWAPPED if swapped == meant else ""
    return DROPPED if word[at:] == meant[at + 1 :] else ""


def _draws(word: str, meant: str) -> bool:
    """Whether every run of a letter is at least as long as it is meant to be."""
    runs = zip(_RUNS.finditer(word), _RUNS.finditer(meant), strict=False)
    return all(len(drawn[0]) >= len(run[0]) for drawn, run in runs)


_NOT_WORDS = frozenset({"characters.tsv", "ages.tsv", "checks.tsv", "expressions.tsv"})
_RUNS = re.compile(r"(.)\1*")
