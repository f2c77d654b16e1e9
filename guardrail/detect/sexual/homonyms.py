"""Sexual terms that are ordinary words of another language, told by the words around them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from guardrail.text.scripts import has_kana

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from guardrail.detect.lexicon import Hit

_DATA = "guardrail.detect.sexual"
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\u200c][^\W\d_]+)?")  # with the joiner of Persian words


@dataclass(frozen=True, slots=True)
class Homonym:
    """Languages in which a term is sexual, and those in which it is not; none stands for all."""

    own: frozenset[str]
    others: frozenset[str]

    def is_foreign(self, votes: Mapping[str, int]) -> bool:
        """Whether one of the others speaks from the text more clearly than each of its own."""
        others = self.others or votes.keys() - self.own
        most = max((votes.get(tongue, 0) for tongue in others), default=0)
        return most > max(votes.get(tongue, 0) for tongue in self.own)


def without_foreign(hits: Sequence[Hit], text: str) -> Sequence[Hit]:
    """Leave out the hits that are ordinary words of the language `text` is written in.

    text: folded, in lower case. Single words say nothing of their language and count.
    """
    homonyms = _homonyms()
    if not any(hit.entry.term in homonyms for hit in hits):
        return hits
    votes = _votes(text)
    return [
        hit
        for hit in hits
        if (homonym := homonyms.get(hit.entry.term)) is None or not homonym.is_foreign(votes)
    ]


def _votes(text: str) -> dict[str, int]:
    votes: dict[str, int] = {}
    tongues = _tongues()
    for word in set(_WORD.findall(text)):
        for tongue in tongues.get(word, ()):
            votes[tongue] = votes.get(tongue, 0) + 1
    if has_kana(text):
        votes["ja"] = votes.get("ja", 0) + 1
    return votes


@cache
def _tongues() -> Mapping[str, tuple[str, ...]]:
    spoken: dict[str, tuple[str, ...]] = {}
    for tongue, words in _rows("tongues.tsv"):
        for word in words.split():
            spoken[word] = (*spoken.get(word, ()), tongue)
    return spoken


@cache
def _homonyms() -> Mapping[str, Homonym]:
    return {
        term: Homonym(frozenset(own.split()), frozenset("".join(others).split()))
        for term, own, *others in _rows("homonyms.tsv")
    }


def _rows(name: str) -> Iterator[list[str]]:
    text = files(_DATA).joinpath("data", name).read_text("utf-8")
    rows = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return (row for row in rows if row and not row[0].startswith("#"))
