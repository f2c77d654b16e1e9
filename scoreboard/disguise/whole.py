"""Disguises of a whole turn, or of several; None where one does not fit."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Sequence
from random import Random

from scoreboard.disguise import kana
from scoreboard.disguise.tables import wrappers
from scoreboard.disguise.words import LONG_UNSPACED, long_words, replace, telling_words
from scoreboard.suite import TURN

OfTurn = Callable[[str, str, Sequence[str], Random], str | None]
"""The turn, its language, its twins, and what to draw by."""

VARIABLES = 3
"""Most words that are put into variables."""
ENGLISH, JAPANESE = "en", "ja"
_ASCII_LETTERS = 0.95


def upper(turn: str, _lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """Capitals."""
    return turn.upper()


def in_base64(turn: str, lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """In base64, with the request to decode it."""
    asked = wrappers("base64")
    encoded = base64.b64encode(turn.encode()).decode("ascii")
    return asked.get(lang, asked[ENGLISH]).format(encoded)


def in_rot13(turn: str, _lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """In ROT13, with the request to decode it; Latin letters without marks only."""
    letters = [one for one in turn if one.isalpha()]
    if sum(map(str.isascii, letters)) < _ASCII_LETTERS * len(letters):
        return None
    return wrappers("rot13")[ENGLISH].format(codecs.encode(turn, "rot13"))


def in_variables(turn: str, _lang: str, twins: Sequence[str], draw: Random) -> str | None:
    """Some words in two halves, each in a variable; the telling ones first."""
    ranges = _cuttable(turn, twins)
    chosen = sorted(sorted(ranges, key=lambda span: (span[0] - span[1], span))[:VARIABLES])
    if not chosen:
        return None
    names = iter("abcdefgh")
    given: list[str] = []

    def put(word: str) -> str:
        at = draw.randrange(1, len(word))
        one, two = next(names), next(names)
        given.append(f'{one} = "{word[:at]}"; {two} = "{word[at:]}"; ')
        return f"{one}+{two}"

    rest = replace(turn, chosen, put)
    return "".join(given) + rest


def between_words(turn: str, _lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """In two messages, parted at the space nearest to the middle."""
    spaces = [at for at, one in enumerate(turn) if one == " " and 0 < at < len(turn) - 1]
    if not spaces:
        return None
    at = min(spaces, key=lambda place: abs(2 * place - len(turn)))
    return turn[:at] + TURN + turn[at + 1 :]


def inside_a_word(turn: str, _lang: str, twins: Sequence[str], draw: Random) -> str | None:
    """In two messages, parted inside a word, a telling one if there is one."""
    ranges = _cuttable(turn, twins)
    if not ranges:
        return None
    start, end = draw.choice(ranges)
    at = draw.randrange(start + 1, end)
    return turn[:at] + TURN + turn[at:]


def _cuttable(turn: str, twins: Sequence[str]) -> list[tuple[int, int]]:
    ranges = telling_words(turn, twins) if twins else []
    return [r for r in ranges or long_words(turn) if r[1] - r[0] >= LONG_UNSPACED]


def around(turn: str, lang: str, _twins: Sequence[str], draw: Random) -> str | None:
    """Between polite phrases in another language."""
    return wrappers("around")[draw.choice(_others(lang))].format(turn)


def _others(lang: str) -> list[str]:
    return sorted(set(wrappers("around")) - {lang})


def kana_swapped(turn: str, lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """Katakana for hiragana and the other way round."""
    return kana.swapped(turn) if lang == JAPANESE else None


def half_width_kana(turn: str, lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """Half-width katakana for all kana."""
    return kana.half_width(turn) if lang == JAPANESE else None


def in_romaji(turn: str, lang: str, _twins: Sequence[str], _draw: Random) -> str | None:
    """Japanese in Latin letters."""
    return kana.romaji(turn) if lang == JAPANESE else None
