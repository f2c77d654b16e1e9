"""Words in which digits and signs stand for letters, told by the words they make."""

from __future__ import annotations

import re
from itertools import islice, product
from typing import TYPE_CHECKING

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.segments import is_word
from guardrail.detect.disguise.vocabulary import vocabulary
from guardrail.detect.persons.lexicon import GIVEN, SURNAME, latin_words

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICK = "leet"
SIGNS = "0-9@$!+|(€£¢¥"

_READ = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b",
    "9": "gq", "@": "a", "$": "s", "!": "il", "+": "t", "|": "li", "(": "c", "€": "e", "£": "l",
    "¢": "c", "¥": "y",
}  # fmt: skip
_READ_CYRILLIC = {
    "0": "\u043e", "1": "\u0438", "3": "\u0437\u0435", "4": "\u0447\u0430", "6": "\u0431",
    "9": "\u0434", "@": "\u0430", "$": "\u0441", "|": "\u0438",
}  # fmt: skip
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_IN = f"[\\w{SIGNS}]{{0,24}}"
_TOKEN = re.compile(rf"(?<![\w{SIGNS}./#&=%:\\-]){_IN}[{SIGNS}]{_IN}(?![\w{SIGNS}%/\\=]|\.[a-z])")
_TAIL = re.compile(r"[!(|+]+\Z")
_NUMBER = re.compile(r"@[a-z0-9_]{5,}\Z|\w+\(|(?:[$€£¥]\d+|\d+[$€£¥%+]?)[km]?\Z")
_MIN, _LONGEST, _MOST_READINGS = 3, 24, 32
_ENOUGH = 3
_LONG, _MANY = 4, 2
_SIGN = re.compile(f"[{SIGNS}]")


def readings(token: str) -> list[str]:
    """What a folded token may read, the likeliest first; empty where it has no letter or sign."""
    if not _MIN <= len(token) <= _LONGEST or token.isalpha() or _NUMBER.match(token):
        return []
    read = _READ_CYRILLIC if _CYRILLIC.search(token) else _READ
    letters = (read.get(c, c) for c in token)
    found = ["".join(word) for word in islice(product(*letters), _MOST_READINGS)]
    return [word for word in found if word.isalpha()]


def _trimmed(token: str) -> str:
    """A token without the signs behind it, unless they are letters of a word."""
    if any(map(is_word, readings(token))):
        return token
    return _TAIL.sub("", token)


def mark(token: str) -> str:
    """`L` where a folded token reads as a telling word, `l` where as another; else empty.

    `L` as well where two signs or more stand for letters of a longer word.
    """
    written = _trimmed(token)
    found = [word for word in readings(written) if len(word) >= _MIN]
    if any(map(_tells, found)):
        return "L"
    words = [word for word in found if is_word(word)]
    if not words:
        return ""
    signs = len(_SIGN.findall(written))
    long = len(words[0]) > _LONG and _SIGN.search(written, 1, len(written) - 1)
    return "L" if long and _MANY <= signs < len(written) - 1 else "l"


def _tells(word: str) -> bool:
    """Whether a word is a telling one; in Cyrillic, whatever it ends in."""
    telling = vocabulary().telling
    if word.isascii():
        return word in telling and len(word) > _MIN
    return any(word[:end] in telling for end in range(len(word), max(_LONG, len(word) - _LONG), -1))


def unleeted(text: str, *, sure: bool) -> Iterator[Change]:
    """The words of a text that are written so, where a telling word or several others say so.

    sure: whether something else says so already.
    """
    tokens = list(_TOKEN.finditer(text.lower()))
    marks = [mark(token[0]) for token in tokens]
    if not sure and "L" not in marks and sum(map(bool, marks)) < _ENOUGH:
        return
    for token in tokens:
        written = _trimmed(token[0])
        found = readings(written)
        if found and any(map(str.isalpha, written)):
            best = min(found, key=_rank)
            end = token.start() + len(written)
            upper = text[token.start()].isupper()
            yield Change(token.start(), end, best.capitalize() if upper else best, TRICK)


def _rank(word: str) -> int:
    words = vocabulary()
    if word in words.telling:
        return 0
    if word in words.common:
        return 1
    if latin_words().get(word, 0) & (GIVEN | SURNAME):
        return 2
    return 3 if is_word(word) else 4
