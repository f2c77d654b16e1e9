"""Personal names in Chinese text: surname tables, name characters and the words around them."""

from __future__ import annotations

import re
from functools import cache

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
from guardrail.records import Kind

_HAN = re.compile("[\u3400-\u9fff]")
_FOREIGN_DOTS = "·•‧・"
_CONTEXT = 4
_THRESHOLD = 1.2
_MIN_FOREIGN = 3


@cache
def _lists() -> dict[str, frozenset[str]]:
    return {label: words for label, words in entries("cjk.tsv").items() if label.startswith("zh_")}


@cache
def _tuple(label: str) -> tuple[str, ...]:
    return tuple(_lists()[label])


@cache
def _foreign() -> re.Pattern[str]:
    letters = "".join(entries("cjk.tsv")["translit"])
    return re.compile(
        f"[{letters}]{{1,6}}(?:[{_FOREIGN_DOTS}][{letters}]{{1,7}})+|[{letters}]{{3,6}}"
    )


class ChineseNames:
    """Finds personal names in Chinese text, simplified or traditional."""

    def find(self, text: str) -> list[Hit]:
        """Names with spans in `text`, kind `private`."""
        hits = self._transliterated(text)
        taken = {i for hit in hits for i in range(hit.start, hit.end)}
        i = 0
        while i < len(text) - 1:
            end, score = (0, 0.0) if i in taken else self._best(text, i)
            if score >= _THRESHOLD:
                hits.append(Hit(i, end, Kind.PRIVATE, min(0.95, 0.4 + 0.12 * score)))
                i = end
            else:
                i += 1
        return hits

    def _best(self, text: str, i: int) -> tuple[int, float]:
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
    def _transliterated(text: str) -> list[Hit]:
        hits = []
        for match in _foreign().finditer(text):
            start, end = match.span()
            dotted = any(c in _FOREIGN_DOTS for c in match[0])
            before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
            if not dotted:
                if match[0][:2] in _lists()["zh_stop"] or len(match[0]) < _MIN_FOREIGN:
                    continue
                if not before.endswith(_tuple("zh_foreign_before")):
                    continue
                if not after.startswith(_tuple("zh_foreign_after")):
                    continue
            hits.append(Hit(start, end, Kind.PRIVATE, 0.8 if dotted else 0.65))
        return hits
