"""One SQLite log as this process holds it."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import apsw

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.files import sync_folder
from guardrail.log.forks import watch_forks
from guardrail.log.session import StoreBusy, StoreDamaged, StoreFailed
from guardrail.log.sqlite.database import Database
from guardrail.log.sqlite.disk import check_disk
from guardrail.log.sqlite.lock import LockHeld
from guardrail.log.sqlite.migrate import ENTRIES, migrate
from guardrail.log.sqlite.seal import PRIVATE, seal_older
from guardrail.log.sqlite.search import found_in
from guardrail.log.sqlite.session import DAMAGED, SqliteSession, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from guardrail.log.location import Location
    from guardrail.log.session import Session, WriteSession
    from guardrail.log.vault import Vault

APPLICATION_ID = 0x47524C47  # "GRLG"
CHECKPOINT_PAGES = 1000
MOST_PAGES = 4 * CHECKPOINT_PAGES
ROOM = 1 << 20
_PASSED = 64


class SqliteStore:
    """See Store. A writing one takes the lock file beside the database while it writes."""

    def __init__(self, location: Location, *, readonly: bool) -> None:
        self.name = str(location.path)
        self._path = location.path
        self.lock = threading.Lock()
        self.before_fork: Callable[[], None] | None = None
        self.after_fork: Callable[[], None] | None = None
        self.on_fork: Callable[[], None] | None = None
        self.database = Database(location.path, None if readonly else location.lock)
        watch_forks(self)

    @contextmanager
    def exclusive(self) -> Iterator[SqliteSession]:
        """See Store. It ends well only where the disk took all that was written."""
        with self._turn(waits=True) as session:
            yield session
            check_disk(self.name)

    @contextmanager
    def appending(self) -> Iterator[SqliteSession]:
        """See Store. Its commits are on the disk once another process may be writing already.

        The write-ahead log is one file, so that a later process that waits for the disk waits for
        all that came before.
        """
        with self._turn(waits=False) as session:
            yield session
        try:
            self.database.sync()
        except OSError as error:
            raise StoreFailed(f"the disk did not take it: {error.strerror}") from None
        check_disk(self.name)
        if self._is_long():
            self._checkpoint()

    @contextmanager
    def _turn(self, *, waits: bool) -> Iterator[SqliteSession]:
        """Hold the lock between processes. waits: whether each commit waits for the disk."""
        database = self.database
        try:
            database.acquire()
        except LockHeld as error:
            raise StoreBusy(
                f"the attempt log {self.name} is {error}; if that process does not go on, end it"
            ) from None
        except LogUnavailable as error:
            raise StoreBusy(str(error)) from None
        try:
            database.check_in_place()
            check_disk(self.name)  # before anything builds on what the last one wrote
            with translated():
                yield SqliteSession(database.waiting(waits=waits))
        except StoreBusy as error:
            database.close()
            raise StoreBusy(
                f"the attempt log {self.name} is held by another program ({error}); "
                "close what has it open for writing"
            ) from None
        finally:
            database.release()

    @contextmanager
    def reading(self) -> Iterator[SqliteSession]:
        """See Store."""
        with self.lock:
            try:
                connection = self.database.connection()
                with connection:
                    yield SqliteSession(connection)
            except (*DAMAGED, UnicodeDecodeError) as error:
                raise ConfigurationError(
                    f"{self.name} is damaged or not an attempt log ({error})"
                ) from None
            except apsw.Error as error:
                raise LogUnavailable(f"{self.name} cannot be read ({error})") from None

    def touch(self, session: WriteSession) -> None:
        """See Store. One page may still fit where an attempt does not, so room is looked for."""
        try:
            with TemporaryFile(dir=self._path.parent) as file:
                file.write(bytes(ROOM))
                file.flush()
        except OSError as error:
            raise LogUnavailable(
                f"the attempt log {self.name} has no room to grow by {ROOM >> 20} MiB "
                f"({error.strerror}); see to the disk"
            ) from None
        session.execute("UPDATE frontier SET state = state")

    def tidy(self, *, closing: bool = False) -> None:
        """Fold the write-ahead log in, once it is very long or at the end. See Store.

        Until then it is copied bit by bit by `appending`, without the lock: it goes on growing.
        """
        pages = self.database.wal_pages
        if pages >= MOST_PAGES or (closing and pages):
            self._checkpoint()

    def _is_long(self) -> bool:
        """Whether this process is to copy the write-ahead log: it has just passed a thousand pages.

        Those who write after it see the same length, or little more, and leave it alone.
        """
        pages, new = self.database.wal_pages, self.database.wal_pages - self.database.copied
        return pages % CHECKPOINT_PAGES < _PASSED and 2 * new >= CHECKPOINT_PAGES

    def _checkpoint(self) -> None:
        try:
            self.database.checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            pass
        except apsw.Error as error:
            raise StoreFailed(f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        """See Store."""
        self.database.close()

    def is_new(self) -> bool:
        """See Store."""
        return not (self._path.is_file() and (not self.database.writable or self._size()))

    def prepare(self) -> None:
        """See Store."""
        if not self._path.exists():
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            sync_folder(self._path.parent)

    def schema(self, session: Session) -> int:
        """See Store."""
        found = session.value("PRAGMA application_id")
        if found == 0 and session.value("SELECT count(*) FROM sqlite_master") == 0:
            return 0
        if found != APPLICATION_ID:
            raise ConfigurationError(f"{self.name} is a database, but not an attempt log")
        return int(session.value("SELECT value FROM meta WHERE key = 'schema'") or 0)

    def create(self, session: WriteSession) -> None:
        """See Store."""
        for file in (ENTRIES, ENTRIES.with_name("schema.sql"), PRIVATE):
            session.execute(file.read_text("utf-8"))
        session.execute(f"PRAGMA application_id={APPLICATION_ID}")

    def upgrade(self, session: WriteSession, verifier_key: str, vault: Vault) -> None:
        """See Store."""
        if self.schema(session) == 1:
            migrate(self.database.connection(), session, verifier_key)
        seal_older(self.database.connection(), session, vault)

    def scrub(self, needles: Collection[bytes] | None) -> None:
        """Fold the write-ahead log in and empty it; rewrite the file where that is not enough.

        Deleted rows are overwritten (`secure_delete`), but pages that were split may still hold
        copies of what was moved to others: the files are searched for `needles`.
        """
        self.fold()
        if needles is None or self.holds(needles):
            with translated():
                self.database.connection().execute("VACUUM")
            self.fold()
        if self.holds(needles or ()):
            raise LogUnavailable(f"what was erased is still in the files of {self.name}")

    def fold(self) -> None:
        """See Store."""
        with translated():
            self.database.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def holds(self, needles: Collection[bytes]) -> bool:
        """See Store."""
        names = [self._path.name + end for end in ("", "-wal")]
        return any(found_in(self._path.with_name(name), needles) for name in names)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """See Store."""
        try:
            yield
        except (StoreDamaged, *DAMAGED) as error:
            raise ConfigurationError(
                f"{self.name} is damaged or not an attempt log ({error}); move it away to start "
                "a new one, or put a backup back"
            ) from None
        except (StoreBusy, StoreFailed, apsw.Error) as error:
            raise LogUnavailable(
                f"the attempt log {self.name} cannot be opened ({error})"
            ) from None
        except OSError as error:
            raise LogUnavailable(
                f"the attempt log {self.name} cannot be opened ({error.strerror}: "
                f"{error.filename}); make its folder writable, with room on the disk"
            ) from None

    def _size(self) -> int:
        return self._path.stat().st_size
