"""Fitting: the linear model over hashed n-grams, and the layer that weighs it with the lexicon."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from guardrail.detect.sexual.features import BITS, SHORT, TOKEN, features, pair
from guardrail.detect.sexual.layer import Layer, log_odds
from guardrail.detect.sexual.linear import WINDOW
from guardrail.detect.sexual.rules import load_rules
from guardrail.text import Views
from training.lexicon import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from training.corpus import Corpus

    Vector = NDArray[np.float64]

MARGINS = (-6.0, 8.0)
SURE = load_rules().thresholds["sure"]


class Hasher:
    """Turns texts into rows of bucket counts over the square root of their sum and SHORT."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, list[int]]] = {}

    def matrix(self, texts: Iterable[str]) -> csr_matrix:
        """One row for each text; of a long text its first window."""
        index, start, value = array("i"), array("q", [0]), array("f")
        for text in texts:
            buckets = self._buckets(Views(text).kana.text)[:WINDOW]
            index.extend(buckets)
            value.extend([(len(buckets) + SHORT) ** -0.5] * len(buckets))
            start.append(len(index))
        shape = (len(start) - 1, 1 << BITS)
        rows = csr_matrix((np.asarray(value), np.asarray(index), np.asarray(start)), shape=shape)
        rows.sum_duplicates()
        return rows

    def _buckets(self, text: str) -> list[int]:
        found: list[int] = []
        last = 0
        for token in TOKEN.findall(text):
            if token not in self._seen:
                self._seen[token] = features(token)
            word, grams = self._seen[token]
            if last and word:
                found.append(pair(last, word))
            found += grams
            last = word
        return found


def fit_linear(
    rows: csr_matrix, labels: Vector, weights: Vector, strength: float
) -> tuple[Vector, float]:
    """Coefficients and intercept; `strength` is the inverse of the ridge."""
    model = LogisticRegression(
        C=strength, solver="liblinear", dual=True, max_iter=200, tol=1e-2, random_state=7
    )
    model.fit(rows, labels, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def held_out(corpus: Corpus, folds: Vector, strength: float) -> Vector:
    """The margin of each row by a model that did not see its fold; NaN for fold -1.

    Rows of fold -1 are always learnt from.
    """
    margins = np.full(len(corpus.labels), np.nan)
    for fold in sorted(set(folds) - {-1}):
        seen, rest = (folds != fold) & (corpus.weights > 0), folds == fold
        coefficients, intercept = fit_linear(
            corpus.rows[seen], corpus.labels[seen], corpus.weights[seen], strength
        )
        margins[rest] = corpus.rows[rest] @ coefficients + intercept
    return margins


def quantise(coefficients: Vector) -> tuple[bytes, float]:
    """One signed byte for each coefficient, and the value of one unit."""
    largest = float(np.quantile(np.abs(coefficients[coefficients != 0]), 0.99995))
    scale = largest / 127
    return np.clip(np.rint(coefficients / scale), -127, 127).astype(np.int8).tobytes(), scale


def kinds(corpus: Corpus) -> dict[str, Vector]:
    """The rows of which the lexicon says nothing, little, and more: fields of `Layer`."""
    silent = corpus.lexicon == SILENT
    return {"silent": silent, "vague": corpus.vague, "telling": ~silent & ~corpus.vague}


def fit_layer(
    corpus: Corpus, margins: Sequence[tuple[Vector, float]], notes: Sequence[str]
) -> Layer:
    """The layer by logistic regression on the real rows; no weight falls below 0.

    margins: of each row, by models that had not seen it, and how much those margins count.
    notes: the names of `corpus.notes`; none of them may raise a score.
    """
    of, real = kinds(corpus), corpus.real
    model = LogisticRegression(C=1.0, max_iter=1000, fit_intercept=False)
    model.fit(
        np.concatenate([_inputs(corpus, of, each)[real] for each, _ in margins]),
        np.tile(corpus.labels[real], len(margins)),
        sample_weight=np.concatenate([count * corpus.layer_weights[real] for _, count in margins]),
    )
    found = [float(value) for value in model.coef_[0]]
    lexicon, *rest = found[: -len(notes)]
    seen = {name: min(value, 0.0) for name, value in zip(notes, found[-len(notes) :], strict=True)}
    pairs = zip(rest[::2], (max(weight, 0.0) for weight in rest[1::2]), strict=True)
    by_kind = dict(zip(of, pairs, strict=True))
    return Layer(lexicon=max(lexicon, 0.0), margin=MARGINS, notes=seen, **by_kind)


def set_points(layer: Layer, corpus: Corpus, margins: Vector, most: Mapping[str, float]) -> Layer:
    """The layer with its biases moved, so that 0.5 is the operating point.

    most: for each kind of row, how many harmless rows of that kind may be stopped, as a share of
    all harmless ones; the mean over sources. Rows written to be hard do not count.
    """
    scores = apply_layer(layer, corpus, margins)
    harmless = corpus.public & (corpus.labels == 0)
    moved = {}
    for kind, mine in kinds(corpus).items():
        limit = _limit(scores[harmless], mine[harmless], corpus.sources[harmless], most[kind])
        bias, weight = getattr(layer, kind)
        moved[kind] = bias - log_odds(limit), weight
    return replace(layer, **moved)


def _limit(scores: Vector, mine: Vector, sources: Vector, most: float) -> float:
    """The score from which on no more than a share `most` of rows are stopped and `mine`."""
    of = [sources == source for source in sorted(set(sources))]
    for limit in np.linspace(0.03, 0.97, 471):
        stopped = mine & (scores >= limit)
        if np.mean([stopped[rows].mean() for rows in of]) <= most:
            return float(limit)
    return 0.97


def _inputs(corpus: Corpus, of: Mapping[str, Vector], margins: Vector) -> Vector:
    """Columns: log-odds of the lexicon; for each kind of row whether it is one, and its margin."""
    odds = [0.0 if score == SILENT else log_odds(score) for score in corpus.lexicon]
    held = np.clip(margins, *MARGINS)
    columns = (column for rows in of.values() for column in (rows, rows * held))
    return np.column_stack([odds, *columns, corpus.notes])


def apply_layer(layer: Layer, corpus: Corpus, margins: Vector) -> Vector:
    """The score of each row, 0 of one that context excuses and the model does not insist on."""
    rows = zip(corpus.lexicon, corpus.vague, margins, corpus.notes, strict=True)
    scores = [
        layer.score(
            None if of == SILENT else of,
            margin,
            vague=vague,
            notes=dict(zip(layer.notes, seen, strict=True)),
        )
        for of, vague, margin, seen in rows
    ]
    alone = np.array([layer.score(None, margin) for margin in margins])
    return np.where(corpus.excused & (alone < SURE), 0.0, scores)
