"""One transaction: entries with their place in the tree, what they are found by, and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from guardrail.chain.errors import EvidenceUnavailable
from guardrail.log.record import COLUMNS, Bucket, Column, Record, Write
from guardrail.log.tree import append_leaves, read_frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import apsw

    from guardrail.log.worker import Note

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


@dataclass(frozen=True, slots=True)
class Batch:
    """What is committed at once.

    writes: those with an entry. totals: counts of all others, to which these are added as they
    turn out new. note: what the process says of itself, written first. seen: the log's size when
    this process wrote last; it must not be smaller now.
    """

    writes: Sequence[Write]
    totals: Counts
    note: Note | None
    seen: int


def transact(connection: apsw.Connection, batch: Batch) -> tuple[int, int]:
    """Commit counts and entries, the tree with them; raises apsw.Error and EvidenceError.

    The log's size is returned, and how many attempts' entries were new.
    """
    records = [write for write in batch.writes if write.record is not None]
    totals, noted = batch.totals, batch.note is not None
    if not records and not noted and len(totals) <= 1:
        for bucket, numbers in totals.items():
            connection.execute(_COUNT, (*bucket, *numbers))  # a transaction by itself
        return batch.seen, 0
    connection.execute("BEGIN IMMEDIATE")
    size, new = _append(connection, records, batch) if records or noted else (batch.seen, 0)
    connection.executemany(_COUNT, [(*bucket, *numbers) for bucket, numbers in totals.items()])
    connection.execute("COMMIT")
    return size, new


def _append(connection: apsw.Connection, writes: Sequence[Write], batch: Batch) -> tuple[int, int]:
    """Give each new entry the next number and leaf; one that is there already stays as it is."""
    frontier = read_frontier(connection)
    if frontier.size < batch.seen:
        raise EvidenceUnavailable(
            f"it was rolled back from {batch.seen} entries to {frontier.size}"
        )
    leaves: list[bytes] = []
    if (note := batch.note) is not None:
        leaves.append(note.leaf)
        row = (frontier.size + 1, note.worker, "worker", note.at, note.leaf, note.body)
        connection.execute(_ENTRY, row)
    noted = len(leaves)
    for write in writes:
        record = write.record
        if record is None or _is_known(connection, record):
            continue
        leaves.append(record.leaf)
        _insert(connection, record, frontier.size + len(leaves))
        add_count(batch.totals, write.bucket, write.column)
    grown = append_leaves(connection, frontier, leaves) if leaves else frontier
    return grown.size, len(leaves) - noted


def _insert(connection: apsw.Connection, record: Record, seq: int) -> None:
    row = (seq, record.attempt, record.event, record.at, record.leaf, record.body)
    connection.execute(_ENTRY, row)
    _index(connection, record, seq)
    if record.excerpt is not None:
        connection.execute(_PRIVATE, (seq, *record.excerpt))


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
