"""Where one month's entries end and the next one's begin.

Entries are numbered in the order of their writing, and nearly in that of their times: processes
race, clocks differ, jump and are put right. A month ends where the fewest entries stand on the
wrong side, so that a few wrong times, however wrong, move nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from guardrail.log.archive.months import Month

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Run(NamedTuple):
    """So many entries in a row, all written in one month."""

    month: Month
    size: int


class Cut(NamedTuple):
    """A month's entries are after + 1 to last."""

    month: Month
    after: int
    last: int


def cuts(runs: Sequence[Run], after: int) -> Iterator[Cut]:
    """Every month that has entries, in order; the last one may not be over yet.

    runs: all entries from after + 1 on.
    """
    start = after
    for month in sorted({run.month for run in runs}):
        last = after + _end(runs, month)
        if last > start:
            yield Cut(month, start, last)
            start = last


def joined(runs: Iterable[Run]) -> list[Run]:
    """Neighbours of one month as one run."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1].month == run.month:
            found[-1] = Run(run.month, found[-1].size + run.size)
        else:
            found.append(run)
    return found


def _end(runs: Iterable[Run], month: Month) -> int:
    """After how many entries the fewest are on the wrong side of the month's end."""
    place = score = best = end = 0
    for run in runs:
        place += run.size
        score += run.size if run.month <= month else -run.size
        if score > best:
            best, end = score, place
    return end
