"""The detector `sexual.text`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.sexual.evidence import Scene, counting, weigh
from guardrail.detect.sexual.homonyms import without_foreign
from guardrail.detect.sexual.linear import load_linear
from guardrail.detect.sexual.requests import load_requests
from guardrail.detect.sexual.rules import PACKAGE, load_rules
from guardrail.detect.sexual.score import Reading, Verdict, judge, may_show
from guardrail.records import FactName, Finding, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.detect.base import Document
    from guardrail.text import Views


PICTURE = "sexual.picture"
"""The label of a suggestive part that a request for text asks for as a picture."""
_ASKING = frozenset({"user", "tool"})


class SexualText:
    """Weighs sexual terms in their context, asks a trained model as well, and scores each part.

    A part with evidence too weak for a severity is reported as `none` with its score. Where a
    conversation asks for a picture, a part that is less than nudity is weighed as one and, if it
    is suggestive then, gets the label `sexual.picture` as well.
    """

    name = "sexual.text"
    version = "3"
    provides: frozenset[FactName] = frozenset({"sexual", "edit", "labels"})
    cost = 100.0
    inline = True

    def __init__(self) -> None:
        self._rules = load_rules()
        self._terms = Lexicon.load(PACKAGE, *self._rules.terms)
        self._cues = Lexicon.load(PACKAGE, *self._rules.cues)
        self._model, self._layer = load_linear()

    def detect(self, document: Document) -> Iterator[Finding]:
        """Report how sexual each new part is, and edits that undress."""
        for index, _, views in document.new_parts():
            verdict = self._judge(document, index, views)
            if verdict.severity or verdict.score >= self._rules.thresholds["place"]:
                yield from self._findings(index, verdict, views)
            elif views.raw:
                yield self._finding("sexual", verdict.severity.label, verdict.score, None)

    def _judge(self, document: Document, index: int, views: Views) -> Verdict:
        hits = without_foreign(self._terms.hits(views), views.canonical.text)
        counted = counting(hits, self._rules) if hits else ()
        cues = self._cues.hits(views) if counted else ()
        scene = Scene.of(
            cues,
            visual=document.operation.visual,
            upload=bool(document.images),
            block=self._rules.block,
            text=views.canonical.text,
        )
        found = weigh(counted, scene, self._rules) if counted else ()
        reading = Reading(self._model.margin(views.kana.text), self._layer)
        verdict = judge(found, scene, self._rules, reading)
        may = verdict.severity < Severity.NUDITY and may_show(found, scene)
        if may and _asks_for_picture(document, index):
            return judge(found, replace(scene, pictured=True), self._rules, reading)
        return verdict

    def _findings(self, part: int, verdict: Verdict, views: Views) -> Iterator[Finding]:
        span = verdict.span or views.kana.span(*self._model.peak(views.kana.text))
        yield self._finding("sexual", verdict.severity.label, verdict.score, Span(part, *span))
        if verdict.pictured and verdict.severity >= Severity.SUGGESTIVE:
            yield self._finding(PICTURE, "", verdict.score, Span(part, *span))
        if verdict.undress and verdict.undress_span:
            span = verdict.undress_span
            yield self._finding("edit", "undress", verdict.undress, Span(part, *span))

    def _finding(self, label: str, value: str, score: float, span: Span | None) -> Finding:
        return Finding(
            detector=self.name,
            version=self.version,
            label=label,
            value=value,
            span=span,
            score=score,
        )


def _asks_for_picture(document: Document, index: int) -> bool:
    """Whether a part, or one said to a model before it, asks for a picture in words."""
    part = document.parts[index]
    if part.role not in _ASKING or part.origin == "output":
        return False
    requests = load_requests()
    return any(
        requests.pictured_in(document.views(i).canonical.text)
        for i in range(index, -1, -1)
        if document.parts[i].role in _ASKING
    )
