"""Cheap tests for the scripts a text is written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LATIN = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff\u2c60-\u2c7f"
_LATIN += "\ua722-\ua7ff\uab30-\uab64\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a"
_KANA_LETTERS = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HAN_LETTERS = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HANGUL_LETTERS = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc"
_SCRIPTS = {
    "latin": _LATIN,
    "han": _HAN_LETTERS,
    "kana": _KANA_LETTERS,
    "hangul": _HANGUL_LETTERS,
    "cyrillic": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "arabic": "\u0620-\u064a\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff"
    "\ufb50-\ufdff\ufe70-\ufefc",
    "hebrew": "\u05d0-\u05f4\ufb1d-\ufb4f",
    "thai": "\u0e01-\u0e4e",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
}
_KANA = re.compile(f"[{_KANA_LETTERS}]")
_HAN = re.compile(f"[{_HAN_LETTERS}]")
_HANGUL = re.compile(f"[{_HANGUL_LETTERS}]")
_NOT_LATIN = re.compile(f"[^\\W\\d_{_LATIN}\u02b0-\u036f]")
_RUNS = re.compile("|".join(f"(?P<{name}>[{letters}]+)" for name, letters in _SCRIPTS.items()))


def has_kana(text: str) -> bool:
    """Whether a hiragana or katakana letter occurs, half-width ones included."""
    return not text.isascii() and _KANA.search(text) is not None


def has_han(text: str) -> bool:
    """Whether a Chinese character (kanji, hanzi, hanja) occurs."""
    return not text.isascii() and _HAN.search(text) is not None


def has_hangul(text: str) -> bool:
    """Whether a Korean letter or syllable occurs."""
    return not text.isascii() and _HANGUL.search(text) is not None


def has_japanese(text: str) -> bool:
    """Whether kana occur, with or without Chinese characters; these alone may be any language."""
    return has_kana(text)


def is_latin(text: str) -> bool:
    """Whether no letter of a script other than Latin occurs; true of a text without letters."""
    return text.isascii() or _NOT_LATIN.search(text) is None


def script_runs(text: str) -> Iterator[tuple[str, int, int]]:
    """Runs of letters of one script: its name and the half-open range, in code points.

    Names: latin, han, kana, hangul, cyrillic, greek, arabic, hebrew, thai, devanagari, bengali.
    What belongs to none of them parts runs and is left out.
    """
    for match in _RUNS.finditer(text):
        yield match.lastgroup or "", match.start(), match.end()


def scripts_of(text: str) -> frozenset[str]:
    """The scripts whose letters occur, by the names of `script_runs`."""
    return frozenset(name for name, _, _ in script_runs(text))
