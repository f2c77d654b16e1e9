"""Makes writes durable: one transaction a batch, under the lock between processes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from guardrail.errors import GuardrailError, InputError, LogUnavailable
from guardrail.log.append import Batch, Counts, add_count, total_counts, transact
from guardrail.log.event import Pending
from guardrail.log.group import GroupCommit
from guardrail.log.opening import check_schema
from guardrail.log.record import COLUMNS, Bucket, Column, Write
from guardrail.log.session import StoreBusy, StoreFailed
from guardrail.log.times import SECOND
from guardrail.log.waiting import settled
from guardrail.log.worker import Worker, credit, notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from guardrail.log.group import Done, Soon, Take
    from guardrail.log.session import Session, Store, WriteSession
    from guardrail.log.signing import Signer
    from guardrail.log.vault import Vault

MAX_LAZY = 256
SIGN_EVERY = SECOND

_logger = logging.getLogger(__name__)


def _noted(error: str) -> None:
    if error:
        _logger.critical("%s", error)


class Writer:
    """Writes entries and counts; after a failed write it takes no more (fail closed).

    What was written is signed within about a second, at most once a second among all processes,
    and at shutdown. worker: whether it tells of itself in entries of its own.
    """

    def __init__(self, store: Store, signer: Signer, vault: Vault, *, worker: bool = True) -> None:
        self._store = store
        self._signer = signer
        self._vault = vault
        self._size = 0
        self._worker = Worker(silent=not worker)
        self._timer: threading.Timer | None = None
        self._group: GroupCommit[Write | Pending | None] = GroupCommit(self._commit)
        self._failure = ""
        self._lazy_lock = threading.Lock()
        self._lazy: Counts = {}
        self._lazy_size = 0
        store.before_fork, store.after_fork = self._pause, self._resume
        store.on_fork = self._begin_anew
        if signer.unsigned:
            self._sign_soon()

    def check(self) -> None:
        """Raise LogUnavailable if nothing can be written any more."""
        if self._failure:
            raise LogUnavailable(self._failure)

    def ready(self) -> None:
        """Make a change durable that changes nothing; raises LogUnavailable."""
        with self._store.lock:
            self.check()
            try:
                with self._store.exclusive() as session:
                    check_schema(session, self._store.name)
                    self._store.touch(session)
                    self._tidy()
            except LogUnavailable:
                raise
            except StoreBusy as error:
                raise LogUnavailable(str(error)) from None
            except (StoreFailed, GuardrailError) as error:
                raise LogUnavailable(self._fail(error)) from None

    def write(self, write: Write | Pending) -> None:
        """Return once `write` is on disk; raises LogUnavailable."""
        self._group.submit(write)

    def post(self, write: Write | Pending | None, done: Done, soon: Soon) -> None:
        """As `write`, but return at once: `done` is called when it is over. See GroupCommit."""
        self._group.post(write, done, soon)

    async def awrite(self, write: Write | Pending) -> None:
        """As `write`, without holding up the event loop; a cancelled task waits for the end."""
        await settled(lambda done, soon: self._group.post(write, done, soon))

    def later(self, bucket: Bucket, column: Column, *, waiting: bool = True) -> None:
        """Count with the next commit, and at the latest after 256 calls; never raises for it.

        waiting: whether that commit may take place in the calling thread.
        """
        with self._lazy_lock:
            add_count(self._lazy, bucket, column)
            self._lazy_size += 1
            due = self._lazy_size % MAX_LAZY == 0
        if not due or self._failure:
            return
        if not waiting:
            self._group.post(None, _noted)
            return
        try:
            self.flush()
        except LogUnavailable as error:
            _noted(str(error))

    def flush(self) -> None:
        """Write what `later` has queued; raises LogUnavailable."""
        if self._lazy_size:
            self._group.submit(None)

    def scrub(self, find: Callable[[Session], Collection[bytes] | None]) -> None:
        """Leave nothing of deleted rows in the files. Raises LogUnavailable, ConfigurationError.

        find: gives, of one moment, bytes that must be nowhere; None: rewrite everything. Writers
        wait while the journal is folded in, and while the files are rewritten if they must be, not
        while they are searched.
        """
        found: list[Collection[bytes] | None] = []

        def fold(session: WriteSession) -> None:
            found.append(find(session))
            self._store.fold()

        self._alone(fold)
        if found[0] is None or self._store.holds(found[0]):
            self._alone(lambda session: self._store.scrub(find(session)))

    def _alone(self, do: Callable[[WriteSession], None]) -> None:
        """Do what is no transaction, while nobody writes."""
        with self._store.lock:
            self.check()
            try:
                with self._store.exclusive() as session:
                    do(session)
            except StoreBusy as error:
                raise LogUnavailable(str(error)) from None
            except StoreFailed as error:
                raise LogUnavailable(self._fail(error)) from None

    def shutdown(self) -> None:
        """Flush, sign and close; later writes raise LogUnavailable. May be called twice."""
        if self._failure:
            return
        try:
            self.flush()
            with self._store.lock:
                self._finish()
        except (GuardrailError, StoreBusy, StoreFailed, OSError) as error:
            _logger.critical("closing the attempt log: %s", error)
        finally:
            with self._store.lock:
                self._failure = self._failure or f"the attempt log {self._store.name} is shut down"
                self._store.close()
                timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            self._group.rest()

    def _finish(self) -> None:
        self._write_all(tuple, ending=True)
        with self._store.exclusive() as session:
            self._signer.sign(session, time.time_ns())
            self._store.tidy(closing=True)

    def _sign_soon(self, delay: float = SIGN_EVERY / SECOND) -> None:
        """Sign after `delay` seconds, from a thread of its own; the store's lock is held."""
        if self._timer is not None:
            return
        self._timer = threading.Timer(delay, self._sign_due)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:  # the interpreter is shutting down: `shutdown` signs
            self._timer = None

    def _sign_due(self) -> None:
        with self._store.lock:
            self._timer = None
            if self._failure:
                return
            try:
                with self._store.exclusive() as session:
                    wait = self._signer.sign(session, time.time_ns(), not_within=SIGN_EVERY)
            except StoreBusy:
                wait = SIGN_EVERY
            except (GuardrailError, StoreFailed, OSError) as error:
                _logger.critical("signing the attempt log: %s", self._fail(error))
                return
            if wait:
                self._sign_soon(wait / SECOND)

    def _commit(self, take: Take[Write | Pending | None]) -> None:
        """One transaction, and one more for each change: what is refused is refused alone."""
        changes: list[Pending] = []

        def rest() -> Sequence[Write | Pending] | None:
            writes = [write for write in take() if write is not None]
            changes.extend(write for write in writes if isinstance(write, Pending) and write.change)
            if not changes:
                return writes
            return [write for write in writes if write not in changes] or None

        with self._store.lock:
            self.check()
            self._write_all(rest)
            for change in changes:
                try:
                    self._write_all([change].copy)
                except InputError as error:
                    change.refused = str(error)

    def _write_all(
        self, take: Callable[[], Sequence[Write | Pending] | None], *, ending: bool = False
    ) -> None:
        """Commit once. A failed write is never tried again: what reached the disk is unknown.

        take: called when it is this process's turn to write; None: there is nothing to commit.
        """
        lazy: Counts = {}
        try:
            with self._store.appending() as session:
                writes = take()
                if writes is not None:
                    lazy = self._take_lazy()
                    self._transact(session, writes, lazy, ending=ending)
                    self._tidy()
        except StoreBusy as error:
            self._give_back(lazy)
            raise LogUnavailable(str(error)) from None
        except InputError:
            self._give_back(lazy)
            raise
        except (StoreFailed, GuardrailError) as error:
            raise LogUnavailable(self._fail(error)) from None
        except BaseException:
            self._store.close()  # rolls back what an interrupt left half done
            raise

    def _transact(
        self,
        session: WriteSession,
        writes: Sequence[Write | Pending],
        lazy: Counts,
        *,
        ending: bool,
    ) -> None:
        check_schema(session, self._store.name)
        events = [write for write in writes if isinstance(write, Pending)]
        attempts = [write for write in writes if isinstance(write, Write)]
        at = time.time_ns()
        note = self._worker.note(at, ending=ending)
        notes = notes_of(attempts, at)
        events += map(Pending, notes.values())
        kept = [write for write in attempts if write.record is not None]
        batch = Batch(kept, total_counts(lazy, attempts), note, events, self._size, self._vault)
        try:
            done = transact(session, batch)
        except InputError:
            session.rollback()
            raise
        ours = credit(attempts, done.by, batch.totals, notes)
        self._worker.wrote(note, batch.totals, ours)
        if done.size != self._size:
            self._size = done.size
            if not ending:
                self._sign_soon()

    def _tidy(self) -> None:
        """The batch is durable already, so a failure here stops only what comes after it."""
        try:
            self._store.tidy()
        except StoreFailed as error:
            _logger.critical("%s", self._fail(error))

    def _fail(self, error: Exception) -> str:
        self._failure = (
            f"the attempt log {self._store.name} cannot be written ({error}); no request is "
            "let through without it: see to the disk and the file, then restart this process"
        )
        self._store.close()
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
        self._group.rest()
        timer = self._timer
        if timer is not None:
            timer.cancel()
            timer.join()

    def _resume(self) -> None:
        with self._store.lock:
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
