"""Disguises of single words; a word they do not fit comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import regex

from scoreboard.disguise.tables import joiners, letters
from scoreboard.disguise.words import clusters

OfWord = Callable[[str, Random], str]

MISSPELT = 5
"""Least letters of a word that gets an error."""
REPEATS = (2, 4)
FULL_WIDTH, REGIONAL, CIRCLED, SQUARED = 0xFEE0, 0x1F1E6, 0x24D0, 0x1F130
_ALPHABETIC = regex.compile(r"[\p{Latin}\p{Cyrillic}\p{Greek}\p{M}]+")
_JOINED = regex.compile(
    r"[\p{Latin}\p{Cyrillic}\p{Greek}\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}]+"
)


def leet(word: str, draw: Random) -> str:
    """Digits and signs for letters."""
    table = letters("leet")
    return "".join(
        draw.choice(table[low]) if (low := one.lower()) in table else one for one in word
    )


def homoglyphs(word: str, draw: Random) -> str:
    """Lookalikes of another script, for each letter that has one."""
    table = letters("homoglyph")
    return "".join(draw.choice(table[one]) if one in table else one for one in word)


def accents(word: str, draw: Random) -> str:
    """Marks on some of the letters, on one at least."""
    table = letters("accent")
    places = [at for at, one in enumerate(word) if one in table]
    if not places:
        return word
    sure = draw.choice(places)
    marked = {at for at in places if at == sure or draw.random() < 1 / 3}
    return "".join(draw.choice(table[one]) if at in marked else one for at, one in enumerate(word))


def spacing(word: str, draw: Random) -> str:
    """A space between letters."""
    return _join(word, [" "], draw)


def punctuation(word: str, draw: Random) -> str:
    """The same sign between all letters."""
    return _join(word, joiners("punctuation"), draw)


def zero_width(word: str, draw: Random) -> str:
    """The same invisible character between all letters."""
    return _join(word, joiners("zero-width"), draw)


def emoji(word: str, draw: Random) -> str:
    """The same emoji between all letters."""
    return _join(word, joiners("emoji"), draw)


def _join(word: str, between: list[str], draw: Random) -> str:
    return draw.choice(between).join(clusters(word)) if _JOINED.fullmatch(word) else word


def full_width(word: str, _: Random) -> str:
    """Full-width forms of ASCII."""
    return "".join(chr(ord(one) + FULL_WIDTH) if "!" <= one <= "~" else one for one in word)


def regional(word: str, _: Random) -> str:
    """Regional indicator letters, the halves of flags."""
    return _shifted(word, REGIONAL)


def enclosed(word: str, draw: Random) -> str:
    """Letters in circles or squares."""
    return _shifted(word, draw.choice((CIRCLED, SQUARED)))


def _shifted(word: str, first: int) -> str:
    return "".join(
        chr(ord(one.lower()) - ord("a") + first) if "a" <= one.lower() <= "z" else one
        for one in word
    )


def repeated(word: str, draw: Random) -> str:
    """One letter drawn out."""
    if not _ALPHABETIC.fullmatch(word):
        return word
    at = draw.randrange(len(word))
    return word[:at] + word[at] * draw.randint(*REPEATS) + word[at + 1 :]


def backwards(word: str, _: Random) -> str:
    """From the last letter to the first."""
    return "".join(reversed(clusters(word))) if _JOINED.fullmatch(word) else word


def misspelt(word: str, draw: Random) -> str:
    """One letter left out, doubled, or swapped with the next, never the first."""
    if len(word) < MISSPELT or not _ALPHABETIC.fullmatch(word):
        return word
    at = draw.randrange(1, len(word) - 1)
    one, following = word[at], word[at + 1]
    instead = draw.choice((following, one + one + following, following + one))
    return word[:at] + instead + word[at + 2 :]
