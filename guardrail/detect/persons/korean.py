"""Personal names in Korean text: surname and name syllables, then a particle or a title."""

from __future__ import annotations

import re
from functools import cache

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
from guardrail.records import Kind

_WORD = re.compile("[\uac00-\ud7a3]+")
_THRESHOLD = 1.4
_MIN_DOUBLE = 4


@cache
def _list(label: str) -> frozenset[str]:
    return entries("cjk.tsv")[f"ko_{label}"]


@cache
def _stops() -> tuple[str, ...]:
    return tuple(_list("stop"))


@cache
def _titles() -> tuple[str, ...]:
    return tuple(_list("title"))


@cache
def _ranks() -> tuple[str, ...]:
    return ("씨", *(title for title in _list("title") if len(title) > 1))


class KoreanNames:
    """Finds personal names in Hangul."""

    def find(self, text: str) -> list[Hit]:
        """Names with spans in `text`, kind `private`."""
        hits = []
        before = ""
        for match in _WORD.finditer(text):
            word = match[0]
            length, score = self._best(word, before, text[match.end() : match.end() + 5])
            if score >= _THRESHOLD:
                start = match.start()
                hits.append(Hit(start, start + length, Kind.PRIVATE, min(0.95, 0.4 + 0.12 * score)))
            before = word
        return hits

    @classmethod
    def _best(cls, word: str, before: str, after: str) -> tuple[int, float]:
        """How many syllables of the word are a name, and how likely that is."""
        best = (0, 0.0)
        double = word[:2] in _list("double") and len(word) >= _MIN_DOUBLE
        surname = 2 if double else 1
        main = double or word[0] in _list("surname_main")
        if not main and word[0] not in _list("surname"):
            return best
        if main and cls._alone(word, after):
            return 1, 1.6
        if word.startswith(_stops()):
            return best
        for length in (surname + 2, surname + 1):
            given, rest = word[surname:length], word[length:]
            if len(given) < length - surname or not cls._ends(rest):
                continue
            score = (0.9 if main else 0.0) + cls._given(given)
            if rest.startswith(_titles()) or after.strip().startswith(_titles()):
                score += 0.9
            if before in _list("before"):
                score += 0.8
            if score > best[1]:
                best = (length, score)
        return best

    @staticmethod
    def _given(given: str) -> float:
        score = 0.0 if len(given) > 1 else -0.4
        if given[-1] in _list("noun_end"):
            score -= 0.7
        for c in given:
            score += 0.6 if c in _list("given_strong") else 0.2 if c in _list("given") else -0.8
        return score

    @staticmethod
    def _alone(word: str, after: str) -> bool:
        """A surname by itself, before a title."""
        rest = word[1:]
        if not rest:
            return (
                word not in "전이한고주현조"
                and after.startswith(" ")
                and after[1:].startswith(_ranks())
            )
        return rest[0] in "씨모" and (len(rest) == 1 or rest[1:] in _list("particle"))

    @staticmethod
    def _ends(rest: str) -> bool:
        """Whether what follows a name in its word is a particle, a title or both."""
        return not rest or rest in _list("particle") or rest.startswith(_ranks())
