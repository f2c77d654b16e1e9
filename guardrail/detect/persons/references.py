"""People spoken of without a name: "my ex", a profile, "the lead singer of ..."."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import rows
from guardrail.records import Kind
from guardrail.text.scripts import has_han, has_hangul, has_kana

if TYPE_CHECKING:
    from guardrail.text import View

_LIST = re.compile(r"<(\w+)>")
_SCORES = {Kind.RELATIONAL: 0.85, Kind.PRIVATE: 0.8, Kind.PUBLIC: 0.8}
_LATIN = re.compile("[a-z]")


@cache
def _patterns() -> dict[str, list[tuple[Kind, re.Pattern[str]]]]:
    lists: dict[str, str] = {}
    sources: dict[tuple[str, Kind], list[str]] = {}
    for first, second, pattern in rows("references.tsv"):
        if first == "list":
            lists[second] = pattern
        else:
            whole = _LIST.sub(lambda m: lists[m[1]], pattern)
            sources.setdefault((first, Kind(second)), []).append(whole)
    found: dict[str, list[tuple[Kind, re.Pattern[str]]]] = {}
    for (script, kind), patterns in sources.items():
        found.setdefault(script, []).append((kind, re.compile("|".join(patterns))))
    return found


class References:
    """Finds relational, descriptive and account references."""

    def __init__(self) -> None:
        self._patterns = _patterns()

    def find(self, view: View) -> list[Hit]:
        """References with spans in the original text; none of them is a name."""
        text = view.text
        scripts = ["latin"] if _LATIN.search(text) else []
        if not text.isascii():
            if has_kana(text):
                scripts.append("ja")
            elif has_han(text):
                scripts += ["han", "ja"]
            if has_hangul(text):
                scripts.append("hangul")
        hits = []
        for script in scripts:
            for kind, pattern in self._patterns[script]:
                for match in pattern.finditer(text):
                    start, end = view.span(*match.span())
                    hits.append(Hit(start, end, kind, _SCORES[kind], name=False))
        return hits
