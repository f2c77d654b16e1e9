"""Fitting: the linear model over hashed n-grams, and the layer that weighs it with the lexicon."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from guardrail.detect.sexual.features import BITS, TOKEN, features, pair
from guardrail.text import Views

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

MOST = 4000  # buckets of a text that count in training


class Hasher:
    """Turns texts into rows of bucket counts over the square root of their sum."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, list[int]]] = {}

    def matrix(self, texts: Iterable[str]) -> csr_matrix:
        """One row for each text."""
        index, start, value = array("i"), array("q", [0]), array("f")
        for text in texts:
            buckets = self.buckets(Views(text).kana.text)[:MOST]
            index.extend(buckets)
            value.extend([max(1, len(buckets)) ** -0.5] * len(buckets))
            start.append(len(index))
        shape = (len(start) - 1, 1 << BITS)
        rows = csr_matrix((np.asarray(value), np.asarray(index), np.asarray(start)), shape=shape)
        rows.sum_duplicates()
        return rows

    def buckets(self, text: str) -> list[int]:
        """The buckets of a normalised text, in order."""
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
