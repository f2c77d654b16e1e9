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
    letters, others = set(left), set(right)
    apart = abs(len(left) - len(right)), len(letters - others), len(others - letters)
    if max(apart) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)


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
