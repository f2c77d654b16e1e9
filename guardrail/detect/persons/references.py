"""People spoken of without a name: "my ex", a profile, "the lead singer of ..."."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import rows
from guardrail.detect.persons.wording import Wording, words
from guardrail.records import Kind
from guardrail.text.scripts import has_han, has_hangul, has_kana

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guardrail.text import View

_LIST = re.compile(r"<(\w+)>")
_LETTERS = {
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "arabic": re.compile("[\u0620-\u064a]"),
    "hebrew": re.compile("[\u05d0-\u05ea]"),
    "thai": re.compile("[\u0e01-\u0e4e]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
}
_OTHER = re.compile("|".join(letters.pattern for letters in _LETTERS.values()))
_SCORES = {Kind.RELATIONAL: 0.85, Kind.PRIVATE: 0.8, Kind.PUBLIC: 0.8}


class _Script:
    """The wordings of a script, each found by one of the words it needs."""

    def __init__(self, wordings: Sequence[tuple[Kind, Wording]]) -> None:
        self._wordings = [(kind, wording, wording.pattern) for kind, wording in wordings]
        self._always = {i for i, (_, wording) in enumerate(wordings) if not wording.needs}
        self._needing: dict[str, list[int]] = {}
        for i, (_, wording) in enumerate(wordings):
            for word in wording.needs[0] if wording.needs else ():
                self._needing.setdefault(word, []).append(i)

    def applying(self, have: frozenset[str]) -> Iterator[tuple[Kind, re.Pattern[str]]]:
        """The patterns worth trying on a text with these words, in order."""
        met = self._needing.keys() & have
        for i in sorted(self._always.union(*[self._needing[word] for word in met])):
            kind, wording, pattern = self._wordings[i]
            if wording.applies(have):
                yield kind, pattern


@cache
def _script(name: str) -> _Script:
    """The wordings of a script, compiled when a text first has it."""
    return _Script(_scripts_read()[name])


@cache
def _scripts_read() -> dict[str, list[tuple[Kind, Wording]]]:
    lists: dict[str, str] = {}
    found: dict[str, list[tuple[Kind, Wording]]] = {}
    for first, second, source, *needs in rows("references.tsv"):
        if first == "list":
            lists[second] = source
        else:
            whole = source
            while _LIST.search(whole):
                whole = _LIST.sub(lambda m: lists[m[1]], whole)
            found.setdefault(first, []).append((Kind(second), Wording.of(whole, *needs)))
    return found


class References:
    """Finds relational, descriptive and account references."""

    def __init__(self) -> None:
        _script("latin")

    def find(self, view: View) -> list[Hit]:
        """References with spans in the original text; none of them is a name."""
        text = view.text
        have = words(text)
        hits = []
        for script in _scripts(text):
            for kind, pattern in _script(script).applying(have):
                for match in pattern.finditer(text):
                    start, end = view.span(*match.span())
                    hits.append(Hit(start, end, kind, _SCORES[kind], name=False))
        return hits


def _scripts(text: str) -> list[str]:
    scripts = ["latin"]
    if not text.isascii():
        if has_kana(text):
            scripts.append("ja")
        elif has_han(text):
            scripts += ["han", "ja"]
        if has_hangul(text):
            scripts.append("hangul")
        if _OTHER.search(text):
            scripts += [name for name, letters in _LETTERS.items() if letters.search(text)]
    return scripts
