"""Japanese in which one syllabary stands for the other, as it is usually written."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.romaji import words

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICK = "syllabary"

_HAN = "\u3005\u4e00-\u9fff"
_KATA, _HIRA = "\u30a1-\u30fa", "\u3041-\u3096"
_OBJECT = re.compile(
    f"ヲ|(?<=[{_HAN}])(?:シテ|シタ|スル|ラレ|サレ|イテ|イタ|ッタ|ッテ)(?![{_KATA}]*ー)"
)
_LINK = re.compile(f"(?<=[{_HAN}{_HIRA}])[ノハガニデトモヘ](?=[{_HAN}{_HIRA}])")
_LONG = re.compile(f"[{_HIRA}]ー[{_HIRA}、。ぁ-ん]")
_RUN = re.compile(f"[{_HAN}{_KATA}{_HIRA}ー]+")
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_ENOUGH, _MOST, _LONGEST = 2, 600, 12
_LETTER = 6.0  # cost of a letter of no known word


def is_swapped(text: str) -> bool:
    """Whether the grammar of a text stands in katakana, as only whole words usually do."""
    firm = len(_OBJECT.findall(text))
    return 2 * firm + len(_LINK.findall(text)) + len(_LONG.findall(text)) >= _ENOUGH


def respelled(text: str, *, sure: bool) -> Iterator[Change]:
    """Every word of a swapped text whose kana are usually the other ones.

    sure: whether something else says that it is one.
    """
    if not sure and not is_swapped(text):
        return
    for run in _RUN.finditer(text[:_MOST]):
        at = run.start()
        for word, written in _read(run[0]):
            if written != word:
                yield Change(at, at + len(word), written, TRICK)
            at += len(word)


@cache
def _written() -> dict[str, tuple[str, float]]:
    """Words in hiragana -> how they are written, and how rare they are."""
    found: dict[str, tuple[str, float]] = {}
    for word in words():
        hiragana = word.written.translate(_TO_HIRAGANA)
        if hiragana not in found or word.cost < found[hiragana][1]:
            found[hiragana] = word.written, word.cost
    return found


def is_word_across(left: str, right: str) -> bool:
    """Whether a known word of three letters or more begins in one text and ends in the next."""
    line, joint, known = (left + right).translate(_TO_HIRAGANA), len(left), _written()
    return any(
        line[start:end] in known
        for start in range(joint)
        for end in range(max(joint + 1, start + 3), len(line) + 1)
    )


def _read(run: str) -> list[tuple[str, str]]:
    """The likeliest words of a run: as they stand there, and as they are written."""
    hiragana, known = run.translate(_TO_HIRAGANA), _written()
    best: list[tuple[float, int, str]] = [(0.0, 0, "")]
    for end in range(1, len(run) + 1):
        cost, begin, written = best[end - 1][0] + _LETTER, end - 1, hiragana[end - 1]
        for start in range(max(0, end - _LONGEST), end):
            if (word := known.get(hiragana[start:end])) and best[start][0] + word[1] < cost:
                cost, begin, written = best[start][0] + word[1], start, word[0]
        best.append((cost, begin, written))
    found: list[tuple[str, str]] = []
    end = len(run)
    while end:
        _, begin, written = best[end]
        found.append((run[begin:end], written))
        end = begin
    return found[::-1]
