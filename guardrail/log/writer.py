"""Makes writes durable: one transaction a batch, under the lock between processes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import apsw

from guardrail.errors import GuardrailError, LogUnavailable
from guardrail.log.append import Batch, Counts, add_count, total_counts, transact
from guardrail.log.group import GroupCommit
from guardrail.log.record import COLUMNS, Bucket, Column, Write
from guardrail.log.times import SECOND
from guardrail.log.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.log.database import Database
    from guardrail.log.signing import Signer

MAX_LAZY = 256
CHECKPOINT_PAGES = 1000
SIGN_EVERY = SECOND

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
        self._worker = Worker()
        self._timer: threading.Timer | None = None
        self._group: GroupCommit[Write | None] = GroupCommit(self._commit)
        self._failure = ""
        self._lazy_lock = threading.Lock()
        self._lazy: Counts = {}
        self._lazy_size = 0
        database.before_fork, database.after_fork = self._pause, self._resume
        database.on_fork = self._begin_anew
        if signer.unsigned:
            self._sign_soon()

    def write(self, write: Write) -> None:
        """Return once `write` is on disk; raises LogUnavailable."""
        self._group.submit(write)

    def later(self, bucket: Bucket, column: Column) -> None:
        """Count with the next commit, and at the latest after 256 calls; never raises for it."""
        with self._lazy_lock:
            add_count(self._lazy, bucket, column)
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
                self._stop()
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

    def _stop(self) -> None:
        self._database.acquire()
        try:
            self._write_all([], ending=True)
        finally:
            self._database.release()

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
                before = self._size
                self._write_all([write for write in writes if write is not None])
                if self._size != before:
                    self._sign_soon()
                if database.wal_pages >= CHECKPOINT_PAGES:
                    self._checkpoint()
            finally:
                database.release()

    def _write_all(self, writes: list[Write], *, ending: bool = False) -> None:
        """Commit once. A failed write is never tried again: what reached the disk is unknown."""
        database = self._database
        lazy = self._take_lazy()
        try:
            database.check_in_place()
            connection = database.connection()
            note = self._worker.note(time.time_ns(), ending=ending)
            batch = Batch(writes, total_counts(lazy, writes), note, self._size)
            self._size, kept = transact(connection, batch)
            self._worker.wrote(note, batch.totals, kept)
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

    def _take_lazy(self) -> Counts:
        with self._lazy_lock:
            lazy = self._lazy
            self._lazy, self._lazy_size = {}, 0
        return lazy

    def _give_back(self, lazy: Mapping[Bucket, list[int]]) -> None:
        with self._lazy_lock:
            for bucket, numbers in lazy.items():
                for column, number in zip(COLUMNS, numbers, strict=True):
                    add_count(self._lazy, bucket, column, number)
                    self._lazy_size += number

    def _pause(self) -> None:
        """No thread of ours may run while the process forks."""
        timer = self._timer
        if timer is not None:
            timer.cancel()
            timer.join()

    def _resume(self) -> None:
        with self._database.lock:
            if self._timer is not None and not self._timer.is_alive() and not self._failure:
                self._timer = None
                self._sign_soon()

    def _begin_anew(self) -> None:
        """What was queued belongs to the parent, which will write it."""
        self._lazy_lock = threading.Lock()
        self._lazy, self._lazy_size = {}, 0
        self._timer = None
        self._worker.begin()
        self._group.reset()
