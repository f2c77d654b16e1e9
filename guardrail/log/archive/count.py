"""Counting attempts over columns: by anything they are found by, or as `guardrail log stats`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from guardrail.errors import InputError
from guardrail.log.archive.duck import explained
from guardrail.log.stats import StatsRow
from guardrail.log.times import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from guardrail.log.archive.columns import Columns

_DAY = 24 * HOUR
_SECONDS = 3600
_TIMES = {
    "month": """date_diff('month', DATE '1970-01-01', DATE '1970-01-01'
 + CAST("at" // 86400000000000 AS INTEGER))""",
    "day": f'"at" // {_DAY}',
    "hour": f'"at" // {HOUR}',
}
_PLAIN = ("operation", "jurisdiction", "tier", "policy", "action", "rule", "reason")
_MORE = ("stage", "outcome", "user")
BY = (*_TIMES, *_PLAIN, *_MORE)
_ENDS = ("released", "refused", "gated", "failed", "cancelled")
_COUNTS = ["count(*)", *(f"count(*) FILTER (outcome = '{end}')" for end in _ENDS), "count(*)"]
_USERS = "count(DISTINCT nullif(\"user\", ''))"


def aggregate(  # noqa: PLR0913 (each narrows what is counted)
    columns: Columns,
    by: Iterable[str],
    *,
    since: int | None = None,
    until: int | None = None,
    where: Mapping[str, str] | None = None,
    users: bool = False,
) -> list[StatsRow]:
    """Count attempts kept in full that were opened in [since, until) (ns, UTC), grouped.

    by: names of BY; `month`, `day` and `hour` are of the opening. where: values that these must
    have; of a `user` the pseudonym, of an attempt in flight the outcome ``. users: count callers
    too, which takes longer.

    Raises InputError for an unknown name, ConfigurationError when a file cannot be read.
    """
    names, narrowed = tuple(by), dict(where or {})
    known = (name in BY for name in (*names, *narrowed))
    if not all(known) or any(name in _TIMES for name in narrowed):
        raise InputError(f"cannot count by that; known: {', '.join(BY)}")
    conditions, values = ["true"], []
    for condition, value in (
        ('"at" >= ?', since),
        ('"at" < ?', until),
        *((f'"{name}" = ?', value) for name, value in narrowed.items()),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    what = ", ".join([*map(_column, names), *_COUNTS, _USERS if users else "0"])
    group = f"GROUP BY {', '.join(str(n + 1) for n in range(len(names)))}" if names else ""
    sql = f"SELECT {what} FROM attempts WHERE {' AND '.join(conditions)} {group}"  # noqa: S608
    with explained("counting"):
        rows = columns.connection.execute(sql, values).fetchall()
    return sorted((_row(names, row) for row in rows), key=lambda row: row.key)


def _column(name: str) -> str:
    return _TIMES.get(name, f'"{name}"')


def _row(names: Sequence[str], row: tuple[Any, ...]) -> StatsRow:
    size = len(names)
    key = tuple(_shown(name, value) for name, value in zip(names, row, strict=False))
    return StatsRow(key, *row[size:])


def _shown(name: str, value: Any) -> str:
    """A time as it is written; it was counted as a number, which is faster."""
    if name == "month":
        return f"{1970 + value // 12:04d}-{value % 12 + 1:02d}"
    if name == "day":
        return f"{datetime.fromtimestamp(value * 24 * _SECONDS, UTC):%Y-%m-%d}"
    if name == "hour":
        return f"{datetime.fromtimestamp(value * _SECONDS, UTC):%Y-%m-%dT%H:00Z}"
    return str(value)
