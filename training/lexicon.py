"""The lexicon's score of an example, without the model that is being trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.sexual.evidence import Scene, weigh
from guardrail.detect.sexual.rules import PACKAGE, load_rules
from guardrail.detect.sexual.score import lexicon_score, measure
from guardrail.text import Views

if TYPE_CHECKING:
    from training.data import Example

SILENT = -1.0
"""Stands for the score of a text in which the lexicon sees nothing."""


class LexiconScore:
    """Scores examples as `sexual.text` does before it asks the model."""

    def __init__(self) -> None:
        self._rules = load_rules()
        self._terms = Lexicon.load(PACKAGE, *self._rules.terms)
        self._cues = Lexicon.load(PACKAGE, *self._rules.cues)

    def __call__(self, example: Example) -> float:
        """The score in [0, 1], or SILENT."""
        views = Views(example.text)
        hits = self._terms.hits(views)
        if not hits:
            return SILENT
        rules = self._rules
        scene = Scene.of(
            self._cues.hits(views), visual=example.visual, upload=False, block=rules.block
        )
        found = weigh(hits, scene, rules)
        return lexicon_score(measure(found, scene, rules), found, rules) if found else SILENT
