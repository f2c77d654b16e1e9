"""Where in a text a listed name may begin, and where it may end."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import cache

from guardrail.detect.persons.lexicon import entries

_CJK_FROM = "\u3041"
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]")
_HANGUL = re.compile("[\uac00-\ud7a3]+")
_SHORT_FOREIGN = 3
_THAI = ("\u0e01", "\u0e4e")
_THAI_LETTER = re.compile("[\u0e01-\u0e4e]")
_THAI_LEADING = re.compile("[\u0e40-\u0e44]")
_THAI_MARK = re.compile("[\u0e30-\u0e3a\u0e45\u0e47-\u0e4e]")
_MIN_THAI = 5
_PREFIXES = "وفبلك"
_JOINTS = "'\u2019-"


def begins(word: str, at: int, words: Container[str]) -> Iterator[int]:
    """Where names may begin in a word that stands at `at`.

    At its start, after an article or preposition written together with it, and before what an
    apostrophe or a hyphen joins to it. words: how names begin.
    """
    if word in words:
        yield at
        return
    for mark in _JOINTS:
        head, found, tail = word.partition(mark)
        if found and head in words:
            yield at
        if found and tail in words:
            yield at + len(head) + 1
    if word[0] in _PREFIXES and word[1:] in words:
        yield at + 1


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a name is not cut out of a longer word of its script."""
    first, last = text[start], text[end - 1]
    if _THAI[0] <= first <= _THAI[1]:
        return _alone_in_thai(text, start, end)
    if last < _CJK_FROM:
        after = text[end : end + 1]
        return not (after.isalnum() and last.isalnum() and after < _CJK_FROM)
    if first >= "\uac00":
        return _alone_in_hangul(text, start, end)
    if "\u30a1" <= last <= "\u30fc":
        return not _KATAKANA.match(text, end) and not _KATAKANA.match(text[start - 1 : start])
    if end - start <= _SHORT_FOREIGN and first >= "\u3400":
        return not _transliterated(text, start, end)
    return True


def _alone_in_hangul(text: str, start: int, end: int) -> bool:
    if start and "\uac00" <= text[start - 1] <= "\ud7a3":
        return False
    match = _HANGUL.match(text, end)
    rest = match[0] if match else ""
    return not rest or rest in _particles() or rest.startswith(_titles())


def _transliterated(text: str, start: int, end: int) -> bool:
    """Whether a short transliterated name is the middle of a longer foreign word."""
    letters = entries("cjk.tsv")["translit"]
    if not all(c in letters for c in text[start:end]):
        return False
    return text[start - 1 : start] in letters or text[end : end + 1] in letters


@cache
def _particles() -> frozenset[str]:
    return entries("cjk.tsv")["ko_particle"]


@cache
def _titles() -> tuple[str, ...]:
    return ("씨", *(title for title in entries("cjk.tsv")["ko_title"] if len(title) > 1))


def _alone_in_thai(text: str, start: int, end: int) -> bool:
    """Thai sets no spaces: a name of some length stands anywhere but inside a syllable."""
    after = text[end : end + 1]
    if _THAI_MARK.match(after) or (start and _THAI_LEADING.match(text, start - 1)):
        return False
    beside = _THAI_LETTER.match(after) or (start and _THAI_LETTER.match(text, start - 1))
    return not beside or end - start >= _MIN_THAI
