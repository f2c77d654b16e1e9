"""Times as the log keeps them: nanoseconds since the epoch, UTC, and their text."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache

from guardrail.errors import InputError

SECOND = 1_000_000_000
HOUR = 3600 * SECOND

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGO = re.compile(r"([0-9]{1,9})([smhdw])")


def iso(at: int) -> str:
    """`at` (ns) as `2026-01-16T09:00:00.000000000Z`, which sorts as text."""
    seconds, rest = divmod(at, SECOND)
    return f"{_whole(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=256)
def _whole(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def parse_time(text: str, *, now: int | None = None) -> int:
    """Nanoseconds for `24h` (that long ago), `2026-01-16` or an ISO time; no zone means UTC.

    Raises InputError.
    """
    if ago := _AGO.fullmatch(text.strip()):
        current = time.time_ns() if now is None else now
        return max(0, current - int(ago[1]) * UNITS[ago[2]] * SECOND)
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        seconds = int(moment.replace(microsecond=0).timestamp())
    except (ValueError, OverflowError):
        raise InputError(
            f"not a time: {text!r}; write 24h, 7d, 2026-01-16 or 2026-01-16T09:00Z"
        ) from None
    return seconds * SECOND + moment.microsecond * 1000
