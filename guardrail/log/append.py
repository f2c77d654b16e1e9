"""One transaction: entries with their place in the tree, what they are found by, and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from guardrail.chain.errors import EvidenceUnavailable
from guardrail.log.record import COLUMNS, Bucket, Column, Record, Write
from guardrail.log.tree import append_leaves, read_frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import apsw

_COUNT = """
INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET opened = opened + excluded.opened,
 released = released + excluded.released, refused = refused + excluded.refused,
 gated = gated + excluded.gated, failed = failed + excluded.failed,
 cancelled = cancelled + excluded.cancelled"""
_KNOWN = "SELECT opened_seq, closed_seq FROM attempts WHERE attempt = ?"
_ENTRY = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)"
_PRIVATE = "INSERT INTO private VALUES (?, ?, ?)"
_OPENED = "INSERT INTO attempts VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CLOSED = """
INSERT INTO attempts VALUES (?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET closed_seq = excluded.closed_seq, stage = excluded.stage,
 action = excluded.action, rule = excluded.rule, reason = excluded.reason,
 outcome = excluded.outcome"""

Counts: TypeAlias = dict[Bucket, list[int]]


def add_count(counts: Counts, bucket: Bucket, column: Column, number: int = 1) -> None:
    """Count `number` more."""
    counts.setdefault(bucket, [0] * len(COLUMNS))[COLUMNS.index(column)] += number


def total_counts(lazy: Mapping[Bucket, list[int]], writes: Sequence[Write]) -> Counts:
    """The counts of attempts without an entry; those with one count when it turns out new."""
    totals = {bucket: [*numbers] for bucket, numbers in lazy.items()}
    for write in writes:
        if write.record is None:
            add_count(totals, write.bucket, write.column)
    return totals


def transact(
    connection: apsw.Connection, writes: Sequence[Write], totals: Counts, seen: int
) -> int:
    """Commit counts and entries, the tree with them; raises apsw.Error and EvidenceError.

    The log's size is returned, and must not be below the one `seen` before.
    """
    records = [write for write in writes if write.record is not None]
    if not records and len(totals) == 1:
        ((bucket, numbers),) = totals.items()
        connection.execute(_COUNT, (*bucket, *numbers))  # a transaction by itself
        return seen
    connection.execute("BEGIN IMMEDIATE")
    if records:
        seen = _append(connection, records, totals, seen)
    connection.executemany(_COUNT, [(*bucket, *numbers) for bucket, numbers in totals.items()])
    connection.execute("COMMIT")
    return seen


def _append(connection: apsw.Connection, writes: Sequence[Write], totals: Counts, seen: int) -> int:
    """Give each new entry the next number and leaf; one that is there already stays as it is."""
    frontier = read_frontier(connection)
    if frontier.size < seen:
        raise EvidenceUnavailable(f"it was rolled back from {seen} entries to {frontier.size}")
    leaves: list[bytes] = []
    for write in writes:
        record = write.record
        if record is None or _is_known(connection, record):
            continue
        leaves.append(record.leaf)
        seq = frontier.size + len(leaves)
        row = (seq, record.attempt, record.event, record.at, record.leaf, record.body)
        connection.execute(_ENTRY, row)
        _index(connection, record, seq)
        if record.excerpt is not None:
            connection.execute(_PRIVATE, (seq, *record.excerpt))
        add_count(totals, write.bucket, write.column)
    return append_leaves(connection, frontier, leaves).size if leaves else frontier.size


def _is_known(connection: apsw.Connection, record: Record) -> bool:
    """Whether this event of this attempt was written before: a retry must not count twice."""
    row = connection.execute(_KNOWN, (record.attempt,)).fetchone()
    if row is None:
        return False
    opened, closed = row
    return closed is not None or (record.event == "opened" and opened is not None)


def _index(connection: apsw.Connection, record: Record, seq: int) -> None:
    fields = (
        record.attempt,
        seq,
        record.opened_at,
        *record.bucket[1:],
        record.user,
        record.conversation,
        *record.verdict,
    )
    connection.execute(_OPENED if record.event == "opened" else _CLOSED, fields)
