"""The detector `sexual.lexicon`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.sexual.evidence import Scene, weigh
from guardrail.detect.sexual.rules import PACKAGE, load_rules
from guardrail.detect.sexual.score import Verdict, judge
from guardrail.records import FactName, Finding, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.detect.base import Document
    from guardrail.text import Views


class SexualLexicon:
    """Reads every new part for sexual terms, weighs them in their context and scores the part.

    A part with evidence too weak for a severity is reported as `none` with its score.
    """

    name = "sexual.lexicon"
    version = "1"
    provides: frozenset[FactName] = frozenset({"sexual", "edit"})
    cost = 40.0
    inline = True

    def __init__(self) -> None:
        self._rules = load_rules()
        self._terms = Lexicon.load(PACKAGE, *self._rules.terms)
        self._cues = Lexicon.load(PACKAGE, *self._rules.cues)

    def detect(self, document: Document) -> Iterator[Finding]:
        """Report how sexual each new part is, and edits that undress."""
        visual, upload = document.operation.visual, bool(document.images)
        for index, _, views in document.new_parts():
            verdict = self._judge(views, visual=visual, upload=upload)
            if verdict is not None:
                yield from self._findings(index, verdict)

    def _judge(self, views: Views, *, visual: bool, upload: bool) -> Verdict | None:
        hits = self._terms.hits(views)
        if not hits:
            return None
        cues = self._cues.hits(views)
        scene = Scene.of(cues, visual=visual, upload=upload, block=self._rules.block)
        found = weigh(hits, scene, self._rules)
        return judge(found, scene, self._rules) if found else None

    def _findings(self, part: int, verdict: Verdict) -> Iterator[Finding]:
        if verdict.severity or verdict.score >= self._rules.thresholds["report"]:
            yield self._finding(
                "sexual", verdict.severity.label, verdict.score, Span(part, *verdict.span)
            )
        if verdict.undress and verdict.severity >= Severity.SUGGESTIVE:
            span = Span(part, *verdict.undress_span)
            yield self._finding("edit", "undress", verdict.undress, span)

    def _finding(self, label: str, value: str, score: float, span: Span) -> Finding:
        return Finding(
            detector=self.name,
            version=self.version,
            label=label,
            value=value,
            span=span,
            score=score,
        )
