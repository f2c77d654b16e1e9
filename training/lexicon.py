"""The lexicon's score of an example, without the model that is being trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.sexual.evidence import Scene, counting, weigh
from guardrail.detect.sexual.homonyms import without_foreign
from guardrail.detect.sexual.rules import PACKAGE, load_rules
from guardrail.detect.sexual.score import is_excused, is_vague, lexicon_score, measure, notes_of
from guardrail.text import Views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data import Example

SILENT = -1.0
"""Stands for the score of a text in which the lexicon sees nothing."""


class Said(NamedTuple):
    """What the lexicon says of a text.

    score: in [0, 1], or SILENT. vague: from words alone that say little by themselves.
    excused: looks alone, or explained by context. notes: what else bears on it.
    """

    score: float = SILENT
    vague: bool = False
    excused: bool = False
    notes: Mapping[str, float] = {}


class LexiconScore:
    """Scores examples as `sexual.text` does before it asks the model."""

    def __init__(self) -> None:
        self._rules = load_rules()
        self._terms = Lexicon.load(PACKAGE, *self._rules.terms)
        self._cues = Lexicon.load(PACKAGE, *self._rules.cues)

    def __call__(self, example: Example) -> Said:
        """What the lexicon says of it."""
        views = Views(example.text)
        hits = without_foreign(self._terms.hits(views), views.canonical.text)
        if not hits:
            return Said()
        rules = self._rules
        scene = Scene.of(
            self._cues.hits(views),
            visual=example.visual,
            upload=False,
            block=rules.block,
            text=views.canonical.text,
        )
        found = weigh(counting(hits, rules), scene, rules)
        if not found:
            return Said()
        features = measure(found, scene, rules)
        score = lexicon_score(features, found, rules)
        notes = notes_of(found, features, scene)
        return Said(score, is_vague(found, rules), is_excused(score, found, rules), notes)
