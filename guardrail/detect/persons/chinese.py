"""Personal names in Chinese text: surname tables, name characters and the words around them."""

from __future__ import annotations

import re
from functools import cache

from guardrail.detect.persons.hanzi import HanziTagger
from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
from guardrail.detect.persons.segmentation import Page, name_bins
from guardrail.records import Kind

_HAN = re.compile("[\u3400-\u9fff]")
_DOTS = "·•‧・"
_CONTEXT = 4
_THRESHOLD = 1.2
_MIN_FOREIGN = 3
_MAX_FOREIGN = 6
_TYPICAL = 2
_SURE = 0.6
_LINKED = re.compile(f"[\u3400-\u9fff]{{1,9}}(?:[{_DOTS}][\u3400-\u9fff]{{1,9}})+")
_ACCOUNT = re.compile(r"@[^\s:：,，。!！?？/@、]+")


@cache
def _lists() -> dict[str, frozenset[str]]:
    return {label: words for label, words in entries("cjk.tsv").items() if label.startswith("zh_")}


@cache
def _tuple(label: str) -> tuple[str, ...]:
    return tuple(_lists()[label])


@cache
def _foreign() -> re.Pattern[str]:
    letters = "".join(entries("cjk.tsv")["translit"])
    return re.compile(f"[{letters}]{{{_MIN_FOREIGN},{_MAX_FOREIGN}}}")


class ChineseNames:
    """Finds personal names in Chinese text, simplified or traditional."""

    def __init__(self, *, trained: bool = True) -> None:
        self._tagger = HanziTagger() if trained else None

    def find(self, text: str) -> list[Hit]:
        """Names with spans in `text`, kind `private`; none inside the name of an account."""
        page = Page(text)
        hits = self.by_rule(text, page)
        if self._tagger is not None:
            hits = self._tagger.revised(page, hits)
        hits += _again(text, hits)
        accounts = [m.span() for m in _ACCOUNT.finditer(text)] if "@" in text else ()
        return [h for h in hits if all(h.end <= a or b <= h.start for a, b in accounts)]

    def by_rule(self, text: str, page: Page) -> list[Hit]:
        """What the character lists find."""
        hits = [*self._linked(text, page), *self._transliterated(text, page)]
        taken = {i for hit in hits for i in range(hit.start, hit.end)}
        i = 0
        while i < len(text) - 1:
            end, score = (0, 0.0) if i in taken else self._best(text, i, page)
            if score >= _THRESHOLD:
                hits.append(Hit(i, end, Kind.PRIVATE, min(0.95, 0.4 + 0.12 * score)))
                i = end
            else:
                i += 1
        return hits

    def _best(self, text: str, i: int, page: Page) -> tuple[int, float]:
        """The likeliest end of a name that starts at `i`, and how likely it is."""
        lists = _lists()
        pair = text[i : i + 2]
        if pair in lists["zh_double"]:
            start, base = i + 2, 1.2
        elif text[i] in lists["zh_surname_main"]:
            start, base = i + 1, 0.6
        elif text[i] in lists["zh_surname"]:
            start, base = i + 1, -0.3
        else:
            return 0, 0.0
        if pair in lists["zh_stop"] or (text[i - 1 : i + 1] in lists["zh_stop"] and i):
            return 0, 0.0
        best = (0, 0.0)
        for end in (start + 1, start + 2):
            given = text[start:end]
            if len(given) < end - start or not all(_HAN.match(c) for c in given):
                break
            score = base + self._given(given) + self._around(text, i, end)
            if end not in page.edges or page.covered(i, end):
                score -= 1.0
            if score > best[1]:
                best = (end, score)
        return best

    @staticmethod
    def _given(given: str) -> float:
        known = sum(c in _lists()["zh_given"] for c in given)
        if given in _lists()["zh_stop"]:
            return -1.0
        if len(given) == 1:
            return 0.2 if known else -0.6
        return (-1.0, 0.1, 0.9)[known]

    @staticmethod
    def _around(text: str, start: int, end: int) -> float:
        before = text[max(0, start - _CONTEXT) : start]
        score = 0.0
        if before.endswith(_tuple("zh_before")):
            score += 0.8
        elif not before or not _HAN.match(before[-1]):
            score += 0.5
        after = text[end : end + _CONTEXT]
        if after.startswith(_tuple("zh_after")):
            score += 0.7
        elif not after or not _HAN.match(after[0]):
            score += 0.5
        return score

    @staticmethod
    def _linked(text: str, page: Page) -> list[Hit]:
        """Foreign names whose parts are linked by dots."""
        hits = []
        for match in _LINKED.finditer(text):
            start, end = match.span()
            first = min(text.index(c, start) for c in _DOTS if c in match[0])
            last = max(text.rindex(c, start, end) for c in _DOTS if c in match[0])
            start = _reach(page, first - 1, start - 1, -1) + 1
            end = _reach(page, last + 1, end, 1)
            if start < first and end > last + 1:
                hits.append(Hit(start, end, Kind.PRIVATE, 0.85))
        return hits

    @staticmethod
    def _transliterated(text: str, page: Page) -> list[Hit]:
        hits = []
        for match in _foreign().finditer(text):
            start, end = match.span()
            before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
            if match[0][:2] in _lists()["zh_stop"] or page.covered(start, end):
                continue
            if before.endswith(_tuple("zh_foreign_before")) and after.startswith(
                _tuple("zh_foreign_after")
            ):
                hits.append(Hit(start, end, Kind.PRIVATE, 0.65))
        return [h for h in hits if text[h.start - 1 : h.start] not in _DOTS or not h.start]


def _again(text: str, hits: list[Hit]) -> list[Hit]:
    """The other places where a name that was found stands."""
    taken = {i for hit in hits for i in range(hit.start, hit.end)}
    found = []
    for name, score in {text[h.start : h.end]: h.score for h in hits}.items():
        at = text.find(name) if len(name) > 1 and score >= _SURE else -1
        while at >= 0:
            if taken.isdisjoint(range(at, at + len(name))):
                found.append(Hit(at, at + len(name), Kind.PRIVATE, score))
            at = text.find(name, at + len(name))
    return found


def _reach(page: Page, at: int, stop: int, step: int) -> int:
    """How far from `at` towards `stop` the characters of a foreign name go."""
    words = {a: (a, b) for a, b, _ in page.words if b - a > 1}
    inside = {i: span for span in words.values() for i in range(*span)}
    begun = at
    while at != stop:
        typical = name_bins().get(page.text[at], 0) >> 6 & 3
        word = inside.get(at)
        if at != begun and (not typical or (word and not _foreign_word(page.text[slice(*word)]))):
            break
        at += step
    return at


def _foreign_word(word: str) -> bool:
    return all(name_bins().get(c, 0) >> 6 & 3 >= _TYPICAL for c in word)
