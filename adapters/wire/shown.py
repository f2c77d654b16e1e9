"""Which of a reply's headers are handed out: nobody screens them, so none may hold a sentence."""

from __future__ import annotations

import re

from guardrail.adapters.wire.http import Headers

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}", re.ASCII)
_WORD = re.compile(r"[!-~]{0,4096}", re.ASCII)
_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2}[ -]"
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ -][0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)
_RANGE = re.compile(r"bytes [0-9*]+(-[0-9]+)?/[0-9*]+")
_BETWEEN = re.compile(r"[,;] *")
_LISTS = re.compile(
    r"access-control-.*|alt-svc|allow|cache-control|content-disposition|content-type|set-cookie"
    r"|strict-transport-security|vary|x-guardrail-obligations"
)
_LONGEST = 16_384


def shown(headers: Headers) -> Headers:
    """Those that may be handed out.

    A value is one word without spaces, a date or a range of bytes; some standard headers may be
    lists of these.
    """
    return [pair for pair in headers if _may_be(*pair)]


def _may_be(name: str, value: str) -> bool:
    if not _NAME.fullmatch(name) or len(value) > _LONGEST:
        return False
    if _WORD.fullmatch(value) or _DATE.fullmatch(value) or _RANGE.fullmatch(value):
        return True
    if not _LISTS.fullmatch(name.lower()):
        return False
    return all(map(_WORD.fullmatch, _BETWEEN.split(_DATE.sub("", value))))
