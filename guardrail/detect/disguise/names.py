"""Well-known names misspelt or written backwards, told by pairs of neighbouring words."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache
from itertools import compress, count, pairwise, product, repeat
from string import ascii_lowercase
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.spelling import bare, distance, shortened, sound
from guardrail.detect.disguise.vocabulary import vocabulary
from guardrail.detect.familiar import familiar
from guardrail.detect.persons.lexicon import plain, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    _Shape = tuple[str, int]
    _Shaped = dict[_Shape, list[tuple[int, int, str, str]]]


_NAME = re.compile(r"[a-z]{2,}(?:['-][a-z]+)*(?: [a-z]{2,}(?:['-][a-z]+)*)+")
_LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_LONE = 7  # letters of a single name that one misspelling leaves plain
_LONG = 6
_MIN = 3
_FILES = ("public.tsv", "fictional.tsv")
FIRST, LAST, LONE = 1, 2, 4
_NONE: _Shaped = {}


class _Names(NamedTuple):
    """Names by what remains of them when misspelt.

    sounds: keys of two neighbouring words, as `_key` makes them. firsts, lasts: a key -> first or
    last words of two. heads, tails: a key -> how the words after or before those begin, and their
    lengths -> the letters that such a word has, those of the one of the key, and both words. after,
    before: one word -> those that come after or before it. words: all of them. lone: a long single
    name short of a letter -> the name.
    """

    sounds: set[tuple[str, str]]
    firsts: dict[str, set[str]]
    lasts: dict[str, set[str]]
    heads: dict[str, _Shaped]
    tails: dict[str, _Shaped]
    after: dict[str, list[str]]
    before: dict[str, list[str]]
    words: set[str]
    lone: dict[str, list[str]]


@cache
def _names() -> _Names:
    names = _Names(
        sounds=set(),
        firsts=defaultdict(set),
        lasts=defaultdict(set),
        heads=defaultdict(dict),
        tails=defaultdict(dict),
        after=defaultdict(list),
        before=defaultdict(list),
        words=set(),
        lone={},
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
    firsts, lasts = _keys(left), _keys(right)
    one, other = _letters(left), _letters(right)
    for key in firsts:
        names.firsts[key].add(left)
        names.heads[key].setdefault((right[0], len(right)), []).append((other, one, right, left))
    for key in lasts:
        names.lasts[key].add(right)
        names.tails[key].setdefault((left[0], len(left)), []).append((one, other, left, right))
    names.sounds.update(product(firsts, lasts))
    names.after[left].append(right)
    names.before[right].append(left)
    names.words.update((left, right))


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
    word, hints = bare(word), _hints()
    if len(word) < _MIN or _known(word):
        return False
    return sound(word) in hints or (len(word) > _MIN and not hints.isdisjoint(shortened(word)))


def is_name_backwards(words: Sequence[str]) -> bool:
    """Whether two neighbouring folded words, each written backwards, make a well-known name."""
    after = _names().after
    return any(b[::-1] in after.get(a[::-1], ()) for a, b in pairwise(words))


_LETTER_BITS = {letter: 1 << at for at, letter in enumerate(ascii_lowercase)}


@lru_cache(4096)
def _letters(word: str) -> int:
    """The letters a word has, each a bit."""
    return sum(map(_LETTER_BITS.get, set(word), repeat(0)))


def are_near(tokens: Sequence[str], marked: Sequence[str]) -> bool:
    """A quick test for misspelt names in the folded tokens of a text.

    marked: the marks of the tokens, `n` for one that no list has.

    Lets through all that `corrected` would correct, and some that it would not.
    """
    return any("n" in marked[i] and _is_near_name(tokens, i) for i in compress(count(), marked))


def _is_near_name(tokens: Sequence[str], i: int) -> bool:
    """Whether a token, alone or with one of those beside it, misspells a name."""
    word = _heard(tokens[i])
    if word.named & LONE and _misspells(word.low):
        return True
    return (i > 0 and _is_near(_heard(tokens[i - 1]), word)) or (
        i + 1 < len(tokens) and _is_near(word, _heard(tokens[i + 1]))
    )


def _is_near(left: _Heard, right: _Heard) -> bool:
    heads, tails = left.heads, right.tails
    near = (
        (left.turned and right.low[::-1] in left.turned)
        or (heads and _is_among(right, left, heads))
        or (tails and _is_among(left, right, tails))
        or (heads and tails and _is_heard(left, right))
    )
    return bool(near) and _pair(left.low, right.low) is not None


def _is_heard(left: _Heard, right: _Heard) -> bool:
    """Whether two words sound like a name and may begin with other letters than it does."""
    alike = left.low[0] in _ALIKE and right.low[0] in _ALIKE
    return alike and (left.key, right.key) in _names().sounds


_ALIKE = frozenset("cfgjkpqsvxz")
"""Letters that begin a word as another one does that sounds alike."""


def _is_among(word: _Heard, keyed: _Heard, shaped: _Shaped) -> bool:
    """Whether a word, and the one with the key, are not far from those of a name."""
    if shaped.keys().isdisjoint(word.shapes):
        return False
    letters, others = _letters(word.low), _letters(keyed.low)
    return any(
        (letters ^ one).bit_count() <= _BITS
        and (others ^ other).bit_count() <= _BITS
        and _off(word.low, name) + _off(keyed.low, beside) <= _MOST_OFF
        for shape in word.shapes
        if shape in shaped
        for one, other, name, beside in shaped[shape]
    )


_BITS = 4  # letters that two edits change at most


class _Heard(NamedTuple):
    """A word as names may have it.

    named: what it may be of a name. shapes: how what it may misspell begins, and its lengths.
    heads, tails: shapes of the words after and before it, were it one of a name. turned: the words
    after it, were it one written backwards.
    """

    low: str
    key: str
    named: int
    shapes: tuple[_Shape, ...]
    heads: _Shaped
    tails: _Shaped
    turned: Sequence[str]


@lru_cache(20_000)
def _heard(token: str) -> _Heard:
    word = _only_word(token)
    listed = familiar().named_of(word)
    named = FIRST | LAST | LONE if listed is None else listed
    shapes = _shapes(word[:1], len(word))
    if not word or not named & (FIRST | LAST):
        return _Heard(word, "", named, shapes, _NONE, _NONE, ())
    names, key = _names(), _key(word)
    heads = names.heads.get(key, _NONE) if named & FIRST else _NONE
    tails = names.tails.get(key, _NONE) if named & LAST else _NONE
    return _Heard(word, key, named, shapes, heads, tails, names.after.get(word[::-1], ()))


@lru_cache(1024)
def _shapes(first: str, size: int) -> tuple[_Shape, ...]:
    sizes = range(size - 2, size + 3) if size > _MIN else (size,)
    return tuple((first, other) for other in sizes if abs(other - size) <= _most(other))


def _most(size: int) -> int:
    """How many edits a word of a name may be off."""
    return 2 if size >= _LONG else 1


@lru_cache(20_000)
def _firsts(word: str) -> dict[str, int]:
    """First words of names that a word may misspell by its sound, and how far each is from it."""
    return _close(word, _names().firsts.get(_key(word), ()))


@lru_cache(20_000)
def _lasts(word: str) -> dict[str, int]:
    return _close(word, _names().lasts.get(_key(word), ()))


def _close(word: str, names: Iterable[str]) -> dict[str, int]:
    return {name: off for name in names if (off := _off(word, name)) <= _MOST_OFF}


def named_of(word: str) -> int:
    """What a folded word may be of a well-known name: the first or last of two, or all of it."""
    first = bool(_firsts(word) or word[::-1] in _names().after)
    return FIRST * first | LAST * bool(_lasts(word)) | LONE * _misspells(word)


def _misspells(word: str) -> bool:
    """Whether a word that no list has misspells a name of one word."""
    return len(word) >= _LONE - 1 and not _known(word) and bool(_lone(word))


def _only_word(token: str) -> str:
    """The word of a folded token without accents; empty where there are more, or a long one."""
    if token.isalpha():
        if len(token) > _LONGEST:
            return ""
        return token if token.isascii() else bare(token)
    words = _LETTERS.findall(token)
    if len(words) != 1 or len(words[0]) > _LONGEST:
        return ""
    return bare(_without_s(words[0]))


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


def _pair(left: str, right: str) -> tuple[str, str] | None:
    """The words of the well-known name that two words misspell."""
    if right[::-1] in _names().after.get(left[::-1], ()):
        return left[::-1], right[::-1]
    if right in _names().after.get(left, ()):
        return None
    short = min(len(left), len(right)) <= _MIN
    best = min(_pairs(left, right), default=None)
    return best[1] if best and 0 < best[0] <= _MOST_OFF - short else None


def _pairs(left: str, right: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Names that two words may misspell, one of them keeping its sound: how far off, the words."""
    names, firsts, lasts = _names(), _firsts(left), _lasts(right)
    for first, off in firsts.items():
        for last in names.after[first]:
            if last in lasts or _is_like(right, last):
                yield off + _off(right, last), (first, last)
    for last, off in lasts.items():
        for first in names.before[last]:
            if first not in firsts and _is_like(left, first):
                yield off + _off(left, first), (first, last)


def _is_like(word: str, name: str) -> bool:
    """Whether a word of a name begins as a word does, and is not much longer or shorter."""
    most = 2 if len(word) > _MIN else 0
    return word[:1] == name[:1] and abs(len(word) - len(name)) <= most


_FAR, _MOST_OFF = 5, 3


def _off(word: str, name: str) -> int:
    """How far a word is from a word of a name; `_FAR` where it is another word."""
    if word == name:
        return 0
    most = _most(len(name))
    if len(word) <= _MIN or abs(len(word) - len(name)) > most:
        return _FAR
    if len(set(word) ^ set(name)) > 2 * most:
        return _FAR
    if word[0] != name[0] and sound(word) != sound(name):
        return _FAR
    off = distance(word, name, most)
    return off if off <= most else _FAR


def _lone(word: str) -> str:
    names = _names().lone
    near = {name for form in shortened(word) if form in names for name in names[form]}
    close = sorted(name for name in near if name[0] == word[0] and distance(word, name, 1) == 1)
    return close[0] if close else ""


def _spelled(text: str, words: Sequence[_Word], spelled: Sequence[str]) -> Iterator[Change]:
    for word, name in zip(words, spelled, strict=True):
        if word.low != name:
            upper = text[word.start].isupper()
            yield Change(word.start, word.end, name.title() if upper else name, "misspelt")
