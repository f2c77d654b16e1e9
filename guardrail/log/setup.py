"""Makes a log on first use, and refuses what is not one."""

from __future__ import annotations

import logging
import os
import secrets
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import apsw

from guardrail.chain.errors import EvidenceError
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.database import Database
from guardrail.log.keys import Keys, create_key, load_keys
from guardrail.log.migrate import ENTRIES, migrate
from guardrail.log.signing import Signer, create_signing_key, load_signing_key, sync_folder
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.log.location import Location

SCHEMA = 2
APPLICATION_ID = 0x47524C47  # "GRLG"
_META = "SELECT value FROM meta WHERE key = ?"
_logger = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A log that may be written."""

    database: Database
    keys: Keys
    signer: Signer


def open_for_writing(location: Location) -> Opened:
    """Open the log at `location`, or make it: folder, keys, then database, each durable.

    A log of schema 1 is brought to schema 2. What was signed last must still be there.

    Raises ConfigurationError when it is not a log, a key is missing or unsafe, its schema is
    newer, or it was rolled back or changed; LogUnavailable when the disk gives out.
    """
    with _explained(location.path):
        location.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(location.path, location.lock)
        with database.lock:
            database.acquire()
            try:
                return Opened(database, *_prepare(location, database))
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


def read_meta(connection: apsw.Connection, key: str) -> str | None:
    """What the log says of itself: schema, origin, created, key_id, verifier_key, older_entries."""
    value: str | None = connection.execute(_META, (key,)).get
    return value


def schema_of(location: Location) -> int:
    """The schema of a log that is there; raises ConfigurationError."""
    database = open_for_reading(location)
    with database.lock, _explained(location.path):
        try:
            return int(read_meta(database.connection(), "schema") or 0)
        finally:
            database.close()


def _prepare(location: Location, database: Database) -> tuple[Keys, Signer]:
    new = not (location.path.exists() and location.path.stat().st_size)
    if new:
        create_key(location.key)
    keys = load_keys(location.key)
    if new:
        os.close(os.open(location.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(location.path.parent)
    database.check_in_place()
    connection = database.connection()
    schema = _check(connection, location.path)
    if not schema:
        return keys, _create(connection, location, keys)
    _check_key(connection, location, keys)
    if schema == 1:
        return keys, _migrate(connection, location)
    signer = _signer(connection, location)
    signer.check(connection)
    return keys, signer


def _check(connection: apsw.Connection, path: Path) -> int:
    """The schema; 0 for an empty database."""
    found = connection.pragma("application_id")
    if found == 0 and connection.execute("SELECT count(*) FROM sqlite_master").get == 0:
        return 0
    if found != APPLICATION_ID:
        raise ConfigurationError(f"{path} is a database, but not an attempt log")
    schema = int(read_meta(connection, "schema") or 0)
    if schema > SCHEMA:
        raise ConfigurationError(
            f"the attempt log {path} has schema {schema}, newer than this Guardrail "
            f"reads (up to {SCHEMA}); install the Guardrail that wrote it, or a later one"
        )
    return schema


def _create(connection: apsw.Connection, location: Location, keys: Keys) -> Signer:
    create_signing_key(location.signing_key, f"guardrail-log/{secrets.token_hex(8)}")
    signer = Signer(location, load_signing_key(location.signing_key))
    signer.begin()
    meta = {
        "schema": str(SCHEMA),
        "origin": signer.key.name,
        "created": iso(time.time_ns()),
        "key_id": keys.id,
        "verifier_key": str(signer.key.verifier),
        "older_entries": "0",
    }
    connection.execute("BEGIN IMMEDIATE")
    for file in (ENTRIES, ENTRIES.with_name("schema.sql")):
        connection.execute(file.read_text("utf-8"))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
    connection.execute("COMMIT")
    return signer


def _migrate(connection: apsw.Connection, location: Location) -> Signer:
    """Bring a log of schema 1 up; one that was signed before is an old copy, and is refused."""
    _logger.warning("bringing the attempt log %s to schema %d", location.path, SCHEMA)
    origin = read_meta(connection, "origin") or f"guardrail-log/{secrets.token_hex(8)}"
    create_signing_key(location.signing_key, origin)
    signer = Signer(location, load_signing_key(location.signing_key))
    _check_origin(location, signer, origin)
    signer.begin()
    try:
        migrate(connection, str(signer.key.verifier))
    except EvidenceError as error:
        raise ConfigurationError(
            f"the attempt log {location.path} cannot be brought to schema {SCHEMA} ({error})"
        ) from None
    signer.unsigned = True
    return signer


def _signer(connection: apsw.Connection, location: Location) -> Signer:
    signer = Signer(location, load_signing_key(location.signing_key))
    _check_origin(location, signer, read_meta(connection, "origin"))
    if read_meta(connection, "verifier_key") != str(signer.key.verifier):
        raise _other_key(location)
    return signer


def _check_origin(location: Location, signer: Signer, origin: str | None) -> None:
    if signer.key.name != origin:
        raise _other_key(location)


def _other_key(location: Location) -> ConfigurationError:
    return ConfigurationError(
        f"the signing key {location.signing_key} is not that of this attempt log; put the right "
        "one back"
    )


def _check_key(connection: apsw.Connection, location: Location, keys: Keys) -> None:
    written = read_meta(connection, "key_id")
    if written != keys.id:
        raise ConfigurationError(
            f"the key file {location.key} (id {keys.id}) is not that of this attempt log "
            f"(id {written}); put the right one back"
        )


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
