"""Where a text may be cut: told from the text before the cut alone, or from both sides."""

from __future__ import annotations

import re
import unicodedata

REACH = 24
"""Code points that are looked through for a good place to cut."""
RUN = 1_024
"""Longest run without a space, code points, that is kept together."""
_ESCAPED = 6
"""Code points in which one may be written (`\\u88f8`)."""

_BREAK = re.compile(
    "(?<=[\\s\u3001\u3002\uff0c\uff0e\uff01\uff1f\u300d\u300f\uff09\u2026\u0964\u061f\u060c])(?=\\S)"
    "|(?<=[\u3041-\u3096])(?=[\u30a1-\u30fa\u3400-\u9fffA-Za-z])"
)
_SPACE = re.compile(r"\s")
_PRINTED = frozenset(map(chr, range(0x21, 0x7F)))
_HIGH = ("\ud800", "\udbff")
_LOW = ("\udc00", "\udfff")
_JOINER = "\u200d"


def word_start(text: str, near: int) -> int:
    """The first start of a word within `REACH` of `near`; `near` itself where none is found."""
    if near <= 0:
        return 0
    found = _BREAK.search(text, near, min(near + REACH, len(text)))
    return found.start() if found else whole(text, near)


def words_end(text: str) -> int:
    """Where the last word begins that may yet go on; all before it is complete.

    It is within `REACH` of the end: a longer word, or a script without spaces, is cut before its
    last character.
    """
    low = max(0, len(text) - REACH)
    if text[-1:].isspace():
        return len(text)
    breaks = [found.start() for found in _BREAK.finditer(text, low)]
    return breaks[-1] if breaks and breaks[-1] > low else whole(text, len(text) - 1)


def settled(text: str, at: int) -> int:
    """The last place up to `at` that parts neither a character nor an unbroken ASCII run.

    A run of more than `RUN` is cut, as far back from `at` as an escaped text needs.
    """
    if at <= 0:
        return 0
    if at < len(text) and text[at] in _PRINTED:
        start = _run_start(text, at)
        at = start if at - start <= RUN else max(start, at - (_ESCAPED - 1) * REACH * 2)
    return whole(text, at)


def whole(text: str, at: int) -> int:
    """The last place up to `at` that parts no character: no accent, joined emoji or surrogate."""
    low = max(0, at - REACH)
    while low < at < len(text) and _goes_on(text[at - 1], text[at]):
        at -= 1
    return max(at, 0)


def joined(half: str, text: str) -> tuple[str, str]:
    """Text with a surrogate left over from before, and the one that it leaves over itself.

    Pairs of surrogates become the character they stand for.
    """
    text = half + text
    left = text[-1:] if _HIGH[0] <= text[-1:] <= _HIGH[1] else ""
    text = text[: len(text) - len(left)]
    if any(_HIGH[0] <= sign <= _LOW[1] for sign in text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text, left


def _run_start(text: str, at: int) -> int:
    low = max(0, at - RUN - 1)
    while at > low and text[at - 1] in _PRINTED:
        at -= 1
    return at


def _goes_on(before: str, sign: str) -> bool:
    return (
        _JOINER in (before, sign)
        or unicodedata.category(sign)[0] == "M"
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or (_HIGH[0] <= before <= _HIGH[1] and _LOW[0] <= sign <= _LOW[1])
    )
