"""What a witness must never forget: its key, and what it cosigned last of every log."""

from __future__ import annotations

import fcntl
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import apsw

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError
from guardrail.chain.keys import SEED_SIZE, Algorithm, SigningKey
from guardrail.chain.note import Note
from guardrail.errors import ConfigurationError
from guardrail.log.files import sync_folder
from guardrail.log.keys import create_secret, read_secret
from guardrail.log.sqlite.database import check_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

APPLICATION_ID = 0x47525754  # "GRWT"
MAX_REFUSED = 1000
_BUSY_MS = 5000
_SCHEMA = """
CREATE TABLE logs (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, at INTEGER NOT NULL,
 note BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE refused (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, origin TEXT NOT NULL,
 status INTEGER NOT NULL, request BLOB NOT NULL) STRICT;
CREATE TRIGGER logs_only_grow BEFORE UPDATE ON logs
 WHEN new.size < old.size OR new.origin <> old.origin
 BEGIN SELECT raise(ABORT, 'a witness never goes back'); END;
CREATE TRIGGER logs_stay BEFORE DELETE ON logs
 BEGIN SELECT raise(ABORT, 'a witness never forgets'); END;
"""
_LAST = "SELECT at, note FROM logs WHERE origin = ?"
_ALL = """SELECT origin, at, note, (SELECT count(*) FROM refused AS r WHERE r.origin = l.origin)
 FROM logs AS l ORDER BY origin"""
_KEEP = """INSERT INTO logs VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
 SET size = excluded.size, at = excluded.at, note = excluded.note"""
_REFUSE = """INSERT INTO refused (at, origin, status, request) SELECT ?1, ?2, ?3, ?4
 WHERE NOT EXISTS (SELECT 1 FROM refused WHERE origin = ?2 AND request = ?4)"""
_FORGET = "DELETE FROM refused WHERE number <= (SELECT max(number) FROM refused) - ?"
_REFUSED = "SELECT at, status, request FROM refused WHERE origin = ? ORDER BY number"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of a witness."""

    folder: Path

    @property
    def key(self) -> Path:
        """Its signing key."""
        return self.folder / "key"

    @property
    def database(self) -> Path:
        """What it cosigned."""
        return self.folder / "state.db"

    @property
    def lock(self) -> Path:
        """The file that a running witness locks; empty."""
        return self.folder / "lock"


class Cosigned(NamedTuple):
    """What a witness cosigned last of one log. at: seconds since the epoch; refused: how often."""

    origin: str
    at: int
    note: bytes
    refused: int = 0

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says; raises EvidenceError when it is damaged."""
        return Checkpoint.parse(Note.parse(self.note).text)


def make_witness(folder: Path, name: str, algorithm: Algorithm) -> SigningKey:
    """Make the folder, an empty state and a key, in this order, each durable.

    Raises ConfigurationError when there is a key, or when the disk or the name does not do.
    """
    home = Home(folder)
    if home.key.exists():
        raise ConfigurationError(f"{home.key} is there; a witness keeps its key")
    try:
        key = SigningKey(name, algorithm, secrets.token_bytes(SEED_SIZE))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if home.database.exists():
            raise ConfigurationError(
                f"{home.database} is there without its key {home.key}; put the key back, or make "
                "a new witness in an empty folder"
            )
        _create(home)
        create_secret(home.key, f"{key.secret}\n")
        sync_folder(folder)
    except EvidenceError as error:
        raise ConfigurationError(f"no key can be made for {name!r}: {error}") from None
    except (OSError, apsw.Error) as error:
        raise ConfigurationError(f"the witness {folder} cannot be made ({error})") from None
    return key


def load_key(folder: Path) -> SigningKey:
    """Read a witness's key; raises ConfigurationError when it is missing, exposed or damaged."""
    home = Home(folder)
    if not home.key.exists() and not home.database.exists():
        raise ConfigurationError(f"no witness in {folder}; make one with --name NAME")
    data = read_secret(home.key, "witness's key", "without it nothing can be cosigned")
    try:
        key = SigningKey.parse(data.decode("ascii", "replace").strip())
    except EvidenceError as error:
        raise ConfigurationError(f"the witness's key {home.key} is damaged ({error})") from None
    if not key.timed:
        raise ConfigurationError(f"{home.key} is the key of a log, not of a witness")
    return key


def _create(home: Home) -> None:
    os.close(os.open(home.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = apsw.Connection(str(home.database), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.pragma("synchronous", "extra")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("COMMIT")
    finally:
        connection.close()


class State:
    """A witness's memory; used by one thread at a time, and by one process.

    writable: False only looks, beside a witness that runs.

    Raises ConfigurationError when it is lost, damaged or in use.
    """

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        check_version(apsw.sqlite_lib_version())
        self._home = Home(folder)
        self._lock = self._locked() if writable else -1
        if not self._home.database.is_file():
            self.close()
            raise ConfigurationError(
                f"{self._home.database} is gone: without it this witness could cosign what "
                "contradicts what it cosigned before. Put it back as it was last, or make a new "
                "witness with another name in another folder"
            )
        try:
            self._connection = self._open(writable=writable)
        except apsw.Error as error:
            self.close()
            raise ConfigurationError(
                f"{self._home.database} is damaged or no witness's ({error}); put it back as it "
                "was last"
            ) from None

    def _locked(self) -> int:
        try:
            handle = os.open(self._home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"{self._home.lock} cannot be opened ({error.strerror})"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise ConfigurationError(
                f"another witness runs with {self._home.folder}; stop it first"
            ) from None
        return handle

    def _open(self, *, writable: bool) -> apsw.Connection:
        try:
            connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            if writable:
                raise
            connection = self._connect(apsw.SQLITE_OPEN_READONLY)
        if writable:
            connection.pragma("synchronous", "extra")
        else:
            connection.pragma("query_only", value=True)
        return connection

    def _connect(self, flags: int) -> apsw.Connection:
        """Open it for writing too where only looking: a kill may have left a write to take back."""
        connection = apsw.Connection(str(self._home.database), flags=flags)
        connection.set_busy_timeout(_BUSY_MS)
        connection.pragma("trusted_schema", value=False)
        if connection.pragma("application_id") != APPLICATION_ID:
            raise apsw.NotADBError("another program's file")
        return connection

    def last(self, origin: str) -> Cosigned | None:
        """What was cosigned last of a log. Raises apsw.Error."""
        row = self._connection.execute(_LAST, (origin,)).fetchone()
        return None if row is None else Cosigned(origin, *row)

    def keep(self, found: Cosigned) -> None:
        """Write down what is being cosigned; it is on disk on return. Raises apsw.Error."""
        row = (found.origin, found.checkpoint.size, found.at, found.note)
        with self._connection:
            self._connection.execute(_KEEP, row)

    def refuse(self, origin: str, at: int, status: int, request: bytes) -> None:
        """Keep once what a log signed and must not have; the last 1000. Raises apsw.Error."""
        with self._connection:
            self._connection.execute(_REFUSE, (at, origin, status, request))
            self._connection.execute(_FORGET, (MAX_REFUSED,))

    def logs(self) -> Iterator[Cosigned]:
        """What was cosigned last of every log. Raises apsw.Error."""
        for row in self._connection.execute(_ALL):
            yield Cosigned(*row)

    def refused(self, origin: str) -> Iterator[tuple[int, int, bytes]]:
        """When (seconds), with what status, and what request. Raises apsw.Error."""
        yield from self._connection.execute(_REFUSED, (origin,))

    def close(self) -> None:
        """Let go of the folder."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close(force=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
