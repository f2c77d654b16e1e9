"""Numbers in figures, words and Han numerals, and the rules that make one an age under 18."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.minor.table import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail.detect.lexicon import Hit

_DIGITS = re.compile(r"\d+")
_HAN_DIGITS = re.compile("[〇零一二三四五六七八九十百千万两]+")
_LARGE = re.compile("[百千万]").search
_NOT_ALONE_BEFORE = re.compile(r"[$€£¥₩#]\Z|\d[.,:/]\Z")
_NOT_ALONE_AFTER = re.compile(r"[.,:]\d")
_HAN = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_ADJACENT = "一二 二三 三四 四五 五六 六七 七八 八九"
_TENS = 18  # a number word worth this or more takes the next one as its units: twenty five
_JOIN = re.compile(r"[\s-]*(?:(?:y|e|et|und|and|и|ve|و)\s*)?")
_LONGEST_JOIN = 6
_FIGURES, _HAN_FIGURES = 2, 3
_SYNTAX = re.compile(r"\\.|\(\?(?:[:=!]|<[=!])|\{[^}]*\}")
_BEFORE = 32  # characters of context read in front of a number
_AFTER = 64


class Number(NamedTuple):
    """A number at a half-open range of a canonical view; composed ones above 18 count as 99."""

    start: int
    end: int
    value: int


class Age(NamedTuple):
    """A number that stands for a minor's age or school year, with the words that make it so."""

    cue: str
    score: float
    start: int
    end: int


class _Rule(NamedTuple):
    cue: str
    score: float
    most: int
    after: re.Pattern[str]
    need: re.Pattern[str] | None
    unless: re.Pattern[str] | None

    @property
    def latin(self) -> bool:
        """Whether an ASCII text may lead to it."""
        words = _SYNTAX.sub("", self.need.pattern) if self.need else ""
        foreign = any(c.isalpha() and not c.isascii() for c in words)
        return not foreign or bool(re.search("[a-z0-9]", words))


def numbers(text: str, words: Iterable[Hit]) -> list[Number]:
    """List the numbers of a canonical text; `words` are hits whose entry's weight is a value."""
    found = [n for m in _DIGITS.finditer(text) if (n := _figure(text, m.start(), m.end()))]
    if not text.isascii():
        found += [_han(m) for m in _HAN_DIGITS.finditer(text)]
    return found + _grouped(text, [Number(h.start, h.end, int(h.entry.weight)) for h in words])


def _figure(text: str, start: int, end: int) -> Number | None:
    if end - start > _FIGURES or _NOT_ALONE_AFTER.match(text, end):
        return None
    if start and _NOT_ALONE_BEFORE.search(text[max(0, start - 2) : start]):
        return None
    value = int(text[start:end])
    if not value and text[max(0, start - 2) : start - 1].isdecimal() and text[start - 1] == " ":
        return None  # "5 0": fifty, taken apart
    return Number(start, end, value)


def _han(match: re.Match[str]) -> Number:
    """Read Han numerals below a hundred; longer ones count as 99."""
    figure = match[0]
    tens, ten, units = figure.rpartition("十")
    if len(units) > 1 and units in _ADJACENT:
        figure, units = figure[:-1], units[0]  # 十二三: twelve or thirteen
    if len(figure) > _HAN_FIGURES or (ten and (len(tens) > 1 or len(units) > 1)) or _LARGE(figure):
        value = 99
    elif ten:
        value = 10 * _HAN.get(tens or "一", 9) + _HAN.get(units or "零", 9)
    else:
        value = int("".join(str(_HAN[c]) for c in figure))
    return Number(match.start(), match.end(), value)


def _grouped(text: str, words: list[Number]) -> list[Number]:
    groups: list[Number] = []
    for word in sorted(words, key=lambda n: (n.start, -n.end)):
        last = groups[-1] if groups else None
        if last is None:
            groups.append(word)
        elif word.end <= last.end:
            continue
        elif word.start < last.end or _composes(text, last, word):
            groups[-1] = Number(last.start, word.end, 99)
        else:
            groups.append(word)
    return groups


def _composes(text: str, last: Number, word: Number) -> bool:
    gap = text[last.end : word.start]
    if len(gap) > _LONGEST_JOIN or not _JOIN.fullmatch(gap):
        return False
    return last.value >= _TENS or (word.value >= _TENS and gap.strip(" -") != "")


class AgeRules:
    """What must stand around a number for it to be a minor's age, one rule a line of a TSV file.

    Columns: cue; score; most (largest number that counts); after (pattern that must follow the
    number); need (pattern that must end in front of it); unless (pattern that must not).
    """

    def __init__(self, rules: Iterable[_Rule]) -> None:
        rules = tuple(rules)
        self._most = max(rule.most for rule in rules)
        self._led = tuple(rule for rule in rules if rule.need)
        self._latin = tuple(rule for rule in self._led if rule.latin)
        self._bare = tuple(rule for rule in rules if not rule.need)
        follows = "|".join(f"(?:{rule.after.pattern})" for rule in self._bare)
        self._follows = re.compile(follows)

    @classmethod
    def load(cls, package: str, name: str) -> AgeRules:
        """Read the rules of a TSV file of a package."""
        return cls(_rule(row) for row in rows(package, name))

    def match(self, text: str, number: Number) -> Age | None:
        """Match the strictest rule that makes the number a minor's age, if one does."""
        if not 0 <= number.value <= self._most:
            return None
        lead = text[max(0, number.start - _BEFORE) : number.start]
        before = lead.rstrip()[-1:]
        led = self._latin if lead.isascii() else self._led
        rules = () if before.isdecimal() else led  # a list of numbers leads to none
        if self._follows.match(text, number.end, number.end + _AFTER):
            rules += self._bare
        ages = [age for rule in rules if (age := _applied(rule, text, number, lead))]
        return max(ages, key=lambda age: age.score, default=None)


def _applied(rule: _Rule, text: str, number: Number, lead: str) -> Age | None:
    if number.value > rule.most:
        return None
    follows = rule.after.match(text, number.end, number.end + _AFTER)
    if follows is None or (rule.unless and rule.unless.search(lead)):
        return None
    start = number.start
    if rule.need:
        led = rule.need.search(lead)
        if led is None:
            return None
        start -= len(lead) - led.start()
    return Age(rule.cue, rule.score, start, follows.end())


def _rule(row: list[str]) -> _Rule:
    cue, score, most, after, need, unless = (*row, "", "")[:6]
    return _Rule(cue, float(score), int(most), re.compile(after), _ending(need), _ending(unless))


def _ending(pattern: str) -> re.Pattern[str] | None:
    return re.compile(f"(?:{pattern})\\Z") if pattern else None
