"""The measures, each a pure function of labels and answers; None where one is undefined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

Range = tuple[int, int]
"""Half-open, code points."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Right and wrong answers of a yes-or-no question; each at least 0."""

    hits: int = 0
    false: int = 0
    missed: int = 0
    passed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.false + other.false,
            self.missed + other.missed,
            self.passed + other.passed,
        )

    @property
    def precision(self) -> float | None:
        """Share of the answers `yes` that are right."""
        return ratio(self.hits, self.hits + self.false)

    @property
    def recall(self) -> float | None:
        """Share of what is to be found that is found."""
        return ratio(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; undefined where there is nothing to find."""
        if not self.hits + self.missed:
            return None
        return ratio(2 * self.hits, 2 * self.hits + self.false + self.missed)

    @property
    def false_rate(self) -> float | None:
        """Share of what is to pass that is stopped."""
        return ratio(self.false, self.false + self.passed)


def ratio(part: int, whole: int) -> float | None:
    """Divide; None by nothing."""
    return part / whole if whole else None


def tally(pairs: Iterable[tuple[bool, bool]]) -> Counts:
    """Count (expected, answered) pairs."""
    seen = list(pairs)
    return Counts(
        hits=seen.count((True, True)),
        false=seen.count((False, True)),
        missed=seen.count((True, False)),
        passed=seen.count((False, False)),
    )


def average_precision(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Area under the precision-recall curve, as the step sum over distinct scores.

    Equal scores count as one threshold, so their order does not matter. None without positives.
    """
    ranked = sorted(zip(scores, labels, strict=True), key=lambda pair: -pair[0])
    seen = right = 0
    area = 0.0
    for _, tied in groupby(ranked, key=lambda pair: pair[0]):
        group = [label for _, label in tied]
        seen, right = seen + len(group), right + sum(group)
        area += sum(group) * right / seen
    return area / right if right else None


def calibration_error(
    labels: Sequence[bool], scores: Sequence[float], bins: int = 10
) -> float | None:
    """Expected calibration error over equal bins of [0, 1] (Naeini et al., AAAI 2015).

    A score on a boundary belongs to the upper bin, 1.0 to the last. None without rows.
    """
    gaps = [0.0] * bins
    for label, score in zip(labels, scores, strict=True):
        gaps[min(int(score * bins), bins - 1)] += label - score
    return sum(map(abs, gaps)) / len(labels) if labels else None


def same_name(gold: Range, found: Range) -> bool:
    """Whether two spans overlap by at least half of the longer one."""
    overlap = min(gold[1], found[1]) - max(gold[0], found[0])
    longer = max(gold[1] - gold[0], found[1] - found[0])
    return overlap > 0 and 2 * overlap >= longer


def pair_spans(gold: Sequence[Range], found: Sequence[Range]) -> dict[int, int]:
    """Pair as many spans as can be, one to one (Kuhn): index in `gold` to index in `found`."""
    taken: dict[int, int] = {}

    def place(at: int, tried: set[int]) -> bool:
        for index, span in enumerate(found):
            if index in tried or not same_name(gold[at], span):
                continue
            tried.add(index)
            if index not in taken or place(taken[index], tried):
                taken[index] = at
                return True
        return False

    for at in range(len(gold)):
        place(at, set())
    return {at: index for index, at in sorted(taken.items(), key=lambda pair: pair[1])}
