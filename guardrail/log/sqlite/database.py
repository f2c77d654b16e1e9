"""One log file as this process holds it: its connection, and the lock between processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import apsw

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.session import StoreFailed
from guardrail.log.sqlite.journal import Journal
from guardrail.log.sqlite.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

FLOOR = (3, 51, 3)
_BUSY_MS = 5000
_NO_CHECKPOINT_ON_CLOSE = apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE

_PRAGMAS = (
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA mmap_size=0",
    "PRAGMA journal_size_limit=67108864",
)


def check_version(version: str) -> None:
    """Refuse an SQLite that can lose commits when a checkpoint races a writer (below 3.51.3)."""
    if tuple(map(int, version.split("."))) < FLOOR:
        floor = ".".join(map(str, FLOOR))
        raise ConfigurationError(
            f"SQLite {version} can lose commits of an attempt log; {floor} or later is needed: "
            f"pip install 'apsw>={floor}'"
        )


class Database:
    """A connection that is opened when needed; one thread at a time may use it.

    wal_pages: in the write-ahead log. copied: how many of them this process moved last.

    lock_file: of the writing side; None only reads.
    """

    def __init__(self, path: Path, lock_file: Path | None) -> None:
        check_version(apsw.sqlite_lib_version())
        self.path = path
        self.wal_pages = 0
        self.copied = 0
        self._lock = None if lock_file is None else FileLock(lock_file)
        self._connection: apsw.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._pid = 0
        self._waits: bool | None = None
        self._journal = Journal(path)

    @property
    def writable(self) -> bool:
        """Whether this is the writing side: it has a lock file."""
        return self._lock is not None

    def acquire(self) -> None:
        """Wait until no other process writes; raises LockHeld after 5 s, and LogUnavailable."""
        if self._lock is None:
            return
        try:
            self._lock.acquire()
        except OSError as error:
            raise LogUnavailable(
                f"the attempt log's lock file {self._lock.path} cannot be locked "
                f"({error.strerror}); make its folder writable, on a disk that can lock files"
            ) from None

    def release(self) -> None:
        """Let other processes write; nothing to do once closed."""
        if self._lock is not None:
            self._lock.release()

    def connection(self) -> apsw.Connection:
        """Give this process's connection, opened if need be; a writer must hold the file lock.

        Raises apsw.Error, and LogUnavailable when it may not be used any more.
        """
        if self._connection is None:
            self._connection = self._open()
            self._pid = os.getpid()
        elif self._pid != os.getpid():
            raise LogUnavailable(
                f"the attempt log {self.path} was opened before a fork that Python was not told "
                "of; start workers with os.fork or multiprocessing, or open the log in each"
            )
        return self._connection

    def waiting(self, *, waits: bool) -> apsw.Connection:
        """The connection; `waits`: whether its commits wait for the disk, or `sync` is to.

        Raises apsw.Error, LogUnavailable and StoreFailed.
        """
        connection = self.connection()
        if self._waits is not waits:
            connection.execute(f"PRAGMA synchronous={'FULL' if waits else 'NORMAL'}")
            self._waits = waits
        try:
            self._journal.watch()
        except OSError as error:
            raise StoreFailed(f"its write-ahead log cannot be opened: {error.strerror}") from None
        return connection

    def sync(self) -> None:
        """Wait until the disk has all that was committed; no lock is needed. Raises OSError."""
        self._journal.sync()

    def check_in_place(self) -> None:
        """Raise LogUnavailable when the file was deleted, moved or replaced under us."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 (a third of the time of Path.stat)
            here: tuple[int, int] | None = (found.st_dev, found.st_ino)
        except OSError:
            here = None
        if self._identity is None:
            self._identity = here
        if here is None or here != self._identity:
            raise LogUnavailable(f"{self.path} was moved, deleted or replaced while in use")

    def close(self) -> None:
        """Close the connection and the lock file; both open again when needed."""
        connection, self._connection = self._connection, None
        self._waits = None
        self._journal.close()
        if connection is not None:
            connection.close(force=True)
        if self._lock is not None:
            self._lock.close()

    def checkpoint(self, mode: int) -> None:
        """Move the write-ahead log into the database. Raises apsw.Error.

        Where the file lock is held and nobody reads, the log then begins anew.
        """
        self.wal_pages, self.copied = self.connection().wal_checkpoint(mode=mode)

    def _open(self) -> apsw.Connection:
        if not self.writable:
            return _open_readonly(self.path)
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(_BUSY_MS)
        connection.config(_NO_CHECKPOINT_ON_CLOSE, 1)
        mode = connection.pragma("journal_mode", "wal")
        if mode != "wal":
            raise ConfigurationError(
                f"{self.path} cannot use a write-ahead log (journal mode {mode}); "
                "put the attempt log on a local disk"
            )
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.set_wal_hook(self.count_pages)
        return connection

    def count_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        """Called by SQLite after each commit, with the length of the write-ahead log."""
        if pages < self.wal_pages:
            self.copied = 0
        self.wal_pages = pages
        return apsw.SQLITE_OK


def _open_readonly(path: Path) -> apsw.Connection:
    connection = _try_readonly(f"{path.as_uri()}?mode=ro")
    wal = path.with_name(path.name + "-wal")
    if connection is None and not (wal.exists() and wal.stat().st_size):
        connection = _try_readonly(f"{path.as_uri()}?immutable=1")  # a copy on read-only storage
    if connection is None:
        raise apsw.CantOpenError(f"unable to open {path}")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _try_readonly(uri: str) -> apsw.Connection | None:
    try:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(uri, flags=flags)
        connection.set_busy_timeout(_BUSY_MS)
        connection.config(_NO_CHECKPOINT_ON_CLOSE, 1)
        connection.pragma("schema_version")
    except apsw.CantOpenError:
        return None
    return connection
