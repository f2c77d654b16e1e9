"""The attempt log: writing for the guard, reading for auditors."""

from __future__ import annotations

import asyncio
import time
import weakref
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError, InputError, LogUnavailable
from guardrail.log.entries import read_entries
from guardrail.log.event import LogEntry, Pending, make_event
from guardrail.log.opening import make_vault, open_for_reading, open_for_writing
from guardrail.log.personal import read_private
from guardrail.log.policies import EVENT, Policies
from guardrail.log.query import (
    AttemptFilter,
    AttemptRow,
    one_attempt,
    read_attempts,
)
from guardrail.log.record import Write, bucket_of, record_closed, record_opened
from guardrail.log.stats import Stats, read_stats
from guardrail.log.waiting import finished
from guardrail.log.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any, Self

    from guardrail.log.event import Change, Personal
    from guardrail.log.location import Location
    from guardrail.log.session import Session, Store
    from guardrail.log.vault import Vault
    from guardrail.log.worker import Worker
    from guardrail.records import AttemptClosed, AttemptOpened, PolicyRef


class Log:
    """Keeps flagged attempts in full and counts the others; safe across threads and processes.

    `open` and the `close` of a flagged attempt return once they are on disk (fsync). The `close`
    of a plain one is counted with a later write. A log that failed to write stays failed: every
    later `open` raises LogUnavailable until the process is started anew.

    worker: whether it tells of itself in entries; False for tools that guard no requests.
    """

    def __init__(self, location: Location, *, readonly: bool = False, worker: bool = True) -> None:
        self.location = location
        self._vault: Vault | None = None
        self._policies = Policies()
        self._reader: Store | None = None
        self._writer: Writer | None = None
        if readonly:
            self._reader = open_for_reading(location)
        else:
            store, self._vault, signer = open_for_writing(location)
            self._writer = Writer(store, signer, self._vault, worker=worker)
            self._finalizer = weakref.finalize(self, self._writer.shutdown)

    def open(self, entry: AttemptOpened) -> None:
        """Make the opening durable, with its entry if flagged; raises LogUnavailable."""
        self._writing()
        self._tell(entry.decision.policy)
        writer, write = self.opening(entry)
        writer.write(write)

    async def aopen(self, entry: AttemptOpened) -> None:
        """As `open`, without holding up the event loop; a cancelled task waits for the end."""
        if self.seals_slowly(entry):
            await finished(asyncio.to_thread(self.open, entry))
            return
        await self.atell(entry.decision.policy)
        writer, write = self.opening(entry)
        await writer.awrite(write)

    def close(self, entry: AttemptClosed) -> None:
        """Make the end of a flagged attempt durable; queue the count of a plain one.

        Raises LogUnavailable for a flagged attempt that cannot be kept.
        """
        writer, write = self.closing(entry)
        if write.record is None:
            writer.later(write.bucket, write.column)
        else:
            writer.write(write)

    async def aclose(self, entry: AttemptClosed) -> None:
        """As `close`, without holding up the event loop; a cancelled task waits for the end."""
        if self.seals_slowly(entry):
            await finished(asyncio.to_thread(self.close, entry))
            return
        writer, write = self.closing(entry)
        if write.record is None:
            writer.later(write.bucket, write.column, waiting=False)
        else:
            await writer.awrite(write)

    async def atell(self, policy: PolicyRef) -> None:
        """Write what `policy` says, if that is due."""
        if self._policies.is_due(policy):
            await asyncio.to_thread(self._tell, policy)

    @property
    def writer(self) -> Writer:
        """What writes this log; raises LogUnavailable where it is open for reading only."""
        return self._writing()[0]

    def seals_slowly(self, entry: AttemptOpened | AttemptClosed) -> bool:
        """Whether a key service may have to be asked, for which no event loop should wait."""
        return bool(self.location.wrapper) and entry.flagged

    def opening(self, entry: AttemptOpened, worker: Worker | None = None) -> tuple[Writer, Write]:
        """What `open` writes, and with what. worker: who says so, if not this process."""
        writer, vault = self._writing()
        bucket = bucket_of(entry)
        record = None
        if entry.flagged:
            record = record_opened(entry, bucket, vault, self.location.excerpt)
        return writer, Write(bucket, "opened", record, worker)

    def closing(self, entry: AttemptClosed, worker: Worker | None = None) -> tuple[Writer, Write]:
        """What `close` writes, and with what. worker: who says so, if not this process."""
        writer, vault = self._writing()
        bucket = bucket_of(entry.opened)
        record = None
        if entry.flagged:
            record = record_closed(entry, bucket, vault, self.location.excerpt)
        return writer, Write(bucket, entry.outcome.value, record, worker)

    def uses(self, policy: PolicyRef, text: Mapping[str, object]) -> None:
        """Make known what `policy` says; it is written with the first attempt it decides.

        text: what its digest was made from (RFC 8785), so that the entry proves the digest.
        """
        self._policies.add(policy, text)

    def record(
        self,
        event: str,
        fields: Mapping[str, Any],
        *,
        change: Change | None = None,
        personal: Personal | None = None,
    ) -> int:
        """Append the entry `{"event": event, "at": ..., **fields}` and give its number.

        event: lower-case letters and hyphens, not `opened` or `closed`. change: what else is to
        happen in the same transaction. personal: what may have to be erased; the entry only
        commits to it.

        Raises InputError when it cannot be an entry or `change` refuses, and LogUnavailable.
        """
        writer, vault = self._writing()
        private = None
        if personal is not None:
            commitments, private = vault.seal(personal.values, personal.subject, "")
            fields = {**fields, "commitments": commitments}
        pending = Pending(make_event(event, time.time_ns(), fields), change, private)
        writer.write(pending)
        if pending.refused:
            raise InputError(pending.refused)
        return pending.seq

    def entries(
        self,
        events: Collection[str] = (),
        since: int | None = None,
        until: int | None = None,
        *,
        newest_first: bool = False,
    ) -> Iterator[LogEntry]:
        """Entries of these kinds (none: all) written in [since, until) (ns, UTC), in order."""
        return read_entries(self._reading(), events, (since, until), newest_first=newest_first)

    def attempts(self, wanted: AttemptFilter | None = None) -> Iterator[AttemptRow]:
        """Flagged attempts that match, newest first unless asked otherwise.

        Raises ConfigurationError when a user is looked for and the key file is missing, and
        LogUnavailable when the log cannot be read.
        """
        wanted = wanted or AttemptFilter()
        ring = self.vault.ring if wanted.user or wanted.conversation else None
        return read_attempts(self._reading(), wanted, ring)

    def attempt(self, part: str) -> AttemptRow:
        """The attempt whose id is, begins or ends with `part`; InputError unless it is one."""
        with self.reading() as session:
            return one_attempt(session, part)

    def private(self, attempt: str) -> dict[str, Any] | None:
        """What of an attempt (full id) may be erased; None if nothing was kept, or it was erased.

        user, conversation: pseudonyms; prompt_hash; images: SHA-256 of each upload; excerpt: the
        start of the prompt. Those that there were none of are left out. Attempts of schema 1 and 2
        have at most an excerpt here: the rest stands in their entries.

        Raises ConfigurationError when a key is missing or does not fit, or something was changed.
        """
        with self.reading() as session:
            seq = session.value(
                "SELECT coalesce(opened_seq, closed_seq) FROM attempts WHERE attempt = ?",
                (attempt,),
            )
            return None if seq is None else read_private(session, seq, self.vault)

    def excerpt(self, attempt: str) -> str | None:
        """The start of the prompt of an attempt (full id), decrypted; None if none is kept.

        Raises ConfigurationError when a key is missing or does not fit.
        """
        return (self.private(attempt) or {}).get("excerpt")

    def stats(
        self, since: int | None = None, until: int | None = None, by: Iterable[str] = ()
    ) -> Stats:
        """Count attempts opened in [since, until) (ns, UTC, rounded out to hours), grouped."""
        with self.reading() as session:
            return read_stats(session, since, until, by)

    def reading(self) -> AbstractContextManager[Session]:
        """One moment of the log, to be read in SQL. Raises LogUnavailable, ConfigurationError.

        It holds up other readers of this object, and nobody else: copy, then leave.
        """
        return self._reading().reading()

    def ready(self) -> None:
        """Return if an attempt opened now would be kept; for a server's readiness check.

        Writes to the disk and waits for it, as an opening does, and leaves no entry. After a
        failure the log stays failed, as after one of `open`. Raises LogUnavailable.
        """
        writer, _ = self._writing()
        writer.ready()

    def flush(self) -> None:
        """Write the counts that are queued; raises LogUnavailable."""
        if self._writer is not None:
            self._writer.flush()

    def scrub(self, find: Callable[[Session], Collection[bytes] | None] = lambda _: None) -> None:
        """Leave nothing of what was deleted in the files. Raises LogUnavailable.

        find: gives, of one moment, bytes that must be nowhere, to look for; None: rewrite
        everything.
        """
        self._writing()[0].scrub(find)

    def shutdown(self) -> None:
        """Flush and close; done at exit too. May be called twice."""
        if self._writer is not None:
            self._finalizer()
        if self._reader is not None:
            with self._reader.lock:
                self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def _tell(self, policy: PolicyRef) -> None:
        """Write what a policy says, unless the log's last entry of that kind is of the same."""
        if not self._policies.is_due(policy):
            return
        try:
            last = next(self.entries([EVENT], newest_first=True), None)
        except ConfigurationError as error:  # the log was there when it was opened
            raise LogUnavailable(str(error)) from None
        fields = self._policies.entry(policy, last)
        if fields is not None:
            self.record(EVENT, fields)
        self._policies.done(policy)

    @property
    def vault(self) -> Vault:
        """What opens private data and makes pseudonyms; raises ConfigurationError without keys."""
        if self._vault is None:
            self._vault = make_vault(self.location)
        return self._vault

    def _writing(self) -> tuple[Writer, Vault]:
        if self._writer is None or self._vault is None:
            raise LogUnavailable(f"the attempt log {self.location.name} is open for reading only")
        return self._writer, self._vault

    def _reading(self) -> Store:
        """The reading side has a connection of its own, so that it never holds up a writer."""
        if self._reader is None:
            self._reader = open_for_reading(self.location)
        return self._reader
