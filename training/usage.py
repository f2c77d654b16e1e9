"""How often words have capitals in public text, and groups of words with like neighbours."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from guardrail.detect.persons.lexicon import latin_words
from guardrail.detect.persons.spelled import SpelledTagger
from guardrail.detect.persons.tokens import Tokens
from guardrail.detect.persons.usage import (
    CAPITAL,
    EITHER,
    FOREIGN,
    GROUPS,
    HOPELESS,
    LOWER,
    ORDINARY,
    PROPER,
    UNCASED,
    key_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from guardrail.detect.persons.tagging import Tagger

    Floats = NDArray[np.float32]

LEAST = 5  # times seen; a rarer word counts as unseen
OFTEN = 20
CONTEXTS = 1200
DIMENSIONS = 64
CLUSTERED = 24_000
ROUNDS = 12
_STEPS = ((0.995, ORDINARY), (0.9, LOWER), (0.4, EITHER), (0.08, CAPITAL))


class Seen:
    """Counts over texts. Words are (folded form, whether the text is German)."""

    def __init__(self) -> None:
        self.times: Counter[tuple[str, bool]] = Counter()
        self.cased: Counter[tuple[str, bool]] = Counter()
        self.lower: Counter[tuple[str, bool]] = Counter()
        self.lines: list[list[str]] = []

    def add(self, text: str) -> None:
        """Count the words of one text."""
        t = Tokens(text, {})
        self.lines.append(t.lows)
        for i, low in enumerate(t.lows):
            word = (low, t.german)
            self.times[word] += 1
            if not t.caseless and not t.initial(i):
                self.cased[word] += 1
                self.lower[word] += not t.caps[i]

    def written(self, word: tuple[str, bool]) -> int:
        """The class of how a word is written."""
        cased = self.cased[word]
        if cased < LEAST:
            return UNCASED
        share = self.lower[word] / cased
        found = next((name for least, name in _STEPS if share >= least), PROPER)
        return LOWER if found == ORDINARY and cased < OFTEN else found


def groups(lines: Iterable[list[str]]) -> dict[str, int]:
    """Word -> number of its group, 1 and up: k-means over what stands beside it."""
    lines = list(lines)
    times = Counter(low for line in lines for low in line)
    words = [w for w, n in times.most_common(CLUSTERED) if n >= LEAST]
    ids = {w: k for k, w in enumerate(words)}
    sides = np.zeros((len(words), 2 * CONTEXTS), np.float32)
    for line in lines:
        for a, b in pairwise([ids.get(word, -1) for word in line]):
            if a >= 0 and 0 <= b < CONTEXTS:
                sides[a, b] += 1
            if b >= 0 and 0 <= a < CONTEXTS:
                sides[b, CONTEXTS + a] += 1
    points = _compressed(sides)
    return dict(zip(words, (_clusters(points) + 1).tolist(), strict=True))


def _compressed(counts: Floats) -> Floats:
    """Unit vectors of positive pointwise information, projected on the main directions."""
    total = counts.sum()
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / total
    counts = np.log(np.maximum(counts / np.maximum(expected, 1e-9), 1))
    _, directions = np.linalg.eigh(counts.T @ counts)
    points = counts @ directions[:, -DIMENSIONS:]
    unit: Floats = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-6)
    return unit


def _clusters(points: Floats) -> NDArray[np.int64]:
    random = np.random.default_rng(7)
    centres = points[random.choice(len(points), GROUPS - 1, replace=False)]
    nearest = np.zeros(len(points), np.int64)
    for _ in range(ROUNDS):
        nearest = (points @ centres.T).argmax(1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    return nearest


Used = dict[tuple[str, bool], int]


def count(texts: Iterable[str], abroad: Iterable[str] = ()) -> Used:
    """Word -> how it is written and its group, as the table holds them.

    abroad: texts of other languages, which count for the groups only.
    """
    seen = Seen()
    for text in texts:
        seen.add(text)
    seen.lines += [Tokens(text, {}).lows for text in abroad]
    group = groups(seen.lines)
    return {
        word: seen.written(word) * GROUPS + group.get(word[0], 0)
        for word, times in seen.times.items()
        if times >= LEAST
    }


def with_foreign(used: Used, words: Iterable[str]) -> Used:
    """The same with words of other languages, but for those with a known use in English."""
    found = dict(used)
    for low in words:
        value = used.get((low, False), UNCASED * GROUPS)
        if value // GROUPS == UNCASED:
            found[low, False] = FOREIGN * GROUPS + value % GROUPS
    return found


def table(used: Used) -> dict[int, int]:
    """The table by keys."""
    return {key_of(low, german=german): value for (low, german), value in used.items()}


def hopeless(used: Used, tagger: Tagger) -> dict[int, int]:
    """The table by keys, with those words marked that the tagger gives up without a capital."""
    known, lexicon = table(used), latin_words()
    spelled = SpelledTagger(tagger, known)
    for low, german in used:
        flags = lexicon.get(low, 0)
        if not any(
            spelled.hopeful(low, flags, caseless=caseless, german=german)
            for caseless in (False, True)
        ):
            known[key_of(low, german=german)] |= HOPELESS
    return known
