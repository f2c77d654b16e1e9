"""The detector `minor.terms`: ages, school years, and terms for children and childlike looks."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.minor.ages import Age, AgeRules, numbers
from guardrail.detect.minor.checks import load_checks
from guardrail.detect.minor.expressions import expressed, load_expressions
from guardrail.records import Finding, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from guardrail.detect.base import Document
    from guardrail.detect.lexicon import Hit
    from guardrail.records import FactName
    from guardrail.text import View, Views

_PACKAGE = "guardrail.detect.minor"
_NUMBER = "number"
_MOST = 32
_TEEN, _TEEN_AGES, _TEEN_REACH, _TEEN_STATED = "teen", (18, 19), 25, 0.4


class _Cue(NamedTuple):
    label: str
    span: tuple[int, int]
    score: float


class MinorTerms:
    """Reports a `minor` finding for each cue.

    value: `age`, `school`, `child`, `teen`, `look`, or `named` for a well-known young character.
    Scores come from the data files: 0.5 and more says that a minor is spoken of, less is a weak
    cue. Where an age is in doubt, the score says minor.
    """

    name: ClassVar[str] = "minor.terms"
    version: ClassVar[str] = "2"
    provides: ClassVar[frozenset[FactName]] = frozenset({"minor"})
    cost: ClassVar[float] = 20.0
    inline: ClassVar[bool] = True

    def __init__(self) -> None:
        self._lexicon = _lexicon()
        self._checks = load_checks(_PACKAGE, "checks.tsv")
        self._ages = _ages()
        self._expressions = load_expressions(_PACKAGE, "expressions.tsv")

    def detect(self, document: Document) -> Iterable[Finding]:
        """Report the strongest cues in each part this stage adds, at most 32 a part."""
        findings: list[Finding] = []
        for part, _, views in document.new_parts():
            cues = sorted(set(self._cues(views)), key=lambda cue: (-cue.score, cue.span))
            findings += [self._finding(part, cue) for cue in cues[:_MOST]]
        return findings

    def _cues(self, views: Views) -> Iterator[_Cue]:
        # 1. Terms and number words, one pass.
        hits = self._lexicon.hits(views)
        canonical = views.canonical
        words = [h for h in hits if h.entry.label == _NUMBER]
        # 2. Ages and school years: each number beside what makes it one.
        stated = numbers(canonical.text, words)
        for number in stated:
            age = self._ages.match(canonical.text, number)
            if age is not None:
                yield self._cue(canonical, age)
        # 3. Expressions of several words.
        for found in expressed(self._expressions, canonical.text):
            yield self._cue(canonical, Age(*found))
        # 4. Terms, weighed by what stands beside them.
        adult_teens = sorted(n.start for n in stated if n.value in _TEEN_AGES)
        for hit in hits:
            label, _, check = hit.entry.label.partition(":")
            if label == _NUMBER:
                continue
            weight, place = hit.entry.weight, (hit.start, hit.end)
            score = self._checks.weigh(check, weight, hit.view.text, place)
            if label == _TEEN and hit.view is canonical and _near(adult_teens, hit):
                score = min(score, _TEEN_STATED)
            if score > 0:
                yield _Cue(label, hit.span, score)

    def _cue(self, view: View, found: Age) -> _Cue:
        place = (found.start, found.end)
        return _Cue(
            found.cue, view.span(*place), self._checks.weigh("", found.score, view.text, place)
        )

    def _finding(self, part: int, cue: _Cue) -> Finding:
        return Finding(
            detector=self.name,
            version=self.version,
            label="minor",
            value=cue.label,
            span=Span(part, *cue.span),
            score=cue.score,
        )


def _near(sorted_starts: list[int], hit: Hit) -> bool:
    at = bisect_left(sorted_starts, hit.start - _TEEN_REACH)
    return at < len(sorted_starts) and sorted_starts[at] <= hit.end + _TEEN_REACH


@cache
def _lexicon() -> Lexicon:
    names = sorted(f.name for f in files(_PACKAGE).iterdir() if f.name.startswith("terms."))
    return Lexicon.load(_PACKAGE, *names, "characters.tsv", "numbers.tsv")


@cache
def _ages() -> AgeRules:
    return AgeRules.load(_PACKAGE, "ages.tsv")
