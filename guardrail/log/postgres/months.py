"""Months of the log, as its partitions are cut."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from guardrail.log.times import HOUR

_DAY = 24 * HOUR


def month_of(at: int) -> int:
    """The month of `at` (ns since the epoch), counted from year 0, UTC."""
    return _month_of_day(at // _DAY)


@lru_cache(maxsize=1024)
def _month_of_day(day: int) -> int:
    moment = datetime.fromtimestamp(day * 86400, UTC)
    return moment.year * 12 + moment.month - 1
