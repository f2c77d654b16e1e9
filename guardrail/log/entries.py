"""Reading entries as they were signed, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.log.event import ATTEMPT_EVENTS, LogEntry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from guardrail.log.session import Store

PAGE = 500
NO_ATTEMPT = "event NOT IN ('opened', 'closed')"  # as the index says it, so that it is used


def read_entries(
    store: Store,
    events: Collection[str],
    times: tuple[int | None, int | None],
    *,
    newest_first: bool = False,
) -> Iterator[LogEntry]:
    """Entries of these kinds (none: all) written in [since, until) (ns, UTC), in order."""
    conditions, values = ["seq {beyond} ?"], []
    for condition, value in zip(("at >= ?", "at < ?"), times, strict=True):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if events:
        conditions.append(f"event IN ({', '.join('?' * len(events))})")
        if ATTEMPT_EVENTS.isdisjoint(events):
            conditions.append(NO_ATTEMPT)
    beyond, order, after = ("<", "DESC", 1 << 62) if newest_first else (">", "ASC", 0)
    where = " AND ".join(conditions).format(beyond=beyond)
    sql = f"SELECT seq, event, at, body FROM entries WHERE {where} ORDER BY seq {order} LIMIT ?"  # noqa: S608
    while True:
        with store.reading() as session:
            rows = session.rows(sql, (after, *values, *events, PAGE))
        yield from (LogEntry(*row) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]
