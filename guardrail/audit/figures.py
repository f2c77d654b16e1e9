"""Everything an inquiry asks of the log, in SQL: this module and no other.

A log is read up to the entry it was pinned at, so that what came later changes nothing. An attempt
that had not ended by then counts as open, whatever it came to afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.audit.records import Count, Event, Group, Offender, Place, Sampled
from guardrail.log.times import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guardrail.log.session import Session

PAGE = 500
TOP = 50
_DAY = 24 * HOUR

_COUNTS = """SELECT (hour + ?) / 24, operation, jurisdiction, tier, policy,
 CAST(sum(opened) AS BIGINT), CAST(sum(released) AS BIGINT), CAST(sum(refused) AS BIGINT),
 CAST(sum(gated) AS BIGINT), CAST(sum(failed) AS BIGINT), CAST(sum(cancelled) AS BIGINT)
 FROM counts WHERE hour >= ? AND hour < ? GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"""
_GROUPS = """SELECT (at + ?) / {day}, operation, jurisdiction, tier, policy, stage, action, rule,
 reason, outcome, CASE WHEN closed_seq > ? THEN 1 ELSE 0 END, count(*), min(attempt),
 min(coalesce(opened_seq, closed_seq)), max(coalesce(closed_seq, opened_seq))
 FROM attempts WHERE {where} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"""
_LATER = """SELECT a.attempt, a.at, a.operation, a.jurisdiction, a.tier, a.policy, o.body
 FROM attempts AS a JOIN entries AS o ON o.seq = a.opened_seq
 WHERE {where} AND a.closed_seq > ?"""
_STOPPED = """SELECT "user", count(*) AS n FROM attempts
 WHERE {where} AND closed_seq <= ? AND action <> 'allow' AND "user" <> '' GROUP BY "user" """
_REPEATS = "SELECT n, count(*) FROM ({stopped}) AS stopped GROUP BY n ORDER BY n"
_OFFENDERS = """SELECT "user", count(*), sum(CASE WHEN action = 'refuse' THEN 1 ELSE 0 END),
 sum(CASE WHEN action = 'gate' THEN 1 ELSE 0 END), min(at), max(at) FROM attempts
 WHERE {where} AND closed_seq <= ? AND action <> 'allow' AND "user" <> ''
 GROUP BY "user" HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT {top}"""
_USERS = """SELECT count(DISTINCT "user") FROM attempts
 WHERE {where} AND closed_seq <= ? AND "user" <> ''"""
_ENDS = """SELECT e.seq, a.at, e.body FROM entries AS e JOIN attempts AS a ON a.attempt = e.attempt
 WHERE e.seq IN ({seqs}) AND e.event = 'closed' AND {where} ORDER BY e.seq"""
_EVENTS = """SELECT event, seq, at, body FROM entries
 WHERE event NOT IN ('opened', 'closed') AND seq <= ? ORDER BY seq"""
_ONE = """SELECT a.attempt, a.at, a.opened_seq, a.closed_seq, o.body, c.body, a."user"
 FROM attempts AS a LEFT JOIN entries AS o ON o.seq = a.opened_seq
 LEFT JOIN entries AS c ON c.seq = a.closed_seq WHERE a.attempt IN ({ids})"""
_ALL = """SELECT attempt FROM attempts WHERE {where} AND closed_seq <= ? AND action <> 'allow'
 AND attempt > ? ORDER BY attempt LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read. size: entries of the pinned log; start, end, offset: ns; end exclusive.

    places, operations, reasons: those meant; None or empty: all.
    """

    size: int
    start: int
    end: int
    offset: int
    places: tuple[str, ...] | None = None
    operations: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def where(self, prefix: str = "") -> tuple[str, list[Any]]:
        """Conditions on `attempts`, and their values."""
        parts = [f"{prefix}at >= ?", f"{prefix}at < ?"]
        values: list[Any] = [self.start, self.end]
        for name, given in (
            ("jurisdiction", self.places),
            ("operation", self.operations or None),
            ("reason", self.reasons or None),
        ):
            if given is not None:
                parts.append(f"{prefix}{name} IN ({', '.join('?' * len(given)) or 'NULL'})")
                values.extend(given)
        return " AND ".join(parts), values


def read_counts(session: Session, start: int, end: int, offset: int) -> list[Count]:
    """Every attempt of [start, end) as counted by the hour, by day."""
    hours = (offset // HOUR, start // HOUR, -(-end // HOUR))
    return [Count(*row) for row in session.rows(_COUNTS, hours)]


def read_groups(session: Session, wanted: Wanted) -> tuple[list[Group], tuple[int, int]]:
    """Attempts kept in full, whatever their reason, grouped; and the range of their entries."""
    wanted = replace(wanted, reasons=())
    where, values = wanted.where()
    where += " AND coalesce(opened_seq, closed_seq) <= ?"
    sql = _GROUPS.format(day=_DAY, where=where)
    rows = session.rows(sql, (wanted.offset, wanted.size, *values, wanted.size))
    ended = {tuple(row[:10]): Group(*row[:10], *row[11:13]) for row in rows if not row[10]}
    if any(row[10] for row in rows):
        for group in _open_then(session, wanted):
            ended[group.key] = group.joined(ended.get(group.key))
    lowest = min((row[13] for row in rows), default=0)
    highest = min(wanted.size, max((row[14] for row in rows), default=0))
    return sorted(ended.values(), key=lambda group: group.key), (lowest, highest)


def _open_then(session: Session, wanted: Wanted) -> Iterator[Group]:
    """Attempts that ended after the pin, as their openings have them."""
    where, values = wanted.where("a.")
    sql = _LATER.format(where=f"{where} AND a.opened_seq <= ?")
    for row in session.rows(sql, (*values, wanted.size, wanted.size)):
        attempt, at, operation, place, tier, policy, body = row
        said = json.loads(body)["decision"]
        day = (at + wanted.offset) // _DAY
        stage, action, rule, reason = (
            str(said[name]) for name in ("stage", "action", "rule", "reason")
        )
        yield Group(
            day, operation, place, tier, policy, stage, action, rule, reason, "", 1, attempt
        )


def read_repeats(session: Session, wanted: Wanted) -> list[tuple[int, int]]:
    """How many callers were stopped once, twice, ...: attempts that had ended, callers known."""
    where, values = wanted.where()
    sql = _REPEATS.format(stopped=_STOPPED.format(where=where))
    return [(times, users) for times, users in session.rows(sql, (*values, wanted.size))]


def read_offenders(session: Session, wanted: Wanted) -> list[Offender]:
    """The callers stopped most often, more than once, by the log's own pseudonym."""
    where, values = wanted.where()
    sql = _OFFENDERS.format(where=where, top=TOP)
    return [
        Offender(user, int(n), int(refused), int(gated), first, last)
        for user, n, refused, gated, first, last in session.rows(sql, (*values, wanted.size))
    ]


def read_users(session: Session, wanted: Wanted) -> int:
    """Callers of attempts kept in full that had ended."""
    where, values = wanted.where()
    return int(session.value(_USERS.format(where=where), (*values, wanted.size)) or 0)


def read_ends(session: Session, wanted: Wanted, seqs: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Bodies of the ends among these entries, for attempts that are meant."""
    where, values = wanted.where("a.")
    for start in range(0, len(seqs), PAGE):
        some = seqs[start : start + PAGE]
        sql = _ENDS.format(seqs=", ".join("?" * len(some)), where=where)
        for _, _, body in session.rows(sql, (*some, *values)):
            yield json.loads(body)


def read_events(session: Session, size: int) -> dict[str, list[Event]]:
    """Entries that speak of no attempt, by kind."""
    found: dict[str, list[Event]] = {}
    for event, seq, at, body in session.rows(_EVENTS, (size,)):
        found.setdefault(event, []).append(Event(seq, at, json.loads(body)))
    return found


def read_sampled(session: Session, ids: Sequence[str], size: int) -> list[Sampled]:
    """These attempts with their entries, by time; an end after the pin is left out."""
    found: list[Sampled] = []
    for start in range(0, len(ids), PAGE):
        some = ids[start : start + PAGE]
        rows = session.rows(_ONE.format(ids=", ".join("?" * len(some))), some)
        found += [_sampled(row, size) for row in rows]
    return sorted(found, key=lambda one: (one.at, one.id))


def _sampled(row: tuple[Any, ...], size: int) -> Sampled:
    attempt, at, opened_seq, closed_seq, opened, closed, user = row
    if closed_seq is not None and closed_seq > size:
        closed_seq = closed = None
    end = None if closed is None else json.loads(closed)
    start = json.loads(opened) if opened is not None else (end or {}).get("opened", {})
    place = Place(opened_seq, closed_seq)
    return Sampled(attempt, at, place, start, end, user)


def read_ids(session: Session, wanted: Wanted) -> Iterator[list[str]]:
    """Ids of attempts that are meant, had ended and were refused or gated, in pages."""
    where, values = wanted.where()
    after = ""
    while True:
        rows = session.rows(_ALL.format(where=where), (*values, wanted.size, after, PAGE))
        if not rows:
            return
        yield [attempt for (attempt,) in rows]
        after = rows[-1][0]
