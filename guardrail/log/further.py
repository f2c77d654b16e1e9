"""A second key of the log, ML-DSA-44, that signs every checkpoint along with the first.

Verifiers that know only Ed25519 pass over its line (C2SP signed-note).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceError, EvidenceUnavailable
from guardrail.chain.keys import SEED_SIZE, Algorithm, SigningKey, VerifierKey
from guardrail.errors import ConfigurationError, InputError
from guardrail.log.keys import create_secret, read_secret

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.log.location import Location
    from guardrail.log.log import Log
    from guardrail.log.session import Session, WriteSession

EVENT = "key"
NAME = "ml-dsa-44"
_META = "verifier_key_ml_dsa_44"
_READ = "SELECT value FROM meta WHERE key = ?"


def further_file(location: Location) -> Path:
    """Where the second key lies: beside the first."""
    first = location.signing_key
    return first.with_name(f"{first.name}.{NAME}")


class Further:
    """The second key, as the log names it; another process may add it at any time."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._key: SigningKey | None = None

    def keys(self, session: Session) -> tuple[SigningKey, ...]:
        """None or one. Raises ConfigurationError when it cannot be had."""
        named = session.value(_READ, (_META,))
        if named is None:
            return ()
        if self._key is None or str(self._key.verifier) != named:
            self._key = _load(further_file(self._location), named)
        return (self._key,)


def further_verifiers(session: Session) -> tuple[VerifierKey, ...]:
    """The public side of it; raises ConfigurationError when it is damaged."""
    named = session.value(_READ, (_META,))
    try:
        return () if named is None else (VerifierKey.parse(named),)
    except EvidenceError as error:
        raise ConfigurationError(f"the log's {NAME} key is damaged ({error})") from None


def add_further(log: Log) -> VerifierKey:
    """Make the second key, and have the log sign with it from now on; the entry `key` says so.

    Raises ConfigurationError when it is there already, or `cryptography` cannot do it, and
    LogUnavailable.
    """
    with log.reading() as session:
        (origin,) = session.row(_READ, ("origin",)) or ("",)
    file = further_file(log.location)
    try:
        key = SigningKey(origin, Algorithm.COSIGNATURE_ML_DSA_44, secrets.token_bytes(SEED_SIZE))
    except EvidenceUnavailable as error:
        raise ConfigurationError(f"no {NAME} key can be made: {error}") from None
    create_secret(file, f"{key.secret}\n")
    key = _read(file)  # one that an interrupted call has left counts

    def remember(session: WriteSession, _seq: int) -> None:
        if session.value(_READ, (_META,)) is not None:
            raise InputError(f"the log has an {NAME} key already")
        session.insert("meta", [(_META, str(key.verifier))])

    try:
        log.record(EVENT, {"algorithm": NAME, "key": str(key.verifier)}, change=remember)
    except InputError as error:
        raise ConfigurationError(str(error)) from None
    return key.verifier


def _load(file: Path, named: str) -> SigningKey:
    key = _read(file)
    if str(key.verifier) != named:
        raise ConfigurationError(
            f"the signing key {file} is not that of this attempt log; put the right one back"
        )
    return key


def _read(file: Path) -> SigningKey:
    data = read_secret(file, f"{NAME} signing key", "without it nothing can be signed")
    try:
        return SigningKey.parse(data.decode("ascii", "replace").strip())
    except EvidenceUnavailable as error:
        raise ConfigurationError(f"the attempt log signs with {NAME}: {error}") from None
    except EvidenceError as error:
        raise ConfigurationError(
            f"the attempt log's signing key {file} is damaged ({error}); put it back from where "
            "it is kept"
        ) from None
