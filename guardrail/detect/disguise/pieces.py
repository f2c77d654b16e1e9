"""Words cut into pieces by a sign, told by the words that the pieces make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICK = "separators"

_SIGN_SET = (
    r"[^\w\s@:/#,;!?()\[\]{}<>%&\"'\u2019\uff01-\uff0f\u3000-\u3020\u2018\u201c\u201d\u0300-\u036f]"
)
_PICTURE = "[\u2190-\u2bff\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
_CUT = re.compile(
    rf"(?<![\w@#:/.\-])[^\W\d_]{{1,12}}(?:(?:{_SIGN_SET}|_){{1,3}}[^\W\d_]{{1,12}}){{1,24}}(?![\w@:/])"
)
_SIGN = re.compile(f"(?:{_SIGN_SET}|_)+")
_PICTURED = re.compile(
    rf"(?:[^\W\d_]{_PICTURE}\ufe0f?){{2,}}[^\W\d_]|\A[^\W\d_]{_PICTURE}\ufe0f?[^\W\d_]\Z"
)
_ENOUGH = 2
_MIN = 4


def mark(token: str) -> str:
    """`J` where the pieces of a folded token make a telling word, `j` another; else empty."""
    if not _CUT.fullmatch(token):
        return ""
    return "J" if _PICTURED.search(token) else _mark(token)


def _mark(token: str) -> str:
    words = vocabulary()
    pieces = _SIGN.split(token)
    whole = "".join(pieces)
    if len(whole) < _MIN or all(map(words.says, pieces)):
        return ""
    if whole in words.telling:
        return "J"
    if not words.known(whole) or all(map(words.known, pieces)):
        return ""
    return "j"


def joined(text: str, *, sure: bool) -> Iterator[Change]:
    """The words of a text that were cut, where a telling word or several others say so."""
    found = [match for match in _CUT.finditer(text) if mark(match[0].lower())]
    if sure or len(found) >= _ENOUGH:
        for match in found:
            yield Change(*match.span(), _SIGN.sub("", match[0]), TRICK)
