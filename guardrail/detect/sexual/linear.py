"""The trained second opinion: a linear model over hashed n-grams, read from `data/linear.bin`."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise, repeat
from typing import TYPE_CHECKING

from guardrail.detect.familiar import BIAS, MARK, SUMMED, WEIGHT, familiar
from guardrail.detect.sexual.features import (
    BITS,
    SHORT,
    TOKEN,
    features,
    hashes,
    pair,
    pairs,
    tokens,
)
from guardrail.detect.sexual.layer import Layer
from guardrail.detect.sexual.rules import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Known = tuple[str, int, int, int]

WINDOW = 2000
"""Buckets of a text that are weighed together, about 100 English words."""

_CACHED = 20_000  # tokens, a few megabytes
_CACHED_LENGTH = 16  # code points; a longer run may say too much of the text it comes from


_NONE: Mapping[str, int] = {}
_PAIRLESS = 1 << 100  # above all fields of a listed word, which always makes pairs
_SIZE, _FIELDS = (1 << WEIGHT) - 1, (1 << MARK) - 1


def _packed(weight: int, size: int, word: int) -> int:
    return _PAIRLESS * (not word) | weight + BIAS << WEIGHT | size


class Linear:
    """Scores a normalised text in time linear in its length.

    weights: one signed byte for each bucket. scale: log-odds of one unit of weight.
    known: what `weigh` says of common words, so that it need not be asked.
    listed: what it says of further ones, as `guardrail.detect.familiar` has it.
    """

    def __init__(
        self,
        weights: bytes,
        *,
        scale: float,
        bias: float,
        known: Iterable[Known] = (),
        listed: Mapping[str, int] = _NONE,
    ) -> None:
        if len(weights) != 1 << BITS:
            raise ValueError(f"{len(weights)} weights, not {1 << BITS}")
        self._weights = array("b", weights)
        self._scale = scale
        self._bias = bias
        self._listed = listed
        self._common = {one[0]: _packed(*one[1:]) for one in known if one[0] not in listed}
        self._met = dict(self._common)

    def margin(self, text: str) -> float:
        """Log-odds before calibration, of the most telling window; the bias for an empty text."""
        blocks = list(self._blocks(text))
        if len(blocks) < 2:  # noqa: PLR2004
            return self._margin(*blocks[0]) if blocks else self._bias
        return max(self._margin(a + c, b + d) for (a, b), (c, d) in pairwise(blocks))

    def peak(self, text: str) -> tuple[int, int]:
        """The word that speaks most for it, a half-open range of `text`."""
        found = list(TOKEN.finditer(text))
        known = self._known([token[0] for token in found])
        weights = [(one & _FIELDS) >> WEIGHT for one in known]
        return found[weights.index(max(weights))].span() if found else (0, len(text))

    def _margin(self, weight: int, count: int) -> float:
        return self._bias + self._scale * weight / math.sqrt(count + SHORT)

    def _blocks(self, text: str) -> Iterator[tuple[int, int]]:
        """Weight and number of buckets of consecutive half windows."""
        words, weights = tokens(text), self._weights
        known = self._known(words)
        crcs = hashes(words)
        for at, one in enumerate(known) if not text.isascii() else ():
            if one >= _PAIRLESS:
                crcs[at] = 0
        if len(known) <= SUMMED:
            total = sum(known) & _FIELDS
            count = total & _SIZE
            if count + len(known) <= WINDOW // 2:
                if count:
                    beside = pairs(crcs)
                    weight = (total >> WEIGHT) - BIAS * len(known)
                    yield weight + sum(map(weights.__getitem__, beside)), count + len(beside)
                return
        total = count = last = 0
        for one, word in zip(known, crcs, strict=True):
            total += ((one & _FIELDS) >> WEIGHT) - BIAS
            count += one & _SIZE
            if last and word:
                total += weights[pair(last, word)]
                count += 1
            last = word
            if count >= WINDOW // 2:
                yield total, count
                total = count = 0
        if count:
            yield total, count

    def _known(self, words: Sequence[str]) -> list[int]:
        """What is known of each word: size and weight, and whether it makes no pairs."""
        found = list(map(self._listed.get, words, repeat(0)))
        at = -1
        for _ in range(found.count(0)):
            at = found.index(0, at + 1)
            word = words[at]
            found[at] = self._met.get(word) or self._weighed(word)
        return found

    def _weighed(self, token: str) -> int:
        """What `weigh` says of a token, remembered unless it is long."""
        found = _packed(*self.weigh(token))
        if len(token) <= _CACHED_LENGTH:
            if len(self._met) >= _CACHED:
                self._met = dict(self._common)
            self._met[token] = found
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
        listed=familiar().known,
    )
    return model, Layer.of(numbers["layer"])
