"""The detector `sexual.text`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.sexual.evidence import Scene, weigh
from guardrail.detect.sexual.homonyms import without_foreign
from guardrail.detect.sexual.linear import load_linear
from guardrail.detect.sexual.rules import PACKAGE, load_rules
from guardrail.detect.sexual.score import Reading, Verdict, judge
from guardrail.records import FactName, Finding, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.detect.base import Document
    from guardrail.text import Views


class SexualText:
    """Weighs sexual terms in their context, asks a trained model as well, and scores each part.

    A part with evidence too weak for a severity is reported as `none` with its score.
    """

    name = "sexual.text"
    version = "2"
    provides: frozenset[FactName] = frozenset({"sexual", "edit"})
    cost = 100.0
    inline = True

    def __init__(self) -> None:
        self._rules = load_rules()
        self._terms = Lexicon.load(PACKAGE, *self._rules.terms)
        self._cues = Lexicon.load(PACKAGE, *self._rules.cues)
        self._model, self._layer = load_linear()

    def detect(self, document: Document) -> Iterator[Finding]:
        """Report how sexual each new part is, and edits that undress."""
        visual, upload = document.operation.visual, bool(document.images)
        for index, _, views in document.new_parts():
            verdict = self._judge(views, visual=visual, upload=upload)
            if verdict.severity or verdict.score >= self._rules.thresholds["place"]:
                yield from self._findings(index, verdict, views)
            elif views.raw:
                yield self._finding("sexual", verdict.severity.label, verdict.score, None)

    def _judge(self, views: Views, *, visual: bool, upload: bool) -> Verdict:
        hits = without_foreign(self._terms.hits(views), views.canonical.text)
        cues = self._cues.hits(views) if hits else ()
        scene = Scene.of(
            cues,
            visual=visual,
            upload=upload,
            block=self._rules.block,
            text=views.canonical.text,
        )
        found = weigh(hits, scene, self._rules) if hits else ()
        reading = Reading(self._model.margin(views.kana.text), self._layer)
        return judge(found, scene, self._rules, reading)

    def _findings(self, part: int, verdict: Verdict, views: Views) -> Iterator[Finding]:
        span = verdict.span or views.kana.span(*self._model.peak(views.kana.text))
        yield self._finding("sexual", verdict.severity.label, verdict.score, Span(part, *span))
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
