"""Makes a log on first use, and refuses what is not one."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.database import Database
from guardrail.log.keys import Keys, create_key, load_keys
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.log.location import Location

SCHEMA = 1
APPLICATION_ID = 0x47524C47  # "GRLG"


def open_for_writing(location: Location) -> tuple[Database, Keys]:
    """Open the log at `location`, or make it: folder, key, then database, each durable.

    Raises ConfigurationError when it is not a log, its key is missing or unsafe, or its schema
    is newer; LogUnavailable when the disk gives out.
    """
    with _explained(location.path):
        location.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(location.path, location.lock)
        with database.lock:
            database.acquire()
            try:
                return database, _prepare(location, database)
            except BaseException:
                database.close()
                raise
            finally:
                database.release()


def open_for_reading(location: Location) -> Database:
    """Open a log that is there; creates nothing. Raises ConfigurationError."""
    if not location.path.is_file():
        raise ConfigurationError(f"no attempt log at {location.path}")
    with _explained(location.path):
        database = Database(location.path, None)
        with database.lock:
            _check(database.connection(), location.path)
        return database


def _prepare(location: Location, database: Database) -> Keys:
    new = not (location.path.exists() and location.path.stat().st_size)
    if new:
        create_key(location.key)
    keys = load_keys(location.key)
    if new:
        os.close(os.open(location.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        _sync_folder(location.path.parent)
    database.check_in_place()
    connection = database.connection()
    if not _check(connection, location.path):
        _create(connection, keys)
    _check_key(connection, location, keys)
    return keys


def _check(connection: apsw.Connection, path: Path) -> bool:
    """Whether the schema is there; False for an empty database."""
    found = connection.pragma("application_id")
    if found == 0 and connection.execute("SELECT count(*) FROM sqlite_master").get == 0:
        return False
    if found != APPLICATION_ID:
        raise ConfigurationError(f"{path} is a database, but not an attempt log")
    schema = int(connection.execute("SELECT value FROM meta WHERE key = 'schema'").get)
    if schema > SCHEMA:
        raise ConfigurationError(
            f"the attempt log {path} has schema {schema}, newer than this Guardrail "
            f"reads (up to {SCHEMA}); install the Guardrail that wrote it, or a later one"
        )
    return True


def _create(connection: apsw.Connection, keys: Keys) -> None:
    meta = {
        "schema": str(SCHEMA),
        "origin": f"guardrail-log/{secrets.token_hex(8)}",
        "created": iso(time.time_ns()),
        "key_id": keys.id,
    }
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(Path(__file__).with_name("schema.sql").read_text("utf-8"))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
    connection.execute("COMMIT")


def _check_key(connection: apsw.Connection, location: Location, keys: Keys) -> None:
    written = connection.execute("SELECT value FROM meta WHERE key = 'key_id'").get
    if written != keys.id:
        raise ConfigurationError(
            f"the key file {location.key} (id {keys.id}) is not that of this attempt log "
            f"(id {written}); put the right one back"
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with the file or its folder."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as error:
        raise ConfigurationError(
            f"{path} is damaged or not an attempt log ({error}); move it away to start a new "
            "one, or put a backup back"
        ) from None
    except apsw.Error as error:
        raise LogUnavailable(
            f"the attempt log {path} cannot be opened ({type(error).__name__}: {error})"
        ) from None
    except OSError as error:
        raise LogUnavailable(
            f"the attempt log {path} cannot be opened ({error.strerror}: {error.filename}); "
            "make its folder writable, with room on the disk"
        ) from None
