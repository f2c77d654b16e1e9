"""The attempt log in one SQLite file: writing for the guard, reading for auditors."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import apsw

from guardrail.errors import ConfigurationError, InputError, LogUnavailable
from guardrail.log.database import Database
from guardrail.log.keys import Keys, load_keys
from guardrail.log.query import (
    AttemptFilter,
    AttemptRow,
    find_attempts,
    read_attempts,
    read_excerpt,
)
from guardrail.log.record import Write, bucket_of, record_closed, record_opened
from guardrail.log.setup import open_for_reading, open_for_writing
from guardrail.log.stats import Stats, read_stats
from guardrail.log.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self, TypeVar

    from guardrail.log.location import Location
    from guardrail.records import AttemptClosed, AttemptOpened

    T = TypeVar("T")


class SqliteLog:
    """Keeps flagged attempts in full and counts the others; safe across threads and processes.

    `open` and the `close` of a flagged attempt return once they are on disk (fsync). The `close`
    of a plain one is counted with a later write. A log that failed to write stays failed: every
    later `open` raises LogUnavailable until the process is started anew.
    """

    def __init__(self, location: Location, *, readonly: bool = False) -> None:
        self.location = location
        self._keys: Keys | None = None
        self._reader: Database | None = None
        self._writer: Writer | None = None
        if readonly:
            self._reader = open_for_reading(location)
        else:
            database, self._keys, signer = open_for_writing(location)
            self._writer = Writer(database, signer)
            self._finalizer = weakref.finalize(self, self._writer.shutdown)

    def open(self, entry: AttemptOpened) -> None:
        """Make the opening durable, with its entry if flagged; raises LogUnavailable."""
        writer, keys = self._writing()
        bucket = bucket_of(entry)
        record = None
        if entry.flagged:
            record = record_opened(entry, bucket, keys, self.location.excerpt)
        writer.write(Write(bucket, "opened", record))

    def close(self, entry: AttemptClosed) -> None:
        """Make the end of a flagged attempt durable; queue the count of a plain one.

        Raises LogUnavailable for a flagged attempt that cannot be kept.
        """
        writer, keys = self._writing()
        bucket = bucket_of(entry.opened)
        if entry.flagged:
            record = record_closed(entry, bucket, keys, self.location.excerpt)
            writer.write(Write(bucket, entry.outcome.value, record))
        else:
            writer.later(bucket, entry.outcome.value)

    def attempts(self, wanted: AttemptFilter | None = None) -> Iterator[AttemptRow]:
        """Flagged attempts that match, newest first unless asked otherwise.

        Raises ConfigurationError when a user is looked for and the key file is missing, and
        LogUnavailable when the file cannot be read.
        """
        wanted = wanted or AttemptFilter()
        keys = self._key() if wanted.user or wanted.conversation else None
        rows = read_attempts(self._reading(), wanted, keys)
        while (row := self._guarded(lambda: next(rows, None))) is not None:
            yield row

    def attempt(self, part: str) -> AttemptRow:
        """The attempt whose id is, begins or ends with `part`; InputError unless it is one."""
        if not part:
            raise InputError("an empty id names no attempt")
        found = self._guarded(lambda: find_attempts(self._reading(), part))
        if len(found) != 1:
            many = "no attempt in the log has" if not found else "more than one attempt has"
            raise InputError(f"{many} an id that begins or ends with {part!r}")
        return found[0]

    def excerpt(self, attempt: str) -> str | None:
        """The start of the prompt of an attempt (full id), decrypted; None if none was kept.

        Raises ConfigurationError when the key file is missing or does not fit.
        """
        sealed = self._locked(lambda connection: read_excerpt(connection, attempt))
        return None if sealed is None else self._key().unseal(*sealed, attempt)

    def stats(
        self, since: int | None = None, until: int | None = None, by: Iterable[str] = ()
    ) -> Stats:
        """Count attempts opened in [since, until) (ns, UTC, rounded out to hours), grouped."""
        return self._locked(lambda connection: read_stats(connection, since, until, by))

    def flush(self) -> None:
        """Write the counts that are queued; raises LogUnavailable."""
        if self._writer is not None:
            self._writer.flush()

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

    def _writing(self) -> tuple[Writer, Keys]:
        if self._writer is None or self._keys is None:
            raise LogUnavailable(f"the attempt log {self.location.path} is open for reading only")
        return self._writer, self._keys

    def _reading(self) -> Database:
        """The reading side has a connection of its own, so that it never holds up a writer."""
        if self._reader is None:
            self._reader = open_for_reading(self.location)
        return self._reader

    def _key(self) -> Keys:
        if self._keys is None:
            self._keys = load_keys(self.location.key)
        return self._keys

    def _locked(self, read: Callable[[apsw.Connection], T]) -> T:
        database = self._reading()

        def locked() -> T:
            with database.lock:
                return read(database.connection())

        return self._guarded(locked)

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as error:
            raise ConfigurationError(f"{self.location.path} is damaged ({error})") from None
        except apsw.Error as error:
            raise LogUnavailable(f"{self.location.path} cannot be read ({error})") from None
