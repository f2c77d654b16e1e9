"""The layer that weighs what the lexicon says with what the trained model says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Layer:
    """Weighs the lexicon's score with the model's margin into one calibrated score.

    lexicon: for the log-odds of the lexicon's score. silent, vague, telling: a bias and a weight
    for the margin, where the lexicon has no evidence, only words that say nothing without
    company, or more. margin: the range that a margin is held in. notes: log-odds of what else is
    seen beside evidence, by name (see `score.notes_of`).
    """

    lexicon: float
    silent: tuple[float, float]
    vague: tuple[float, float]
    telling: tuple[float, float]
    margin: tuple[float, float]
    notes: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Layer:
        """The layer of a `linear.json`."""
        return cls(
            lexicon=numbers["lexicon"],
            silent=_pair(numbers["silent"]),
            vague=_pair(numbers["vague"]),
            telling=_pair(numbers["telling"]),
            margin=_pair(numbers["margin"]),
            notes=dict(numbers.get("notes", {})),
        )

    def score(
        self,
        lexicon: float | None,
        margin: float,
        *,
        vague: bool = False,
        notes: Mapping[str, float] | None = None,
    ) -> float:
        """The score in [0, 1] from the lexicon's (None: no evidence), a margin and notes."""
        low, high = self.margin
        margin = min(max(margin, low), high)
        if lexicon is None:
            bias, weight = self.silent
        else:
            bias, weight = self.vague if vague else self.telling
            bias += self.lexicon * log_odds(lexicon)
            for name, value in (notes or {}).items():
                bias += self.notes.get(name, 0.0) * value
        return 1.0 / (1.0 + math.exp(-bias - weight * margin))


def log_odds(score: float) -> float:
    """The log-odds of a score in [0, 1], held within the odds of 1 to 99."""
    score = min(max(score, 0.01), 0.99)
    return math.log(score / (1.0 - score))


def _pair(numbers: Any) -> tuple[float, float]:
    first, second = numbers
    return float(first), float(second)
