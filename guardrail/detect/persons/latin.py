"""Personal names in Latin script: candidates scored by hand-set weights, revised by a tagger."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import (
    AFTER,
    BEFORE,
    BRAND,
    COMMON,
    GIVEN,
    HONORIFIC,
    NAMING,
    ORG,
    PARTICLE,
    PLACE,
    STOP,
    SURNAME,
    TITLE,
    latin_words,
    weights,
)
from guardrail.detect.persons.spelled import SpelledTagger
from guardrail.detect.persons.tagging import Said
from guardrail.detect.persons.tokens import Tokens
from guardrail.records import Kind

_SHAPE = re.compile(
    r"(?:mc|mac|o['’]|d['’]|fitz)\w{3,}|\w{2,}(?:son|sen|berg|burg|stein|mann|sk[iy]|skyi|ska|[oe]va|enko|escu"
    r"|vi[cć]h?|idis|poulos|o[gğ]lu|yan|ian|adze|shvili|[aei]z|etti|elli|ini|ucci|eau|ault|gren"
    r"|qvist|quist|str[oö]m|d[oó]ttir|inen|worth|stra|wala|moto|mura|yama|kawa|zaki|saki|guchi"
    r"|shita|feld|baum|bauer|huber)",
)
_MAX_TOKENS = 5
_SHORT = 3
_NAMES = GIVEN | SURNAME
_ORDINARY = COMMON | PLACE


class LatinNames:
    """Finds personal names in Latin script, cased or not."""

    def __init__(self, *, trained: bool = True) -> None:
        self.lexicon = latin_words()
        self.weights = weights()
        self._tagger = SpelledTagger() if trained else None

    def find(self, text: str) -> list[Hit]:
        """Names with spans in `text`, kind `private`."""
        tokens = Tokens(text, self.lexicon)
        if not tokens.words:
            return []
        found: Said = self.by_rule(tokens)
        if self._tagger is not None:
            found = self._tagger.revised(tokens, found)
        return [
            Hit(tokens.starts[i], tokens.end(j - 1), Kind.PRIVATE, score)
            for score, i, j in found
            if not _is_phrase(tokens, i, j)
        ]

    def by_rule(self, tokens: Tokens) -> list[tuple[float, int, int]]:
        """What the hand-set weights choose: score in [0, 1], and half-open range of words."""
        chosen = apart(self._candidates(tokens))
        chosen += self._again(tokens, chosen)
        return [(_squash(score), i, j) for score, i, j in chosen]

    def _candidates(self, t: Tokens) -> list[tuple[float, int, int]]:
        found = []
        threshold = self.weights["threshold"]
        for i, flags in enumerate(t.flags):
            if not self._anchor(t, i, flags):
                continue
            for j in self._ends(t, i):
                score = self._score(t, i, j)
                if score >= threshold:
                    found.append((score, i, j))
        return found

    @staticmethod
    def _anchor(t: Tokens, i: int, flags: int) -> bool:
        if t.caps[i] and not t.caseless:
            return not flags & (STOP | ORG | BRAND) or bool(flags & _NAMES)
        if flags & GIVEN:
            return not flags & (STOP | PARTICLE) and (t.caseless or not t.german)
        return bool(
            t.caseless and i and t.flags[i - 1] & HONORIFIC and (flags & SURNAME or not flags)
        )

    @staticmethod
    def _ends(t: Tokens, i: int) -> list[int]:
        """The possible exclusive ends of a name from `i` on."""
        ends = [i + 1]
        j = i + 1
        last = min(len(t.words), i + _MAX_TOKENS)
        while j < last and t.linked(j):
            flags = t.flags[j]
            if t.caps[j] or t.caseless or not t.caps[i]:
                if j > i + 1 and (t.caseless or not t.caps[i]) and not _inner(t, j - 1):
                    break
                if flags & STOP or (flags & (BEFORE | AFTER) and not flags & _NAMES):
                    break
                ends.append(j + 1)
            elif not flags & PARTICLE:
                break
            j += 1
        return ends

    def _score(self, t: Tokens, i: int, j: int) -> float:
        w = self.weights
        score = self._single(t, i) if j == i + 1 else self._several(t, i, j)
        if i and t.flags[i - 1] & TITLE and t.seps[i] in {" ", ". "}:
            score += w["title_before"]
        elif i and t.flags[i - 1] & BEFORE and t.seps[i] == " ":
            score += w["cue_naming" if t.flags[i - 1] & NAMING else "cue_before"]
        if j < len(t.words) and t.flags[j] & AFTER and t.seps[j] in {" ", ", "}:
            score += w["cue_after"]
        if i and t.lows[i - 1] in {"the", "a", "an", "der", "die", "das", "den", "dem"}:
            score += w["the_before"]
        score += self._surroundings(t, i, j)
        if t.initial(i):
            score += w["initial_position"]
        return score

    def _surroundings(self, t: Tokens, i: int, j: int) -> float:
        w = self.weights
        score = 0.0
        if j < len(t.words) and t.linked(j):
            if t.flags[j] & ORG and (t.caps[j] or t.caseless) and not t.flags[j] & AFTER:
                score += w["org_after"]
            elif t.caps[j] and not t.caseless:
                score += w["cap_after"]
        if i and t.caps[i - 1] and not t.caseless and t.linked(i):
            flags = t.flags[i - 1]
            if not flags & (TITLE | BEFORE | STOP):
                score += w["cap_before"]
        sep = t.seps[i]
        if sep:
            if sep[-1] == "@" or sep.endswith(("/", "_")):
                score += w["handle"]
            elif sep[-1] == "#":
                score += w["hashtag"]
        return score

    def _single(self, t: Tokens, i: int) -> float:
        w = self.weights
        flags = t.flags[i]
        score = 0.0
        if flags & GIVEN:
            score = w["single_weak" if flags & _ORDINARY else "single_given"]
        elif flags & SURNAME:
            score = w["single_weak" if flags & _ORDINARY else "single_surname"]
        elif flags or len(t.words[i]) == 1:
            return -9.0
        else:
            score = w["single_shape" if _SHAPE.fullmatch(t.lows[i]) else "single_unknown"]
        if flags & (ORG | BRAND | TITLE):
            score += w["org_inside"]
        if t.caseless or not t.caps[i]:
            score += w["caseless_single"]
        elif t.words[i].isupper():
            score += w["all_caps"]
        return score

    def _several(self, t: Tokens, i: int, j: int) -> float:
        w = self.weights
        first, last = t.flags[i], t.flags[j - 1]
        caseless = t.caseless or not t.caps[i]
        score = self._first(t, i, first) + self._last(t, j - 1, last, caseless=caseless)
        for k in range(i + 1, j - 1):
            flags = t.flags[k]
            if flags & PARTICLE or (flags & _NAMES and not flags & COMMON):
                score += w["inner_name"]
            elif len(t.words[k]) == 1:
                score += w["inner_initial"]
            else:
                score += w["inner_common" if flags else "inner_other"]
        for k in range(i, j):
            flags = t.flags[k]
            if flags & (ORG | BRAND) and not flags & _NAMES:
                score += w["org_inside"]
            elif flags & PLACE and not flags & _NAMES:
                score += w["place_inside"]
        if caseless:
            score += w["caseless"]
            if first & _ORDINARY and (last & _ORDINARY or not last):
                score += w["caseless_both_common"]
        return score

    def _first(self, t: Tokens, i: int, flags: int) -> float:
        w = self.weights
        if flags & TITLE and not flags & _NAMES:
            return -9.0
        if flags & GIVEN:
            return w["given_weak" if flags & _ORDINARY else "given_strong"]
        if len(t.words[i]) == 1:
            return w["first_initial"]
        if flags & SURNAME and not flags & _ORDINARY:
            return w["first_surname"]
        if flags:
            return w["first_common"]
        return w["first_unknown"] + (w["german_unknown"] if t.german else 0.0)

    def _last(self, t: Tokens, k: int, flags: int, *, caseless: bool) -> float:
        w = self.weights
        if flags & PARTICLE and len(t.words[k]) <= _SHORT:
            return -9.0
        if flags & SURNAME:
            return w["last_surname_weak" if flags & _ORDINARY else "last_surname"]
        if flags & GIVEN:
            return w["last_surname_weak" if flags & _ORDINARY else "last_given"]
        if len(t.words[k]) == 1 or flags & PARTICLE:
            return -9.0
        if flags:
            return w["last_common"]
        shape = _SHAPE.fullmatch(t.lows[k])
        return w["last_shape" if shape else "last_unknown"] + (
            w["caseless_unknown"]
            if caseless and not shape and not t.flags[k - 1] & PARTICLE
            else 0.0
        )

    @staticmethod
    def _again(t: Tokens, chosen: Sequence[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
        """A surname or given name standing alone after its full form was seen."""
        words = {
            t.words[k]
            for _, i, j in chosen
            if j > i + 1
            for k in (i, j - 1)
            if len(t.words[k]) >= _SHORT and not t.flags[k] & STOP
        }
        if not words or t.caseless:
            return []
        taken = {k for _, i, j in chosen for k in range(i, j)}
        return [
            (2.0, k, k + 1)
            for k, word in enumerate(t.words)
            if word in words and k not in taken and t.caps[k]
        ]


def apart(found: Iterable[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Those of the scored ranges that overlap no better one, the best first."""
    kept: list[tuple[float, int, int]] = []
    taken: set[int] = set()
    for score, i, j in sorted(found, key=lambda c: (-c[0] - 0.3 * (c[2] - c[1]), c[1])):
        if taken.isdisjoint(range(i, j)):
            kept.append((score, i, j))
            taken.update(range(i, j))
    return kept


def _inner(t: Tokens, k: int) -> bool:
    """Whether token `k` may stand inside a name where capitals tell nothing."""
    return bool(t.flags[k] & (_NAMES | PARTICLE)) or len(t.words[k]) == 1


def _squash(score: float) -> float:
    return min(0.98, 0.5 + 0.12 * score)


def _is_phrase(t: Tokens, i: int, j: int) -> bool:
    """Whether a run is a letter by itself, or holds an article or the like."""
    if j == i + 1:
        return len(t.words[i]) == 1
    return t.caseless and any(t.flags[k] & STOP and not t.flags[k] & PARTICLE for k in range(i, j))
