"""One transaction: entries with their place in the tree, what they are found by, and counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from guardrail.chain.errors import EvidenceUnavailable
from guardrail.log.personal import read_generation, store
from guardrail.log.record import COLUMNS, Bucket, Column, Entry, Record, Write
from guardrail.log.tree import append_leaves, read_frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.chain.frontier import Frontier
    from guardrail.log.event import Event, Pending
    from guardrail.log.session import WriteSession
    from guardrail.log.vault import Sealed, Vault

_SUMS = ", ".join(f"{name} = counts.{name} + excluded.{name}" for name in COLUMNS)
_COUNT = f"""
INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (hour, operation, jurisdiction, tier, policy) DO UPDATE SET {_SUMS}"""  # noqa: S608
_CLOSED = """
INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (attempt) DO UPDATE SET closed_seq = excluded.closed_seq, stage = excluded.stage,
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
    turn out new. note: what the process says of itself, written first. events: those of no
    attempt, written last. seen: the log's size when this process wrote last; it must not be
    smaller now. vault: seals anew what was sealed under a key that is erased meanwhile.
    """

    writes: Sequence[Write]
    totals: Counts
    note: Event | None
    events: Sequence[Pending]
    seen: int
    vault: Vault

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but counts."""
        return not self.writes and self.note is None and not self.events


class Appended(NamedTuple):
    """size: of the log. new: entries of attempts that were not there before, written for `by`.

    keys: ids of data keys that were stored.
    """

    size: int
    new: int = 0
    by: Sequence[Write] = ()
    keys: Sequence[str] = ()


def transact(session: WriteSession, batch: Batch) -> Appended:
    """Commit counts and entries, the tree with them; raises StoreFailed and EvidenceError."""
    done, totals = session.retried(partial(_transact, session, batch))
    batch.totals.update(totals)
    batch.vault.stored.update(done.keys)
    return done


def _transact(session: WriteSession, batch: Batch) -> tuple[Appended, Counts]:
    """What was committed, and its counts; it may run again, so that the batch stays as it is."""
    totals = {bucket: [*numbers] for bucket, numbers in batch.totals.items()}
    done = Appended(batch.seen)
    if batch.is_plain and len(totals) <= 1:
        for bucket, numbers in totals.items():
            session.execute(_COUNT, (*bucket, *numbers))  # a transaction by itself
        return done, totals
    session.begin()
    if not batch.is_plain:
        done = _append(session, batch, totals)
    session.many(_COUNT, [(*bucket, *numbers) for bucket, numbers in sorted(totals.items())])
    session.commit()
    return done, totals


def _append(session: WriteSession, batch: Batch, totals: Counts) -> Appended:
    """Give each new entry the next number and leaf; one that is there already stays as it is."""
    frontier = read_frontier(session)
    if frontier.size < batch.seen:
        raise EvidenceUnavailable(
            f"it was rolled back from {batch.seen} entries to {frontier.size}"
        )
    new = _new(session, batch.writes)
    entries = [] if batch.note is None else [batch.note.entry]
    placed = [(record, seq) for seq, (record, _) in enumerate(new, _next(frontier, entries))]
    entries += [record.entry for record, _ in new]
    for pending, seq in zip(batch.events, count(_next(frontier, entries)), strict=False):
        pending.seq = seq
    entries += [pending.event.entry for pending in batch.events]
    if not entries:
        return Appended(frontier.size)
    session.insert("entries", [(seq, *row) for seq, row in enumerate(entries, _next(frontier, ()))])
    _index(session, placed)
    private = [(seq, record.private) for record, seq in placed if record.private is not None]
    private += [(each.seq, each.private) for each in batch.events if each.private is not None]
    keys = _keep(session, batch.vault, private)
    for _, write in new:
        add_count(totals, write.bucket, write.column)
    grown = append_leaves(session, frontier, [entry.leaf for entry in entries])
    for pending in batch.events:
        if pending.change is not None:
            pending.change(session, pending.seq)
    return Appended(grown.size, len(new), [write for _, write in new], keys)


def _next(frontier: Frontier, before: Sequence[Entry]) -> int:
    """The number that an entry gets after those `before` it in this batch."""
    return frontier.size + len(before) + 1


def _new(session: WriteSession, writes: Sequence[Write]) -> list[tuple[Record, Write]]:
    """Those that were not written before, in any batch: a retry must not count twice."""
    names = dict.fromkeys(write.record.attempt for write in writes if write.record is not None)
    known = {name: (opened, closed) for name, opened, closed in session.known(names)}
    found: list[tuple[Record, Write]] = []
    for write in writes:
        record = write.record
        if record is None:
            continue
        opened, closed = known.get(record.attempt, (None, None))
        if closed is not None or (record.event == "opened" and opened is not None):
            continue
        known[record.attempt] = (0, closed) if record.event == "opened" else (opened, 0)
        found.append((record, write))
    return found


def _index(session: WriteSession, placed: Sequence[tuple[Record, int]]) -> None:
    """What attempts are found by."""
    opened = [(record, seq) for record, seq in placed if record.event == "opened"]
    closed = [(record, seq) for record, seq in placed if record.event == "closed"]
    session.insert("attempts", [record.row(seq, None) for record, seq in opened])
    if closed:
        session.many(_CLOSED, [record.row(None, seq) for record, seq in closed])


def _keep(session: WriteSession, vault: Vault, private: list[tuple[int, Sealed]]) -> list[str]:
    """Store what was sealed, under keys that no erasure or rotation has overtaken: the new ones."""
    if not private:
        return []
    generation = read_generation(session)
    if generation != vault.generation:
        vault.moved(generation, session.value("SELECT value FROM meta WHERE key = 'key_id'"))
    renewed = [(seq, vault.renewed(sealed)) for seq, sealed in private]
    return store(session, renewed, vault.stored)
