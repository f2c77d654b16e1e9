"""People spoken of without a name: "my ex", a profile, "the lead singer of ..."."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import rows
from guardrail.records import Kind
from guardrail.text.scripts import has_han, has_hangul, has_kana

if TYPE_CHECKING:
    from guardrail.text import View

_LIST = re.compile(r"<(\w+)>")
_WORD = re.compile(r"[a-z]+|[@/]")
_SCORES = {Kind.RELATIONAL: 0.85, Kind.PRIVATE: 0.8, Kind.PUBLIC: 0.8}
_ANY = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Wording:
    """One way of speaking of a person.

    words: the text must have one of them for the pattern to be tried; empty: always.
    """

    kind: Kind
    pattern: re.Pattern[str]
    words: frozenset[str] = frozenset()


@cache
def _wordings() -> dict[str, list[Wording]]:
    lists: dict[str, str] = {}
    found: dict[str, list[Wording]] = {}
    for first, second, source, *words in rows("references.tsv"):
        if first == "list":
            lists[second] = source
            continue
        pattern = re.compile(_LIST.sub(lambda m: lists[m[1]], source))
        triggers = frozenset(words[0].split()) - _ANY if words else frozenset()
        found.setdefault(first, []).append(Wording(Kind(second), pattern, triggers))
    return found


class References:
    """Finds relational, descriptive and account references."""

    def __init__(self) -> None:
        self._wordings = _wordings()

    def find(self, view: View) -> list[Hit]:
        """References with spans in the original text; none of them is a name."""
        text = view.text
        words = frozenset(_WORD.findall(text))
        hits = []
        for script in _scripts(text, words):
            for wording in self._wordings[script]:
                if wording.words and wording.words.isdisjoint(words):
                    continue
                for match in wording.pattern.finditer(text):
                    start, end = view.span(*match.span())
                    score = _SCORES[wording.kind]
                    hits.append(Hit(start, end, wording.kind, score, name=False))
        return hits


def _scripts(text: str, words: frozenset[str]) -> list[str]:
    scripts = ["latin"] if words else []
    if not text.isascii():
        if has_kana(text):
            scripts.append("ja")
        elif has_han(text):
            scripts += ["han", "ja"]
        if has_hangul(text):
            scripts.append("hangul")
    return scripts
