"""One log in PostgreSQL as this process holds it."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.forks import watch_forks
from guardrail.log.postgres.server import IS_THERE, Server, StoreLost
from guardrail.log.postgres.session import PostgresSession, PostgresWriteSession, Progress, waits
from guardrail.log.session import StoreBusy, StoreDamaged, StoreFailed
from guardrail.log.times import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    from guardrail.log.location import Location
    from guardrail.log.session import Session, WriteSession
    from guardrail.log.vault import Vault

_SCHEMA = Path(__file__).with_name("schema.sql")
_SCHEMA_IS_THERE = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'guardrail')"
_OURS = "CREATE SCHEMA IF NOT EXISTS guardrail;"
_ERASABLE = """SELECT tablename FROM pg_tables WHERE schemaname = 'guardrail'
 AND tablename IN ('attempts', 'data_keys', 'private') ORDER BY 1"""
_FORGET = "DELETE FROM writers WHERE id = %s OR at < %s"
_KEPT = 30 * 24 * HOUR
CLEARED = 10.0


class PostgresStore:
    """See Store. On one machine, processes take turns by a lock file; machines by the sequencer."""

    def __init__(self, location: Location, *, readonly: bool) -> None:
        self.name = location.name
        self._location = location
        self._readonly = readonly
        self.lock = threading.Lock()
        self.before_fork: Callable[[], None] | None = None
        self.after_fork: Callable[[], None] | None = None
        self.on_fork: Callable[[], None] | None = None
        self.server = Server(location, readonly=readonly)
        self._turn = -1
        self._progress = Progress()
        self._pid = os.getpid()
        watch_forks(self)

    @contextmanager
    def exclusive(self) -> Iterator[PostgresWriteSession]:
        """See Store."""
        self._take_turn()
        session = PostgresWriteSession(self.server, self._own_progress())
        try:
            session.retried(self.server.learn)
            yield session
        except StoreLost as error:
            raise StoreBusy(
                f"the attempt log {self.name} cannot be reached ({error}); nothing was written"
            ) from None
        except StoreBusy as error:
            raise StoreBusy(
                f"the attempt log {self.name} is held by another program ({error}); nothing was "
                "written"
            ) from None
        finally:
            session.rollback()
            self._end_turn()

    def appending(self) -> AbstractContextManager[PostgresWriteSession]:
        """See Store: the server lets others go on before it waits for its disk."""
        return self.exclusive()

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        """See Store. A connection that was lost meanwhile is made anew first."""
        with self.lock:
            session = PostgresSession(self.server)
            try:
                self._revive(session)
                yield session
            except StoreDamaged as error:
                raise ConfigurationError(
                    f"{self.name} is damaged or not an attempt log ({error})"
                ) from None
            except (StoreBusy, StoreFailed) as error:
                raise LogUnavailable(f"{self.name} cannot be read ({error})") from None
            finally:
                session.rollback()

    def touch(self, session: WriteSession) -> None:
        """See Store: room is the server's to look after."""
        session.execute("UPDATE frontier SET state = state")

    def tidy(self, *, closing: bool = False) -> None:
        """At the end, forget what this process committed last; others do where it cannot."""
        if closing:
            with suppress(StoreBusy, StoreFailed), self.server.translated():
                old = (self._progress.id, time.time_ns() - _KEPT)
                self.server.connection().execute(_FORGET, old)

    def fold(self) -> None:
        """See Store: the server's journal is its own."""

    def holds(self, needles: Collection[bytes]) -> bool:
        """See Store: the server keeps old versions of rows, and its files are not searched."""
        return bool(needles)

    def scrub(self, needles: Collection[bytes] | None) -> None:
        """Write the tables of what may be erased anew, inside `exclusive` and no transaction.

        The server keeps old versions of rows until then. Its write-ahead log, replicas and backups
        are out of reach, and so is searching its files for `needles`.

        Raises ConfigurationError unless the role owns the tables, StoreBusy when somebody reads
        them all the while, LogUnavailable when somebody may see what was deleted, StoreFailed.
        """
        del needles
        self._end_turn()  # others write between the tables, and while an older transaction ends
        with self.server.translated():
            self.server.connection().execute("ROLLBACK")  # of what was read to know what to scrub
            found = self.server.connection().execute(_ERASABLE).fetchall()
        for (name,) in found:
            if not any(self.server.rewrite(name) for _ in waits(CLEARED)):
                raise LogUnavailable(
                    f"what was erased from {self.name} is still in its files: an older "
                    f"transaction on the server may see it ({name})"
                )

    def close(self) -> None:
        """See Store."""
        self.server.close()
        if self._turn >= 0:
            os.close(self._turn)
            self._turn = -1

    def is_new(self) -> bool:
        """See Store. Raises ConfigurationError where a writer lacks the files of a log."""
        if not self.server.is_there():
            return True
        if not self._readonly:
            self._check_files()
        return False

    def prepare(self) -> None:
        """See Store."""

    def schema(self, session: Session) -> int:
        """See Store."""
        if not session.value(IS_THERE):
            return 0
        found = session.value("SELECT value FROM meta WHERE key = 'schema'")
        if found is None or not found.isdecimal():
            raise ConfigurationError(f"{self.name} is a database, but not an attempt log")
        return int(found)

    def create(self, session: WriteSession) -> None:
        """See Store. Of two machines that begin at once, the second is told to copy."""
        if session.value(IS_THERE):
            raise ConfigurationError(
                f"another machine has just made the attempt log {self.name}; {self._copying()}"
            )
        text = _SCHEMA.read_text("utf-8")
        there = session.value(_SCHEMA_IS_THERE)
        session.execute(text.replace(_OURS, "") if there else text)

    def upgrade(self, session: WriteSession, verifier_key: str, vault: Vault) -> None:
        """See Store."""
        del verifier_key, vault
        raise ConfigurationError(
            f"the attempt log {self.name} has schema {self.schema(session)}, which no Guardrail "
            "wrote into PostgreSQL"
        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """See Store."""
        try:
            yield
        except StoreDamaged as error:
            raise ConfigurationError(
                f"{self.name} is damaged or not an attempt log ({error}); give another database, "
                "or put a backup back"
            ) from None
        except (StoreBusy, StoreFailed) as error:
            raise LogUnavailable(
                f"the attempt log {self.name} cannot be opened ({error})"
            ) from None
        except OSError as error:
            raise LogUnavailable(
                f"the attempt log {self.name} cannot be opened ({error.strerror}: "
                f"{error.filename}); make the folder of its files writable, with room on the disk"
            ) from None

    def _check_files(self) -> None:
        location = self._location
        wanted = (location.key, location.signing_key)
        missing = [path.name for path in wanted if not path.exists()]
        if missing:
            raise ConfigurationError(
                f"the attempt log {self.name} is there, but not {', '.join(missing)} in "
                f"{location.path.parent}; {self._copying()}"
            )

    def _copying(self) -> str:
        files = f"{self._location.path.name}.key, .signing-key and .checkpoint"
        return (
            f"copy {files} here from a machine that writes this log, with mode 600 (no key is "
            "made anew for an existing log)"
        )

    def _own_progress(self) -> Progress:
        """A forked child is another writer."""
        if self._pid != os.getpid():
            self._pid, self._progress = os.getpid(), Progress()
        return self._progress

    def _revive(self, session: PostgresSession) -> None:
        """Take the snapshot; once more where the server was restarted since the last one."""
        try:
            session.value("SELECT 1")
        except StoreLost:
            session.rollback()
            session.value("SELECT 1")

    def _take_turn(self) -> None:
        path = self._location.lock
        try:
            if self._turn < 0:
                self._turn = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        except OSError as error:
            raise LogUnavailable(
                f"the attempt log's lock file {path} cannot be locked ({error.strerror}); make "
                "its folder writable, on a disk that can lock files"
            ) from None

    def _end_turn(self) -> None:
        if self._turn >= 0:
            fcntl.flock(self._turn, fcntl.LOCK_UN)


def look_at(location: Location) -> tuple[str, bool]:
    """What the server is, in one line, and whether it holds a log; changes nothing.

    Raises ConfigurationError when it may not hold one, LogUnavailable when it does not answer.
    """
    store = PostgresStore(location, readonly=False)
    try:
        with store.explained():
            return store.server.about(), store.server.is_there()
    finally:
        store.close()
