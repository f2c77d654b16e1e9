"""Fitting: the linear model over hashed n-grams, and the layer that weighs it with the lexicon."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from guardrail.detect.sexual.features import BITS, SHORT, TOKEN, features, pair
from guardrail.detect.sexual.linear import WINDOW, Layer, log_odds
from guardrail.text import Views
from training.lexicon import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

MARGINS = (-6.0, 8.0)


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
        C=strength, solver="liblinear", dual=True, max_iter=100, tol=1e-3, random_state=7
    )
    model.fit(rows, labels, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def held_out(
    rows: csr_matrix, labels: Vector, weights: Vector, folds: Vector, strength: float
) -> Vector:
    """The margin of each row by a model that did not see its fold; NaN for fold -1.

    Rows of fold -1 are always learnt from.
    """
    margins = np.full(len(labels), np.nan)
    for fold in sorted(set(folds) - {-1}):
        seen, rest = (folds != fold) & (weights > 0), folds == fold
        coefficients, intercept = fit_linear(rows[seen], labels[seen], weights[seen], strength)
        margins[rest] = rows[rest] @ coefficients + intercept
    return margins


def quantise(coefficients: Vector) -> tuple[bytes, float]:
    """One signed byte for each coefficient, and the value of one unit."""
    largest = float(np.quantile(np.abs(coefficients[coefficients != 0]), 0.99995))
    scale = largest / 127
    return np.clip(np.rint(coefficients / scale), -127, 127).astype(np.int8).tobytes(), scale


def fit_layer(lexicon: Vector, margins: Vector, labels: Vector, weights: Vector) -> Layer:
    """The layer by logistic regression; no weight may fall below 0."""
    design = layer_inputs(lexicon, margins)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(design, labels, sample_weight=weights)
    of, silent, alone, beside = (float(value) for value in model.coef_[0])
    return Layer(float(model.intercept_[0]), of, silent, max(alone, 0.0), max(beside, 0.0), MARGINS)


def set_point(
    layer: Layer, lexicon: Vector, margins: Vector, sources: Vector, most: float
) -> Layer:
    """The layer with its bias moved so that 0.5 falsely stops a share `most` of harmless rows.

    sources: of each row, empty for a sexual one. The share is the mean over sources.
    """
    scores = apply_layer(layer, lexicon, margins)
    rows = [scores[sources == source] for source in sorted(set(sources) - {""})]
    for limit in np.linspace(0.05, 0.95, 181):
        if np.mean([np.mean(mine >= limit) for mine in rows]) <= most:
            return replace(layer, bias=layer.bias - log_odds(float(limit)))
    return layer


def layer_inputs(lexicon: Vector, margins: Vector) -> Vector:
    """Columns: log-odds of the lexicon, whether it is silent, the margin where it is, or not."""
    silent = (lexicon == SILENT).astype(float)
    odds = np.array([0.0 if score == SILENT else log_odds(score) for score in lexicon])
    held = np.clip(margins, *MARGINS)
    return np.column_stack([odds, silent, held * silent, held * (1 - silent)])


def apply_layer(layer: Layer, lexicon: Vector, margins: Vector) -> Vector:
    """The score of each row."""
    return np.array(
        [
            layer.score(None if score == SILENT else score, margin)
            for score, margin in zip(lexicon, margins, strict=True)
        ]
    )
