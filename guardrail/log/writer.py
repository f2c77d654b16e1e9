"""Makes writes durable: one transaction a batch, under the lock between processes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, TypeAlias

import apsw

from guardrail.chain.errors import EvidenceUnavailable
from guardrail.errors import GuardrailError, LogUnavailable
from guardrail.log.group import GroupCommit
from guardrail.log.record import COLUMNS, Bucket, Column, Record, Write
from guardrail.log.times import SECOND
from guardrail.log.tree import append_leaves, read_frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.log.database import Database
    from guardrail.log.signing import Signer

MAX_LAZY = 256
CHECKPOINT_PAGES = 1000
SIGN_EVERY = SECOND

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

_Counts: TypeAlias = dict[Bucket, list[int]]
_logger = logging.getLogger(__name__)


class Writer:
    """Writes entries and counts; after a failed write it takes no more (fail closed).

    What was written is signed within about a second, at most once a second among all processes,
    and at shutdown.
    """

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer
        self._size = 0
        self._timer: threading.Timer | None = None
        self._group: GroupCommit[Write | None] = GroupCommit(self._commit)
        self._failure = ""
        self._lazy_lock = threading.Lock()
        self._lazy: _Counts = {}
        self._lazy_size = 0
        database.on_fork = self._after_fork
        if signer.unsigned:
            self._sign_soon()

    def write(self, write: Write) -> None:
        """Return once `write` is on disk; raises LogUnavailable."""
        self._group.submit(write)

    def later(self, bucket: Bucket, column: Column) -> None:
        """Count with the next commit, and at the latest after 256 calls; never raises for it."""
        with self._lazy_lock:
            _add(self._lazy, bucket, column)
            self._lazy_size += 1
            due = self._lazy_size % MAX_LAZY == 0
        if due and not self._failure:
            try:
                self.flush()
            except LogUnavailable as error:
                _logger.critical("%s", error)

    def flush(self) -> None:
        """Write what `later` has queued; raises LogUnavailable."""
        if self._lazy_size:
            self._group.submit(None)

    def shutdown(self) -> None:
        """Flush, checkpoint and close; later writes raise LogUnavailable. May be called twice."""
        closed = f"the attempt log {self._database.path} is shut down"
        if self._failure:
            return
        try:
            self.flush()
            with self._database.lock:
                self._sign(not_within=0)
                self._tidy()
        except (GuardrailError, apsw.Error, OSError) as error:
            _logger.critical("closing the attempt log: %s", error)
        finally:
            with self._database.lock:
                self._failure = self._failure or closed
                self._database.close()
                timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()

    def _tidy(self) -> None:
        database = self._database
        if database.wal_pages:
            database.acquire()
            try:
                database.checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
            finally:
                database.release()

    def _sign_soon(self, delay: float = SIGN_EVERY / SECOND) -> None:
        """Sign after `delay` seconds, from a thread of its own; the database's lock is held."""
        if self._timer is not None:
            return
        self._timer = threading.Timer(delay, self._sign_due)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:  # the interpreter is shutting down: `shutdown` signs
            self._timer = None

    def _sign_due(self) -> None:
        with self._database.lock:
            self._timer = None
            if self._failure:
                return
            try:
                wait = self._sign(not_within=SIGN_EVERY)
            except apsw.BusyError:
                wait = SIGN_EVERY
            except (GuardrailError, apsw.Error, OSError) as error:
                _logger.critical("signing the attempt log: %s", self._fail(error))
                return
            if wait:
                self._sign_soon(wait / SECOND)

    def _sign(self, not_within: int) -> int:
        database = self._database
        database.acquire()
        try:
            database.check_in_place()
            at = time.time_ns()
            return self._signer.sign(database.connection(), at, not_within=not_within)
        finally:
            database.release()

    def _commit(self, writes: Sequence[Write | None]) -> None:
        database = self._database
        with database.lock:
            if self._failure:
                raise LogUnavailable(self._failure)
            database.acquire()
            try:
                self._write_all([write for write in writes if write is not None])
                if any(write is not None and write.record is not None for write in writes):
                    self._sign_soon()
                if database.wal_pages >= CHECKPOINT_PAGES:
                    self._checkpoint()
            finally:
                database.release()

    def _write_all(self, writes: list[Write]) -> None:
        """Commit once. A failed write is never tried again: what reached the disk is unknown."""
        database = self._database
        lazy = self._take_lazy()
        try:
            database.check_in_place()
            connection = database.connection()
            self._size = _transact(connection, writes, _totals(lazy, writes), self._size)
        except apsw.BusyError as error:
            database.close()
            self._give_back(lazy)
            raise LogUnavailable(
                f"the attempt log {database.path} is held by another program ({error}); "
                "close what has it open for writing"
            ) from None
        except (apsw.Error, GuardrailError) as error:
            raise LogUnavailable(self._fail(error)) from None
        except BaseException:
            database.close()  # rolls back what an interrupt left half done
            raise

    def _checkpoint(self) -> None:
        """The batch is durable already, so a failure here stops only what comes after it."""
        try:
            self._database.checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            pass
        except apsw.Error as error:
            _logger.critical("%s", self._fail(error))

    def _fail(self, error: Exception) -> str:
        cause = f"{type(error).__name__}: {error}" if isinstance(error, apsw.Error) else str(error)
        self._failure = (
            f"the attempt log {self._database.path} cannot be written ({cause}); no request is "
            "let through without it: see to the disk and the file, then restart this process"
        )
        self._database.close()
        return self._failure

    def _take_lazy(self) -> _Counts:
        with self._lazy_lock:
            lazy = self._lazy
            self._lazy, self._lazy_size = {}, 0
        return lazy

    def _give_back(self, lazy: Mapping[Bucket, list[int]]) -> None:
        with self._lazy_lock:
            for bucket, numbers in lazy.items():
                for column, number in zip(COLUMNS, numbers, strict=True):
                    _add(self._lazy, bucket, column, number)
                    self._lazy_size += number

    def _after_fork(self) -> None:
        """What was queued belongs to the parent, which will write it."""
        self._lazy_lock = threading.Lock()
        self._lazy, self._lazy_size = {}, 0
        self._timer = None
        self._group.reset()


def _add(counts: _Counts, bucket: Bucket, column: Column, number: int = 1) -> None:
    counts.setdefault(bucket, [0] * len(COLUMNS))[COLUMNS.index(column)] += number


def _totals(lazy: Mapping[Bucket, list[int]], writes: Sequence[Write]) -> _Counts:
    """The counts of attempts without an entry; those with one count when it turns out new."""
    totals = {bucket: [*numbers] for bucket, numbers in lazy.items()}
    for write in writes:
        if write.record is None:
            _add(totals, write.bucket, write.column)
    return totals


def _transact(
    connection: apsw.Connection, writes: Sequence[Write], totals: _Counts, seen: int
) -> int:
    """Commit; the log's size is returned, and must not be below the one `seen` before."""
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


def _append(
    connection: apsw.Connection, writes: Sequence[Write], totals: _Counts, seen: int
) -> int:
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
        _add(totals, write.bucket, write.column)
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
