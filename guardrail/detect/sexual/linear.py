"""The trained second opinion: a linear model over hashed n-grams, read from `data/linear.bin`."""

from __future__ import annotations

from array import array
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.sexual.features import BITS, TOKEN, features, pair
from guardrail.detect.sexual.rules import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

_CACHED = 20_000  # tokens; about 4 MB
_CACHED_LENGTH = 16  # a longer token may say too much of the text it comes from
_HALF = 1000  # buckets of half a window


class Opinion(NamedTuple):
    """What the model says of a text's most telling window.

    margin: log-odds before calibration; the higher, the more sexual.
    start, end: the most telling word, a half-open range of the text read.
    """

    margin: float
    start: int
    end: int


class _Sums(NamedTuple):
    """Weights and buckets of a stretch of text, and its heaviest word."""

    weight: int
    count: int
    peak: int
    start: int
    end: int

    def __add__(self, other: object) -> _Sums:  # type: ignore[override]
        assert isinstance(other, _Sums)
        top = max(self, other, key=lambda sums: sums.peak)
        return _Sums(self.weight + other.weight, self.count + other.count, *top[2:])


class Linear:
    """Scores a normalised text in time linear in its length.

    weights: one signed byte for each bucket. scale: log-odds of one unit of weight.
    """

    def __init__(self, weights: bytes, scale: float, bias: float) -> None:
        if len(weights) != 1 << BITS:
            raise ValueError(f"{len(weights)} weights, not {1 << BITS}")
        self._weights = array("b", weights)
        self._scale = scale
        self._bias = bias
        self._known: dict[str, tuple[int, int, int]] = {}
