"""Personal names in Korean text: surname and name syllables, then a particle or a title."""

from __future__ import annotations

import re
from functools import cache

from guardrail.detect.persons.dense import DenseTagger
from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
from guardrail.records import Kind

_WORD = re.compile("[\uac00-\ud7a3]+")
_THRESHOLD = 1.2
_MIN_DOUBLE = 4
_FAMILY = re.compile("([ ·])([\uac00-\ud7a3]{2,8})")
_RANKS = "씨모군양"
_FORMER = (" 씨", " 전 ", " 모 ", " 군 ", " 양 ")
_ALSO_WORDS = "전이한고주현조"
_AFTER = 6


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


def _bare(word: str) -> str:
    """The word without the particle or title at its end."""
    for length in range(min(len(word) - 2, _AFTER), 0, -1):
        rest = word[-length:]
        if rest in _list("particle") or rest in _list("title"):
            return word[:-length]
    return word


class KoreanNames:
    """Finds personal names in Hangul."""

    def __init__(self, *, trained: bool = True) -> None:
        self._tagger = DenseTagger() if trained else None

    def find(self, text: str) -> list[Hit]:
        """Names with spans in `text`, kind `private`."""
        hits = self.by_rule(text)
        return hits if self._tagger is None else self._tagger.revised(text, hits)

    def by_rule(self, text: str) -> list[Hit]:
        """What the syllable lists find."""
        hits: list[Hit] = []
        before = ""
        for match in _WORD.finditer(text):
            word = match[0]
            foreign = self._foreign(text, match.start(), word)
            if foreign and not (hits and match.start() < hits[-1].end):
                hits.append(Hit(match.start(), foreign, Kind.PRIVATE, 0.75))
            if hits and match.start() < hits[-1].end:
                before = word
                continue
            length, score = self._best(word, before, text[match.end() : match.end() + _AFTER])
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
        if (main or after.startswith(" 씨") or word[1:2] == "씨") and cls._alone(word, after):
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

    @classmethod
    def _foreign(cls, text: str, start: int, word: str) -> int:
        """The end of a transliterated name whose given name is the word, or 0."""
        if word in _list("foreign"):
            end = start + len(word)
            match = _FAMILY.match(text, end)
            if match is None:
                return end if len(word) > 1 else 0
            family = _bare(match[2])
            if len(family) > 1 and not family.startswith(_stops()) and family not in _list("title"):
                return match.start(2) + len(family)
            return end if len(word) > 1 else 0
        bare = _bare(word)
        return start + len(bare) if len(bare) > 1 and bare in _list("foreign") else 0

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
        if rest:
            return rest[0] in _RANKS and (len(rest) == 1 or rest[1:] in _list("particle"))
        if word in _ALSO_WORDS:
            return False
        return after.startswith(_FORMER) or (after[:1] == " " and after[1:].startswith(_ranks()))

    @staticmethod
    def _ends(rest: str) -> bool:
        """Whether what follows a name in its word is a particle, a title or both."""
        return not rest or rest in _list("particle") or rest.startswith(_ranks())
