"""Which words of a text are disguised: every long one, or those its twin does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

import regex

Range = tuple[int, int]
"""Half-open, code points."""

LONG, LONG_UNSPACED = 4, 2
"""Least letters of a long word; in scripts without spaces, of a run of characters."""
TELLING, SHARED_UNSPACED = 3, 2

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
WORD = regex.compile(
    rf"(?P<unspaced>[{_UNSPACED}]+)"
    rf"|\p{{Hangul}}+|(?:(?![{_UNSPACED}\p{{Hangul}}])[\p{{L}}\p{{M}}])+"
)
_CLUSTER = regex.compile(r"\X")


def clusters(word: str) -> list[str]:
    """The letters as a reader sees them, marks with what they stand on."""
    found: list[str] = _CLUSTER.findall(word)
    return found


def long_words(text: str) -> list[Range]:
    """Every word of at least LONG letters; where words are not spaced, every run of characters."""
    return [
        match.span()
        for match in WORD.finditer(text)
        if len(match[0]) >= (LONG_UNSPACED if match["unspaced"] else LONG)
    ]


def telling_words(text: str, twins: Sequence[str]) -> list[Range]:
    """The words that no twin has: what makes the one harmful and the other harmless.

    Where words are not spaced, runs of characters that no twin has, stretched to two characters.
    """
    known = {match[0].casefold() for twin in twins for match in WORD.finditer(twin)}
    shared = _shared(text, twins)
    found: list[Range] = []
    for match in WORD.finditer(text):
        if match["unspaced"]:
            found += _own_runs(match.span(), shared)
        elif len(match[0]) >= TELLING and match[0].casefold() not in known:
            found.append(match.span())
    return found


def _shared(text: str, twins: Iterable[str]) -> set[int]:
    """Places of characters that stand in a run shared with a twin."""
    return {
        block.a + step
        for twin in twins
        for block in SequenceMatcher(None, text, twin, autojunk=False).get_matching_blocks()
        if block.size >= SHARED_UNSPACED
        for step in range(block.size)
    }


def _own_runs(run: Range, shared: set[int]) -> list[Range]:
    start, end = run
    own: list[Range] = []
    for at in range(start, end):
        if at in shared:
            continue
        if own and own[-1][1] >= at:
            own[-1] = own[-1][0], at + 1
        else:
            own.append((at, at + 1))
    apart: list[Range] = []
    for one in own:
        stretched = _stretch(one, run)
        if not apart or apart[-1][1] <= stretched[0]:
            apart.append(stretched)
    return apart


def _stretch(own: Range, run: Range) -> Range:
    start, end = own
    if end - start > 1 or run[1] - run[0] == 1:
        return own
    return (start, end + 1) if end < run[1] else (start - 1, end)


def replace(text: str, ranges: Iterable[Range], change: Callable[[str], str]) -> str:
    """Change the words in `ranges`, which do not overlap and stand in order."""
    pieces: list[str] = []
    last = 0
    for start, end in ranges:
        pieces += text[last:start], change(text[start:end])
        last = end
    return "".join((*pieces, text[last:]))
