"""The trained second opinion: a linear model over hashed n-grams, read from `data/linear.bin`."""

from __future__ import annotations

import json
import math
from array import array
from functools import cache
from importlib.resources import files
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING
from zlib import crc32

from guardrail.detect.familiar import familiar
from guardrail.detect.sexual.features import BITS, SHORT, TOKEN, features, pair, tokens
from guardrail.detect.sexual.layer import Layer
from guardrail.detect.sexual.rules import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Known = tuple[str, int, int, int]

WINDOW = 2000
"""Buckets of a text that are weighed together, about 100 English words."""

_WEIGHT, _SIZE, _HASH = map(itemgetter, range(3))
_CACHED = 20_000  # tokens, a few megabytes
_CACHED_LENGTH = 16  # code points; a longer run may say too much of the text it comes from


def _nothing(_token: str) -> None:
    return None


class Linear:
    """Scores a normalised text in time linear in its length.

    weights: one signed byte for each bucket. scale: log-odds of one unit of weight.
    known: what `weigh` says of common words, so that it need not be asked.
    listed: what it says of further ones: weight and number of buckets; None of any other.
    """

    def __init__(
        self,
        weights: bytes,
        *,
        scale: float,
        bias: float,
        known: Iterable[Known] = (),
        listed: Callable[[str], tuple[int, int] | None] = _nothing,
    ) -> None:
        if len(weights) != 1 << BITS:
            raise ValueError(f"{len(weights)} weights, not {1 << BITS}")
        self._weights = array("b", weights)
        self._scale = scale
        self._bias = bias
        self._common = {word: (weight, size, pair) for word, weight, size, pair in known}
        self._known = dict(self._common)
        self._listed = listed

    def margin(self, text: str) -> float:
        """Log-odds before calibration, of the most telling window; the bias for an empty text."""
        blocks = list(self._blocks(text))
        if len(blocks) < 2:  # noqa: PLR2004
            return self._margin(*blocks[0]) if blocks else self._bias
        return max(self._margin(a + c, b + d) for (a, b), (c, d) in pairwise(blocks))

    def peak(self, text: str) -> tuple[int, int]:
        """The word that speaks most for it, a half-open range of `text`."""
        found = TOKEN.finditer(text)
        best = max(found, key=lambda token: self._weighed(token[0])[0], default=None)
        return best.span() if best else (0, len(text))

    def _margin(self, weight: int, count: int) -> float:
        return self._bias + self._scale * weight / math.sqrt(count + SHORT)

    def _blocks(self, text: str) -> Iterator[tuple[int, int]]:
        """Weight and number of buckets of consecutive half windows."""
        known, weights = self._known, self._weights
        found = [known.get(t) or self._weigh(t) for t in tokens(text)]
        total, count = sum(map(_WEIGHT, found)), sum(map(_SIZE, found))
        if count + len(found) <= WINDOW // 2:
            hashes = pairwise(map(_HASH, found))
            beside = [weights[pair(left, right)] for left, right in hashes if left and right]
            if count:
                yield total + sum(beside), count + len(beside)
            return
        total = count = last = 0
        for weight, size, word in found:
            total += weight
            count += size
            if last and word:
                total += weights[pair(last, word)]
                count += 1
            last = word
            if count >= WINDOW // 2:
                yield total, count
                total = count = 0
        if count:
            yield total, count

    def _weighed(self, token: str) -> tuple[int, int, int]:
        return self._known.get(token) or self._weigh(token)

    def _weigh(self, token: str) -> tuple[int, int, int]:
        """What `weigh` says of a token, remembered unless it is long."""
        listed = self._listed(token)
        found = (*listed, crc32(token.encode())) if listed else self.weigh(token)
        if len(token) <= _CACHED_LENGTH:
            if len(self._known) >= _CACHED:
                self._known = dict(self._common)
            self._known[token] = found
        return found

    def weigh(self, token: str) -> tuple[int, int, int]:
        """A token's weight, its number of buckets, and its hash for pairs."""
        word, buckets = features(token)
        weights = self._weights
        return sum(map(weights.__getitem__, buckets)), len(buckets), word


@cache
def load_linear() -> tuple[Linear, Layer]:
    """The shipped model, and the layer fitted to it."""
    data = files(PACKAGE).joinpath("data")
    numbers = json.loads(data.joinpath("linear.json").read_text("utf-8"))
    common = data.joinpath("common.jsonl").read_text("utf-8").splitlines()
    model = Linear(
        data.joinpath("linear.bin").read_bytes(),
        scale=numbers["scale"],
        bias=numbers["bias"],
        known=map(tuple, json.loads(f"[{','.join(common)}]")),
        listed=familiar().weight_of,
    )
    return model, Layer.of(numbers["layer"])
