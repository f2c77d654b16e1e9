"""Japanese written in another of its scripts."""

from __future__ import annotations

from functools import cache
from unicodedata import normalize

from sudachipy import Dictionary, Morpheme, SplitMode, Tokenizer

from scoreboard.disguise.tables import kana_sounds

_HIRAGANA, _KATAKANA = ("ぁ", "ゖ"), ("ァ", "ヶ")
_APART = ord("ァ") - ord("ぁ")
_HALF = {
    normalize("NFKC", chr(point)): chr(point)
    for point in range(0xFF66, 0xFF9E)  # half-width katakana, without the two sound marks
}
_MARKS = {"\u3099": "\uff9e", "\u309a": "\uff9f"}
_SAID_OTHERWISE = {"は": "ワ", "へ": "エ"}
_PARTICLE, _SMALL_TSU = "助詞", "ッ"


def swapped(text: str) -> str:
    """Katakana for hiragana and the other way round."""
    return "".join(_other(one) for one in text)


def _other(one: str) -> str:
    if _HIRAGANA[0] <= one <= _HIRAGANA[1]:
        return chr(ord(one) + _APART)
    return chr(ord(one) - _APART) if _KATAKANA[0] <= one <= _KATAKANA[1] else one


def half_width(text: str) -> str:
    """Half-width katakana for all kana."""
    return "".join(_half(one) for one in text)


def _half(one: str) -> str:
    katakana = _other(one) if _HIRAGANA[0] <= one <= _HIRAGANA[1] else one
    if katakana != "ー" and not _KATAKANA[0] <= katakana <= _KATAKANA[1]:
        return one
    base, mark = (*normalize("NFD", katakana), "")[:2]
    return _HALF[base] + _MARKS.get(mark, mark) if base in _HALF else one


def romaji(text: str) -> str:
    """The readings in Latin letters (Hepburn, long vowels plain), a space between words."""
    words: list[str] = []
    for word in map(_reading, _tokenizer().tokenize(text, SplitMode.C)):
        if words and words[-1].endswith(_SMALL_TSU):
            words[-1] += word
        elif word.strip():
            words.append(word)
    return " ".join(map(_spelled, words))


def _reading(word: Morpheme) -> str:
    surface = word.surface()
    if word.part_of_speech()[0] == _PARTICLE and surface in _SAID_OTHERWISE:
        return _SAID_OTHERWISE[surface]
    japanese = any("\u3040" <= one <= "\u9fff" for one in surface)
    return str(word.reading_form()) if japanese else str(surface)


@cache
def _tokenizer() -> Tokenizer:
    return Dictionary(dict="core").tokenizer()


def _spelled(reading: str) -> str:
    sounds = kana_sounds()
    out, at = "", 0
    double = False
    while at < len(reading):
        size = 2 if reading[at : at + 2] in sounds else 1
        sound = sounds.get(reading[at : at + size], reading[at])
        if reading[at] == _SMALL_TSU:
            double = True
        else:
            out += sound[:1] + sound if double and sound[:1] not in "aiueo" else sound
            double = False
        at += size
    return out
