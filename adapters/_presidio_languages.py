"""The languages a text may be in, by its scripts."""

from __future__ import annotations

from collections.abc import Sequence

from guardrail.text.scripts import scripts_of

_CODES = {
    "han": "ja zh",
    "kana": "ja",
    "hangul": "ko",
    "cyrillic": "ru uk be bg mk sr",
    "arabic": "ar fa ur",
    "greek": "el",
    "hebrew": "he",
    "thai": "th",
    "devanagari": "hi mr",
    "bengali": "bn",
}
_ELSEWHERE = frozenset(code for codes in _CODES.values() for code in codes.split())
_ANY = "xx"


def languages_of(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Those of `known` whose script occurs in the text; where none does, the first.

    A language not listed above is written in Latin letters; `xx` is any language.
    """
    scripts = scripts_of(text)
    written = {code for script in scripts for code in _CODES.get(script, "").split()}
    latin = "latin" in scripts
    fits = (c for c in known if c == _ANY or c[:2] in written or (latin and c not in _ELSEWHERE))
    return tuple(fits) or tuple(known[:1])
