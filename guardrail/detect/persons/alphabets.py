"""Personal names in Cyrillic, Greek, Arabic, Hebrew, Devanagari and Thai script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.inflection import inflected
from guardrail.detect.persons.lexicon import rows
from guardrail.records import Kind

_SCRIPTS = {
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "arabic": "\u0620-\u065f\u066e-\u06d3",
    "hebrew": "\u05d0-\u05f4",
    "devanagari": "\u0900-\u0963\u0970-\u097f",
}
_CASED = frozenset({"cyrillic", "greek"})
_ANY = re.compile("[" + "".join(_SCRIPTS.values()) + "\u0e01-\u0e4e]")
_RUN = {
    script: re.compile(f"[{letters}]+(?:['’\"\u05f3\u05f4-][{letters}]+)*['’\u05f3]?")
    for script, letters in _SCRIPTS.items()
}
_FIRST = {script: re.compile(f"[{letters}]") for script, letters in _SCRIPTS.items()}
_SHARED = 3
_TITLE_ONLY, _LONE, _SHAPED, _FULL = 0.75, 0.6, 0.65, 0.9
_MOST = 3
_MIN_SHAPE = 5


@cache
def _data(script: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"given": set()}
    for name, label, words in rows("alphabets.tsv"):
        if name == script:
            found.setdefault(label, set()).update(words.split())
    return found


@cache
def _lists(script: str) -> dict[str, frozenset[str]]:
    """The words of a script by class, given names in every case."""
    found = dict(_data(script))
    found["given"] = found["given"] | found.get("ambiguous", set())
    if script == "cyrillic":
        for label in ("given", "ambiguous", "stop"):
            found[label] = {form for word in found[label] for form in inflected(word)}
    elif script == "greek":
        for label in ("given", "ambiguous"):
            found[label] = {form for word in found[label] for form in _greek(word)}
    return {label: frozenset(words) for label, words in found.items()}


def _greek(word: str) -> set[str]:
    """The other cases of a Greek name besides itself."""
    pairs = (pair.split(":") for pair in _data("greek")["ending"])
    return {word} | {word.removesuffix(old) + new for old, new in pairs if word.endswith(old)}


@cache
def _shape(script: str) -> re.Pattern[str]:
    """What surnames of a script end in."""
    endings = sorted(_lists(script)["surname"], key=len, reverse=True)
    if script == "greek":
        endings += [form for end in endings for form in _greek(end)]
        return re.compile(rf"\w{{2,}}(?:{'|'.join(endings)})")
    stems = sorted({*endings, *_lists(script)["stem"]}, key=len, reverse=True)
    tails = "|".join(sorted(_lists(script)["tail"], key=len, reverse=True))
    return re.compile(rf"\w{{2,}}(?:{'|'.join(stems)})(?:{tails})?")


_THAI = re.compile("[\u0e01-\u0e4e]")


class AlphabetNames:
    """Finds personal names in scripts other than Latin, Chinese, Japanese and Korean."""

    def find(self, text: str) -> list[Hit]:
        """Names with spans in `text`, kind `private`."""
        if not _ANY.search(text):
            return []
        hits: list[Hit] = []
        for script, first in _FIRST.items():
            if first.search(text):
                hits += self._walk(script, text)
        return hits + list(_thai(text)) if _THAI.search(text) else hits

    def _walk(self, script: str, text: str) -> Iterator[Hit]:
        words = [(m.start(), m.end()) for m in _RUN[script].finditer(text)]
        lists = _lists(script)
        i = 0
        while i < len(words):
            start, stop, score = self._name(script, text, words, i, lists)
            if score:
                yield Hit(start, words[stop - 1][1], Kind.PRIVATE, score)
            i = max(stop, i + 1)

    def _name(
        self,
        script: str,
        text: str,
        words: list[tuple[int, int]],
        i: int,
        lists: dict[str, frozenset[str]],
    ) -> tuple[int, int, float]:
        """Where a name that begins with word `i` starts, the word after it, and its score or 0."""
        start = words[i][0]
        word = text[slice(*words[i])]
        low = word.casefold()
        skipped = low[1:] if low[:1] in lists.get("prefix", ()) else ""
        if low not in lists["given"] and skipped in lists["given"] and len(skipped) >= _SHARED:
            low, start = skipped, start + 1
        titled = i > 0 and _beside(text, words, i) and _low(text, words[i - 1]) in lists["before"]
        stop = self._reach(script, text, words, i, lists)
        if low in lists["given"]:
            plain = low in lists.get("ambiguous", ())
            inside = _inside(text, words, i)
            capital = script in _CASED and word[0].isupper() and inside
            if stop > i + 1:
                return start, stop, _FULL
            if titled or (not plain and (script not in _CASED or word[0].isupper())):
                return start, stop, _TITLE_ONLY if titled else _LONE
            return start, stop, _LONE if capital else 0.0
        if script in _CASED and word[0].isupper() and low not in lists.get("stop", ()):
            if titled and not word.isupper():
                return start, max(stop, i + 1), _TITLE_ONLY
            shaped = len(word) >= _MIN_SHAPE and _shape(script).fullmatch(low)
            if shaped and _inside(text, words, i) and not word.isupper():
                return start, i + 1, _SHAPED
        return start, i + 1, 0.0

    def _reach(
        self,
        script: str,
        text: str,
        words: list[tuple[int, int]],
        i: int,
        lists: dict[str, frozenset[str]],
    ) -> int:
        """The word after the last one that goes on with the name from word `i`."""
        j = i + 1
        cased = script in _CASED and text[words[i][0]].isupper()
        while j < len(words) and j - i < _MOST and _beside(text, words, j):
            word = text[slice(*words[j])]
            low = word.casefold()
            if low in lists.get("stop", ()) and not cased:
                break
            if cased:
                goes_on = word[0].isupper() and not word.isupper()
            elif script in _CASED:
                goes_on = len(low) >= _MIN_SHAPE and _shape(script).fullmatch(low) is not None
            else:
                goes_on = _continues(script, low, lists)
            if not goes_on:
                break
            j += 1
        return j


def _continues(script: str, low: str, lists: dict[str, frozenset[str]]) -> bool:
    if low in lists["surname"] or low in lists["given"]:
        return True
    return (
        script == "arabic" and low.startswith("ال") and low.endswith("ي") and len(low) > _MIN_SHAPE
    )


def _low(text: str, word: tuple[int, int]) -> str:
    return text[slice(*word)].casefold()


def _beside(text: str, words: list[tuple[int, int]], i: int) -> bool:
    return text[words[i - 1][1] : words[i][0]] in {" ", ". ", " \u200f"}


def _inside(text: str, words: list[tuple[int, int]], i: int) -> bool:
    """Whether a word is not the first of its sentence."""
    before = text[: words[i][0]].rstrip(" «\"“'(")
    return bool(before) and before[-1] not in ".!?\n:…—-"


@cache
def _thai_pattern() -> re.Pattern[str]:
    lists = _lists("thai")
    titles = "|".join(map(re.escape, sorted(lists["before"], key=len, reverse=True)))
    stops = "|".join(map(re.escape, sorted(lists["stop"], key=len, reverse=True)))
    return re.compile(
        rf"(?<![\u0e01-\u0e4e])(?:{titles}) ?(?!{stops})"
        r"([\u0e01-\u0e4e]{2,14}(?: [\u0e01-\u0e4e]{3,16})?)(?![\u0e01-\u0e4e])"
    )


def _thai(text: str) -> Iterator[Hit]:
    for match in _thai_pattern().finditer(text):
        yield Hit(*match.span(1), Kind.PRIVATE, _SHAPED)
