"""Well-known names misspelt or written backwards, told by pairs of neighbouring words."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.spelling import bare, distance, shortened, sound
from guardrail.detect.disguise.vocabulary import vocabulary
from guardrail.detect.persons.lexicon import plain, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    _Pair = tuple[str, str]
    _Shape = tuple[str, int]

_NAME = re.compile(r"[a-z]{2,}(?:['-][a-z]+)*(?: [a-z]{2,}(?:['-][a-z]+)*)+")
_LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_LONE = 7  # letters of a single name that one misspelling leaves plain
_LONG = 6
_MIN = 3
_FILES = ("public.tsv", "fictional.tsv")


class _Names(NamedTuple):
    """Names by what remains of them when misspelt.

    sounds: keys of two neighbouring words -> the words. heads: the key of the first, the first
    letter and the length of the other -> the words. tails: the first letter and the length of the
    one, the key of the last -> the words. A key is as `_key` makes it. after: one word -> those
    that come after it. words: all of them. lone: a long single name short of a letter -> the name.
    firsts: the key of a first word -> first letters and lengths of those after it. lasts: the key
    of a last word -> those of the words before it.
    """

    sounds: dict[tuple[str, str], list[_Pair]]
    heads: dict[tuple[str, str, int], list[_Pair]]
    tails: dict[tuple[str, int, str], list[_Pair]]
    after: dict[str, list[str]]
    words: set[str]
    lone: dict[str, list[str]]
    firsts: dict[str, set[_Shape]]
    lasts: dict[str, set[_Shape]]


@cache
def _names() -> _Names:
    names = _Names(
        sounds=defaultdict(list),
        heads=defaultdict(list),
        tails=defaultdict(list),
        after=defaultdict(list),
        words=set(),
        lone={},
        firsts=defaultdict(set),
        lasts=defaultdict(set),
    )
    for file in _FILES:
        for fields in rows(file):
            name, flags, aliases = (*fields, "", "")[:3]
            if "c" not in flags:
                _add(names, plain(name))
            for alias in aliases.split("|"):
                if alias.isascii() and alias[:1] != "?":
                    _add(names, plain(alias))
    return names


@cache
def name_words() -> frozenset[str]:
    """The words of well-known names, folded and without accents."""
    names = _names()
    return frozenset(names.words) | {name for found in names.lone.values() for name in found}


def _add(names: _Names, name: str) -> None:
    if name.isascii() and name.isalpha():
        if len(name) >= _LONE:
            for form in shortened(name):
                names.lone.setdefault(form, []).append(name)
    elif _NAME.fullmatch(name):
        common = vocabulary().common
        for left, right in pairwise(name.split()):
            if left not in common and right not in common:
                _add_pair(names, left, right)


def _add_pair(names: _Names, left: str, right: str) -> None:
    pair, firsts, lasts = (left, right), _keys(left), _keys(right)
    for key in product(firsts, lasts):
        names.sounds[key].append(pair)
    for first in firsts:
        names.heads[first, right[0], len(right)].append(pair)
        names.firsts[first].add((right[0], len(right)))
    for last in lasts:
        names.tails[left[0], len(left), last].append(pair)
        names.lasts[last].add((left[0], len(left)))
    names.after[left].append(right)
    names.words.update(pair)


def _key(word: str) -> str:
    """What a written word shares with the words of names that it may misspell.

    Its sound, or where it is too short to misspell any, itself behind a mark.
    """
    return sound(word) if len(word) > _MIN else f"={word}"


def _keys(word: str) -> set[str]:
    return {sound(word), _key(word)}


class _Word(NamedTuple):
    start: int
    end: int
    low: str
    known: bool


def _known(low: str) -> bool:
    return vocabulary().known(low)


@cache
def _hints() -> frozenset[str]:
    """Sounds of the words of names, those words backwards, and those words short of a letter."""
    names = _names()
    words = names.words
    sounds = {heard for word in words if len(heard := sound(word)) >= _MIN}
    forms = {form for word in words if len(word) > _MIN for form in shortened(word)}
    return frozenset(sounds | forms | {word[::-1] for word in words} | names.lone.keys())


def may_be_name(word: str) -> bool:
    """Whether a folded word no list has is a word of a name but for a letter, sound or order."""
    word = bare(word)
    if len(word) < _MIN or _known(word):
        return False
    return sound(word) in _hints() or (
        len(word) > _MIN and not _hints().isdisjoint(shortened(word))
    )


def is_name_backwards(words: Sequence[str]) -> bool:
    """Whether two neighbouring folded words, each written backwards, make a well-known name."""
    after = _names().after
    return any(b[::-1] in after.get(a[::-1], ()) for a, b in pairwise(words))


def are_near(tokens: Sequence[str], marked: Sequence[str]) -> bool:
    """A quick test for misspelt names in the tokens of a text; `marked` has an `n` at unknown ones.

    Lets through all that `corrected` would correct, and some that it would not.
    """
    for i, marks in enumerate(marked):
        if "n" in marks:
            word = _heard(tokens[i])
            before = _heard(tokens[i - 1]) if i else _NOTHING
            after = _heard(tokens[i + 1]) if i + 1 < len(tokens) else _NOTHING
            if word.lone or _is_near(before, word) or _is_near(word, after):
                return True
    return False


def _is_near(left: _Heard, right: _Heard) -> bool:
    heads, tails = left.heads, right.tails
    near = (
        (heads and tails and (left.key, right.key) in _names().sounds)
        or (heads and not heads.isdisjoint(right.shapes))
        or (tails and not tails.isdisjoint(left.shapes))
        or (left.turned and right.low[::-1] in left.turned)
    )
    return bool(near) and _pair(left.low, right.low) is not None


_NONE: frozenset[_Shape] = frozenset()


class _Heard(NamedTuple):
    """A word as names may have it.

    lone: whether it is by itself one. shapes: the first letter and the lengths of what it may
    misspell. heads, tails: shapes of the words after and before it, were it one of a name.
    turned: the words after it, were it one written backwards.
    """

    low: str
    key: str
    lone: bool
    shapes: tuple[_Shape, ...]
    heads: frozenset[_Shape] | set[_Shape]
    tails: frozenset[_Shape] | set[_Shape]
    turned: Sequence[str]


_NOTHING = _Heard("", "", lone=False, shapes=(), heads=_NONE, tails=_NONE, turned=())


@lru_cache(20_000)
def _heard(token: str) -> _Heard:
    words = _LETTERS.findall(token.lower())
    if len(words) != 1 or len(words[0]) > _LONGEST:
        return _NOTHING
    word, names = bare(_without_s(words[0])), _names()
    key = _key(word)
    return _Heard(
        word,
        key,
        lone=len(word) >= _LONE - 1 and not _known(word) and bool(_lone(word)),
        shapes=tuple((word[:1], size) for size in _sizes(word)),
        heads=names.firsts.get(key, _NONE),
        tails=names.lasts.get(key, _NONE),
        turned=names.after.get(word[::-1], ()),
    )


_LONGEST = 24


def corrected(text: str) -> Iterator[Change]:
    """The misspelt names of a text, each word of them as it is spelled."""
    words = [
        _Word(m.start(), m.start() + len(low), low, _known(low))
        for m in _LETTERS.finditer(text)
        if (low := _without_s(m[0].lower()))
    ]
    done = -1
    for left, right in pairwise(words):
        if left.start >= done and not (left.known and right.known) and _is_gap(text, left, right):
            pair = _pair(bare(left.low), bare(right.low))
            if pair:
                done = right.end
                yield from _spelled(text, (left, right), pair)
    for word in words:
        if not word.known and len(word.low) >= _LONE - 1 and (name := _lone(bare(word.low))):
            yield from _spelled(text, (word,), (name,))


def _without_s(word: str) -> str:
    return word.removesuffix("'s").removesuffix("\u2019s")


def _is_gap(text: str, left: _Word, right: _Word) -> bool:
    gap = text[left.end : right.start]
    return len(gap) == 1 and gap in " _"


@lru_cache(20_000)
def _pair(left: str, right: str) -> tuple[str, str] | None:
    """The words of the well-known name that two words misspell."""
    names = _names()
    if right[::-1] in names.after.get(left[::-1], ()):
        return left[::-1], right[::-1]
    first, last = _key(left), _key(right)
    found = set(names.sounds.get((first, last), ()))
    for size in _sizes(right):
        found.update(names.heads.get((first, right[:1], size), ()))
    for size in _sizes(left):
        found.update(names.tails.get((left[:1], size, last), ()))
    most = _MOST_OFF if min(len(left), len(right)) > _MIN else _MOST_OFF - 1
    near = [(off, pair) for pair in found if (off := _off(left, pair[0])) <= most]
    scored = min(((off + _off(right, pair[1]), pair) for off, pair in near), default=None)
    return scored[1] if scored and 0 < scored[0] <= most else None


def _sizes(word: str) -> range:
    """The lengths of what a word may misspell; a short one misspells nothing."""
    most = 2 if len(word) > _MIN else 0
    return range(len(word) - most, len(word) + most + 1)


_FAR, _MOST_OFF = 5, 3


def _off(word: str, name: str) -> int:
    """How far a word is from a word of a name; `_FAR` where it is another word."""
    if word == name:
        return 0
    if len(word) <= _MIN or not (word[0] == name[0] or sound(word) == sound(name)):
        return _FAR
    most = 2 if len(name) >= _LONG else 1
    off = distance(word, name, most)
    return off if off <= most else _FAR


def _lone(word: str) -> str:
    names = _names().lone
    near = {name for form in shortened(word) & names.keys() for name in names[form]}
    close = sorted(name for name in near if name[0] == word[0] and distance(word, name, 1) == 1)
    return close[0] if close else ""


def _spelled(text: str, words: Sequence[_Word], spelled: Sequence[str]) -> Iterator[Change]:
    for word, name in zip(words, spelled, strict=True):
        if word.low != name:
            upper = text[word.start].isupper()
            yield Change(word.start, word.end, name.title() if upper else name, "misspelt")
