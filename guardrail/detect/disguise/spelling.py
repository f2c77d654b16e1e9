"""Edit distance, and the core word nearest to an unknown one."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import combinations

from guardrail.detect.disguise.vocabulary import vocabulary

_MIN, _FIRM, _LONG = 5, 5, 7
_TWICE = re.compile(r"(.)\1+")
_BARE = str.maketrans("øđłħŧıðœæ", "odlhtidoa")
_ALIKE = str.maketrans("ckqzvj", "kkksfg")
_HEARD = {**_ALIKE, **dict.fromkeys(map(ord, "aeiouyhw"))}


def bare(word: str) -> str:
    """A word without accents; letters that are no accented Latin ones stay."""
    if word.isascii():
        return word
    marked = unicodedata.normalize("NFD", word.translate(_BARE))
    return "".join(c for c in marked if not unicodedata.combining(c))


def distance(left: str, right: str, most: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment), `most + 1` where it is more."""
    if left == right:
        return 0
    more = len(left) - len(right)
    if not most or not -most <= more <= most:
        return most + 1
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), None)
    if at is None:
        return abs(more)
    one, other = left[at + 1 :], right[at + 1 :]
    swapped = one[:1] == right[at] and other[:1] == left[at]
    if most == 1:
        alike = one == other or one == right[at:] or left[at:] == other
        return 1 if alike or (swapped and one[1:] == other[1:]) else 2
    rest = [(one, other), (one, right[at:]), (left[at:], other)]
    if swapped:
        rest.append((one[1:], other[1:]))
    return 1 + min([distance(a, b, most - 1) for a, b in rest])


@lru_cache(20_000)
def sound(word: str) -> str:
    """A folded word's consonants, those that sound alike as one, none twice in a row."""
    word = word.replace("ph", "f").replace("x", "ks")
    found = (word[:1].translate(_ALIKE) + word[1:].translate(_HEARD)) or word
    return _TWICE.sub(r"\1", found) if _TWICE.search(found) else found


@lru_cache(64)
def shortened(word: str) -> frozenset[str]:
    """The word, and the word without one of its letters."""
    return frozenset((word, *map("".join, combinations(word, max(len(word) - 1, 0)))))


def nearest(word: str) -> str:
    """The core word that a folded word misspells by one edit, or two that keep its consonants.

    Empty where there is none. The first letter must be right.
    """
    if len(word) < _MIN - 1 or not word.isascii():
        return ""
    by_letters, by_sound = _index()
    near = {core for form in shortened(word) if form in by_letters for core in by_letters[form]}
    if len(word) >= _LONG:
        near.update(by_sound.get(sound(word), ()))
    if not near:
        return ""
    best = min(((_score(word, c), c) for c in near if c[0] == word[0]), default=None)
    return best[1] if best and best[0] <= _allowed(word, best[1]) else ""


def _score(word: str, core: str) -> int:
    return distance(word, core, 2)


def _allowed(word: str, core: str) -> int:
    if len(core) < _FIRM:
        return int(len(word) > len(core))
    return 2 if len(core) >= _LONG and sound(word) == sound(core) else 1


@cache
def _index() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    by_letters: dict[str, list[str]] = {}
    by_sound: dict[str, list[str]] = {}
    for core in sorted(vocabulary().core):
        for form in shortened(core):
            by_letters.setdefault(form, []).append(core)
        by_sound.setdefault(sound(core), []).append(core)
    return by_letters, by_sound
