"""Makes a log on first use, and refuses what is not one."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain.errors import EvidenceError
from guardrail.errors import ConfigurationError
from guardrail.log.keyring import Keyring, create_key, load_keys
from guardrail.log.personal import read_generation
from guardrail.log.signing import Signer, create_signing_key, load_signing_key
from guardrail.log.times import iso
from guardrail.log.vault import Vault

if TYPE_CHECKING:
    from guardrail.log.location import Location
    from guardrail.log.session import Session, Store, WriteSession

SCHEMA = 3
_META = "SELECT value FROM meta WHERE key = ?"
_logger = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A log that may be written."""

    store: Store
    vault: Vault
    signer: Signer


def open_for_writing(location: Location) -> Opened:
    """Open the log at `location`, or make it: folder, keys, then database, each durable.

    A log of an older schema is brought up. What was signed last must still be there.

    Raises ConfigurationError when it is not a log, a key is missing or unsafe, its schema is
    newer, or it was rolled back or changed; LogUnavailable when the disk gives out.
    """
    store = open_store(location, readonly=False)
    with store.explained():
        location.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if store.is_new():
            create_key(location.key)
        vault = make_vault(location)
        store.prepare()
        with store.lock:
            try:
                with store.exclusive() as session:
                    return Opened(store, vault, _prepare(session, location, store, vault))
            except BaseException:
                store.close()
                raise


def make_vault(location: Location) -> Vault:
    """What seals and opens private data, as its key file has it. Raises ConfigurationError."""

    def load() -> Keyring:
        return load_keys(location.key)

    return Vault(location, load(), load)


def open_for_reading(location: Location) -> Store:
    """Open a log that is there; creates nothing. Raises ConfigurationError."""
    store = open_store(location, readonly=True)
    with store.explained():
        if store.is_new():
            raise ConfigurationError(f"no attempt log at {location.name}")
        with store.reading() as session:
            _check(session, location, store)
    return store


def open_store(location: Location, *, readonly: bool) -> Store:
    """What holds the log at `location`; opens and makes nothing yet. Raises ConfigurationError."""
    if location.server:
        from guardrail.log.postgres.store import PostgresStore

        return PostgresStore(location, readonly=readonly)
    from guardrail.log.sqlite.store import SqliteStore

    return SqliteStore(location, readonly=readonly)


def read_meta(session: Session, key: str) -> str | None:
    """What the log says of itself.

    schema, origin, created, key_id (of the current epoch), verifier_key, older_entries, generation.
    """
    value: str | None = session.value(_META, (key,))
    return value


def schema_of(location: Location) -> int:
    """The schema of a log that is there; raises ConfigurationError."""
    store = open_for_reading(location)
    try:
        with store.reading() as session:
            return int(read_meta(session, "schema") or 0)
    finally:
        with store.lock:
            store.close()


def _prepare(session: WriteSession, location: Location, store: Store, vault: Vault) -> Signer:
    schema = _check(session, location, store)
    if not schema:
        return _create(session, location, store, vault)
    store.is_new()  # asked again: another machine may have made it since, with other keys
    _check_key(session, location, vault)
    if schema < SCHEMA:
        return _upgrade(session, location, store, vault)
    signer = _signer(session, location)
    signer.check(session)
    return signer


def check_schema(session: Session, name: str) -> None:
    """Raise ConfigurationError when another Guardrail gave this log a schema that is not ours."""
    schema = int(read_meta(session, "schema") or 0)
    if schema != SCHEMA:
        raise _newer(name, schema)


def _check(session: Session, location: Location, store: Store) -> int:
    """The schema; 0 for an empty database."""
    schema = store.schema(session)
    if schema > SCHEMA:
        raise _newer(location.name, schema)
    return schema


def _newer(name: str, schema: int) -> ConfigurationError:
    return ConfigurationError(
        f"the attempt log {name} has schema {schema}, newer than this Guardrail reads (up to "
        f"{SCHEMA}); install the Guardrail that wrote it, or a later one"
    )


def _create(session: WriteSession, location: Location, store: Store, vault: Vault) -> Signer:
    create_signing_key(location.signing_key, f"guardrail-log/{secrets.token_hex(8)}")
    signer = Signer(location, load_signing_key(location.signing_key))
    signer.begin()
    meta = {
        "schema": str(SCHEMA),
        "origin": signer.key.name,
        "created": iso(time.time_ns()),
        "key_id": vault.keys.id,
        "verifier_key": str(signer.key.verifier),
        "older_entries": "0",
        "generation": "0",
    }
    session.begin()
    store.create(session)
    session.insert("meta", list(meta.items()))
    session.commit()
    return signer


def _upgrade(session: WriteSession, location: Location, store: Store, vault: Vault) -> Signer:
    """Bring an older log up; one that was signed before as newer is an old copy, and refused."""
    _logger.warning("bringing the attempt log %s to schema %d", location.name, SCHEMA)
    if read_meta(session, "verifier_key"):
        signer = _signer(session, location)
        signer.check(session)
    else:
        signer = _first_signer(session, location)
    try:
        store.upgrade(session, str(signer.key.verifier), vault)
    except EvidenceError as error:
        raise ConfigurationError(
            f"the attempt log {location.name} cannot be brought to schema {SCHEMA} ({error})"
        ) from None
    signer.unsigned = True
    return signer


def _first_signer(session: Session, location: Location) -> Signer:
    """For a log of schema 1, which was never signed."""
    origin = read_meta(session, "origin") or f"guardrail-log/{secrets.token_hex(8)}"
    create_signing_key(location.signing_key, origin)
    signer = Signer(location, load_signing_key(location.signing_key))
    _check_origin(location, signer, origin)
    signer.begin()
    return signer


def _signer(session: Session, location: Location) -> Signer:
    signer = Signer(location, load_signing_key(location.signing_key))
    _check_origin(location, signer, read_meta(session, "origin"))
    if read_meta(session, "verifier_key") != str(signer.key.verifier):
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


def _check_key(session: Session, location: Location, vault: Vault) -> None:
    """The log says which epoch is current: one that rotation has only begun is not used."""
    written = read_meta(session, "key_id")
    ring = vault.ring.at(written)
    if ring is None:
        raise ConfigurationError(
            f"the key file {location.key} (id {vault.keys.id}) is not that of this attempt log "
            f"(id {written}); put the right one back"
        )
    vault.moved(read_generation(session), written)
