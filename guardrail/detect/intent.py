"""The detector `intent.rules`: what a request wants done, as far as its words say so."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from guardrail.detect.base import Document
from guardrail.detect.lexicon import Lexicon
from guardrail.records import FactName, Finding

if TYPE_CHECKING:
    from guardrail.text import Views

_LATER = 0.8  # of its weight is left to a cue that is not the text's first
_ASSISTANT = frozenset({"assistant", "system", "developer"})


class IntentRules:
    """Reports an `intent` finding for each intent a text shows, the leading cue scored highest.

    value: `generate`, `inform`, `advise`, `translate`, `classify` or `moderate`. Informative
    only: a word such as "explain" in front of a request changes nothing about the request.
    """

    name: ClassVar[str] = "intent.rules"
    version: ClassVar[str] = "1"
    provides: ClassVar[frozenset[FactName]] = frozenset({"intent"})
    cost: ClassVar[float] = 25.0
    inline: ClassVar[bool] = True

    def __init__(self) -> None:
        self._lexicon = cues()

    def detect(self, document: Document) -> Iterable[Finding]:
        """Report the intents of the parts not seen before, each once."""
        if document.operation.visual:
            return [self._finding("generate", 1.0)]
        scores: dict[str, float] = {}
        for _, part, views in document.new_parts():
            if part.role not in _ASSISTANT:
                for intent, score in self._intents(views):
                    scores[intent] = max(score, scores.get(intent, 0.0))
        return [self._finding(intent, score) for intent, score in sorted(scores.items())]

    def _intents(self, views: Views) -> Iterable[tuple[str, float]]:
        hits = self._lexicon.hits(views)
        first = min((hit.start for hit in hits), default=0)
        for hit in hits:
            share = 1.0 if hit.start == first else _LATER
            yield hit.entry.label, hit.entry.weight * share

    def _finding(self, intent: str, score: float) -> Finding:
        return Finding(
            detector=self.name, version=self.version, label="intent", value=intent, score=score
        )


@cache
def cues() -> Lexicon:
    """The words that show what a request wants done, by intent."""
    return Lexicon.load("guardrail.detect.cues", "intent.tsv")
