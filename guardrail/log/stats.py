"""Counting attempts: all of them by the hour, the flagged ones by what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.errors import InputError
from guardrail.log.times import HOUR, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from guardrail.log.session import Session, Unit

_TIME: tuple[Unit, ...] = ("month", "day", "hour")
_SHARED = (*_TIME, "operation", "jurisdiction", "tier", "policy")
_DECIDED = {"action": "allow", "rule": "", "reason": ""}
DIMENSIONS = (*_SHARED, *_DECIDED)

_ALL = "sum(opened), sum(released), sum(refused), sum(gated), sum(failed), sum(cancelled)"
_ENDS = ("released", "refused", "gated", "failed", "cancelled")
_FLAGGED = ", ".join(
    [
        "count(*)",
        *(f"sum(CASE WHEN outcome = '{end}' THEN 1 ELSE 0 END)" for end in _ENDS),
        "count(*)",
        "count(DISTINCT nullif(\"user\", ''))",
    ]
)
_REPEAT = """SELECT count(*) FROM (SELECT 1 FROM attempts WHERE "at" >= ? AND "at" < ?
 AND "user" <> '' AND action <> 'allow' GROUP BY "user" HAVING count(*) > 1) AS repeated"""


@dataclass(frozen=True, slots=True)
class StatsRow:
    """Counts of one group. key: its values, in the order of `Stats.by`.

    opened: all attempts. flagged: those kept in full. users: callers of flagged attempts.
    """

    key: tuple[str, ...]
    opened: int = 0
    released: int = 0
    refused: int = 0
    gated: int = 0
    failed: int = 0
    cancelled: int = 0
    flagged: int = 0
    users: int = 0

    @property
    def unfinished(self) -> int:
        """Opened but not closed: in flight, or lost with a process that was killed."""
        ended = self.released + self.refused + self.gated + self.failed + self.cancelled
        return self.opened - ended


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts over whole hours, UTC. since, until: ns, rounded outward; None: no bound.

    repeat_users: callers with more than one attempt refused or gated.
    """

    since: int | None
    until: int | None
    by: tuple[str, ...]
    rows: tuple[StatsRow, ...]
    total: StatsRow
    repeat_users: int

    def json(self) -> dict[str, Any]:
        """Everything, ready for JSON; times as text."""
        return {
            "since": None if self.since is None else iso(self.since),
            "until": None if self.until is None else iso(self.until),
            "by": list(self.by),
            "rows": [self._json(row) for row in self.rows],
            "total": self._json(self.total),
            "repeat_users": self.repeat_users,
        }

    def _json(self, row: StatsRow) -> dict[str, Any]:
        numbers = {name: getattr(row, name) for name in (*row.__slots__[1:], "unfinished")}
        return {**dict(zip(self.by, row.key, strict=False)), **numbers}


def read_stats(session: Session, since: int | None, until: int | None, by: Iterable[str]) -> Stats:
    """Count attempts opened in a time range, grouped. Raises InputError for an unknown dimension.

    Attempts that were only counted appear under action `allow` with no rule and no reason.
    """
    chosen = tuple(by)
    if unknown := [name for name in chosen if name not in DIMENSIONS]:
        raise InputError(f"cannot count by {', '.join(unknown)}; known: {', '.join(DIMENSIONS)}")
    first = None if since is None else since // HOUR
    last = None if until is None else -(-until // HOUR)
    hours = (-(1 << 40) if first is None else first, (1 << 40) if last is None else last)
    rows = _rows(session, hours, chosen)
    (total,) = _rows(session, hours, ()) or (StatsRow(()),)
    repeat = session.value(_REPEAT, _ns(hours))
    return Stats(
        None if first is None else first * HOUR,
        None if last is None else last * HOUR,
        chosen,
        tuple(rows),
        total,
        repeat,
    )


def _rows(session: Session, hours: tuple[int, int], by: Sequence[str]) -> list[StatsRow]:
    """All attempts, less the flagged ones, are those only counted; then both kinds by `by`."""
    shared = [name for name in by if name in _SHARED]
    every = _select(session, "counts", hours, shared)
    flagged = _select(session, "attempts", hours, by)
    rest = {key: [*numbers, 0, 0] for key, numbers in every.items()}
    for key, numbers in flagged.items():
        common = tuple(value for name, value in zip(by, key, strict=True) if name in _SHARED)
        left = rest.setdefault(common, [0] * 8)
        left[:6] = (all_ - kept for all_, kept in zip(left, numbers[:6], strict=False))
    found = {key: [*numbers] for key, numbers in flagged.items()}
    for common, numbers in rest.items():
        if any(numbers):
            key = _plain_key(by, common)
            known = found.get(key, [0] * 8)
            found[key] = [a + b for a, b in zip(known, numbers, strict=True)]
    return [StatsRow(key, *numbers) for key, numbers in sorted(found.items())]


def _plain_key(by: Sequence[str], common: tuple[str, ...]) -> tuple[str, ...]:
    values = iter(common)
    return tuple(_DECIDED[name] if name in _DECIDED else next(values) for name in by)


def _select(
    session: Session, table: str, hours: tuple[int, int], by: Sequence[str]
) -> dict[tuple[str, ...], list[int]]:
    clock, what = ("hour", _ALL) if table == "counts" else ('"at"', _FLAGGED)
    hour = "hour" if clock == "hour" else f'("at" / {HOUR})'
    names = [session.clock(name, hour) if name in _TIME else name for name in by]
    group = f"GROUP BY {', '.join(str(n + 1) for n in range(len(by)))}" if by else ""
    columns = ", ".join([*names, what])
    sql = f"SELECT {columns} FROM {table} WHERE {clock} >= ? AND {clock} < ? {group}"  # noqa: S608
    bounds = hours if clock == "hour" else _ns(hours)
    size = len(by)
    found = session.rows(sql, bounds)
    return {row[:size]: [int(number or 0) for number in row[size:]] for row in found}


def _ns(hours: tuple[int, int]) -> tuple[int, int]:
    """The same bounds in nanoseconds, kept within SQLite's 64 bits."""
    low, high = (max(-(1 << 62), min(1 << 62, hour * HOUR)) for hour in hours)
    return low, high
