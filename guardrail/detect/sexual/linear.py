"""The trained second opinion: a linear model over hashed n-grams, read from `data/linear.bin`."""

from __future__ import annotations

import json
import math
from array import array
from functools import cache
from importlib.resources import files
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING
from zlib import crc32

from guardrail.detect.familiar import Familiar, familiar
from guardrail.detect.sexual.features import BITS, SHORT, TOKEN, features, pair, pairs, tokens
from guardrail.detect.sexual.layer import Layer
from guardrail.detect.sexual.rules import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Known = tuple[str, int, int, int]

WINDOW = 2000
"""Buckets of a text that are weighed together, about 100 English words."""

_CACHED = 20_000  # tokens, a few megabytes
_CACHED_LENGTH = 16  # code points; a longer run may say too much of the text it comes from


class _Known(dict[str, int]):
    """Token -> its row in the columns, the rows of others added as they are met.

    weights: sum of a token's weights. sizes: number of its buckets. hashes: its own for pairs.
    """

    def __init__(self, weigh: Callable[[str], tuple[int, int, int]], table: Familiar | None) -> None:
        super().__init__(table.rows if table else ())
        self._weigh = weigh
        self._lock = Lock()
        self.weights = array("i", table.weights if table else ())
        self.sizes = array("i", list(table.sizes) if table else ())
        self.hashes = array("I", map(crc32, map(str.encode, self)))

    def __missing__(self, token: str) -> int:
        found = self._weigh(token)
        with self._lock:
            return self.add(token, *found)

    def add(self, token: str, weight: int, size: int, word: int) -> int:
        """Add what is known of a token; it is not remembered itself where it is long."""
        row = len(self.weights)
        self.weights.append(weight)
        self.sizes.append(size)
        self.hashes.append(word)
        if len(token) <= _CACHED_LENGTH:
            self[token] = row
        return row


class Linear:
    """Scores a normalised text in time linear in its length.

    weights: one signed byte for each bucket. scale: log-odds of one unit of weight.
    known: what `weigh` says of common words, so that it need not be asked.
    table: what it says of further ones.
    """

    def __init__(
        self,
        weights: bytes,
        *,
        scale: float,
        bias: float,
        known: Iterable[Known] = (),
        table: Familiar | None = None,
    ) -> None:
        if len(weights) != 1 << BITS:
            raise ValueError(f"{len(weights)} weights, not {1 << BITS}")
        self._weights = array("b", weights)
        self._scale = scale
        self._bias = bias
        self._table = table
        self._common = tuple(one for one in known if not table or one[0] not in table.rows)
        self._known = self._fresh()

    def _fresh(self) -> _Known:
        known = _Known(self.weigh, self._table)
        for one in self._common:
            known.add(*one)
        self._most = len(known.weights) + _CACHED
        return known

    def margin(self, text: str) -> float:
        """Log-odds before calibration, of the most telling window; the bias for an empty text."""
        blocks = list(self._blocks(text))
        if len(blocks) < 2:  # noqa: PLR2004
            return self._margin(*blocks[0]) if blocks else self._bias
        return max(self._margin(a + c, b + d) for (a, b), (c, d) in pairwise(blocks))

    def peak(self, text: str) -> tuple[int, int]:
        """The word that speaks most for it, a half-open range of `text`."""
        found = TOKEN.finditer(text)
        known = self._known
        best = max(found, key=lambda token: known.weights[known[token[0]]], default=None)
        return best.span() if best else (0, len(text))

    def _margin(self, weight: int, count: int) -> float:
        return self._bias + self._scale * weight / math.sqrt(count + SHORT)

    def _blocks(self, text: str) -> Iterator[tuple[int, int]]:
        """Weight and number of buckets of consecutive half windows."""
        known, weights = self._known, self._weights
        if len(known.weights) > self._most:
            known = self._known = self._fresh()
        rows = list(map(known.__getitem__, tokens(text)))
        sizes = list(map(known.sizes.__getitem__, rows))
        hashes = list(map(known.hashes.__getitem__, rows))
        total, count = sum(map(known.weights.__getitem__, rows)), sum(sizes)
        if count + len(rows) <= WINDOW // 2:
            beside = pairs(hashes)
            if count:
                yield total + sum(map(weights.__getitem__, beside)), count + len(beside)
            return
        total = count = last = 0
        for row, size, word in zip(rows, sizes, hashes, strict=True):
            weight = known.weights[row]
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
        table=familiar(),
    )
    return model, Layer.of(numbers["layer"])
