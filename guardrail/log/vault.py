"""Seals what may have to be erased: AES-256-GCM under a data key for each subject and day."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.chain.commitment import SALT_SIZE, commit
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.fragments import written
from guardrail.log.keys import NONCE, SIZE, utf8
from guardrail.log.times import HOUR
from guardrail.log.wrapping import FileWrapper, KeyWrapper, load_wrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from guardrail.log.keyring import Keyring
    from guardrail.log.keys import Keys
    from guardrail.log.location import Location

DAY = 24 * HOUR
MAX_CACHED = 8192


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key, wrapped and not. subject: a pseudonym, or an attempt's id where none is known.

    day: since the epoch, UTC, when it was made. generation: number of the entry that erased keys
    or rotated them last before that; such an entry makes older ones unfit for anything new.
    wrapper: names the key it is wrapped under. cipher: AES-256-GCM with it; making one takes ten
    times as long as sealing with it.
    """

    id: str
    subject: str
    day: int
    generation: int
    wrapper: str
    wrapped: bytes
    cipher: AESGCM = field(repr=False)


class Sealed(NamedTuple):
    """Values and salts of one entry, encrypted. name: what the entry is found by."""

    key: DataKey
    nonce: bytes
    data: bytes
    name: str


class KeyUnreachable(ConfigurationError):
    """The service that wraps data keys does not answer."""


class Stored(NamedTuple):
    """What the log keeps of a Sealed: columns of `private` and of `data_keys`."""

    data_key: str
    nonce: bytes
    sealed: bytes
    wrapper: str
    wrapped: bytes


class Vault:
    """Seals and opens with the keys of one log; safe across threads.

    generation: see DataKey. Keys are cached for the day, so that a subject's next entry costs a few
    microseconds. stored: ids of cached keys that are in the log already.
    """

    def __init__(self, location: Location, ring: Keyring, load: Callable[[], Keyring]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM  # imported by now: a fork in the midst of an import hangs the child
        self.generation = 0
        self._location = location
        self._load = load
        self._day = 0
        self._cache: dict[str, DataKey] = {}
        self.stored: set[str] = set()
        self._opened: dict[str, bytes] = {}
        self._use(ring)

    @property
    def keys(self) -> Keys:
        """The epoch that pseudonyms are made with."""
        return self.ring.current

    @property
    def wrapper_id(self) -> str:
        """Names the key that data keys are wrapped under now."""
        return self._wrapper.id

    def moved(self, generation: int, epoch: str | None) -> None:
        """Take note that keys were erased or rotated; raises ConfigurationError.

        epoch: id of the current one.
        """
        if self.ring.current.id != epoch:
            ring = self.ring.at(epoch) or self._load().at(epoch)
            if ring is None:
                raise ConfigurationError(
                    f"the attempt log {self._location.name} now uses the key {epoch}, which its "
                    "key file does not have; put the newest key file back"
                )
            self._use(ring)
        self._cache, self.stored = {}, set()
        self.generation = generation

    def seal(self, values: Mapping[str, Any], subject: str, name: str) -> tuple[Any, Sealed]:
        """Commitments to `values` (by name), and what is stored beside their entry.

        values: JSON by ASCII names, without lone surrogates. Raises LogUnavailable when a
        key cannot be wrapped.
        """
        random = secrets.token_bytes(SALT_SIZE * len(values) + NONCE)
        salts, nonce = random[:-NONCE], random[-NONCE:]
        commitments, pairs = {}, []
        for (label, value), salt in zip(sorted(values.items()), _salts(salts), strict=True):
            title, text = label.encode(), written(value).encode()
            commitments[label] = commit(title, text, salt)
            pairs.append(b'"%b":%b' % (title, text))
        data = b"%c%b{%b}" % (len(values), salts, b",".join(pairs))
        return commitments, _sealed(self._key(subject or name), nonce, data, name)

    def renewed(self, sealed: Sealed) -> Sealed:
        """The same under a new key: its own was made before the last erasure or rotation."""
        if sealed.key.generation == self.generation:
            return sealed
        nonce = secrets.token_bytes(NONCE)
        return _sealed(self._key(sealed.key.subject), nonce, open_sealed(sealed), sealed.name)

    def open(self, stored: Stored, name: str) -> Opened:
        """What was sealed. Raises ConfigurationError: damaged, moved, or a key is missing."""
        secret = self._opened.get(stored.data_key)
        if secret is None:
            secret = self._unwrap(stored.data_key, stored.wrapper, stored.wrapped)
            if len(self._opened) >= MAX_CACHED:
                self._opened.clear()
            self._opened[stored.data_key] = secret
        try:
            return Opened.of(_decrypt(secret, stored.nonce, stored.sealed, stored.data_key, name))
        except ValueError:
            raise ConfigurationError(
                f"the private data of {name or 'an entry'} do not open: they were changed, or "
                "belong to another log"
            ) from None

    def rewrapped(self, name: str, wrapper: str, wrapped: bytes) -> tuple[str, bytes]:
        """A data key under the wrapping key of now: its id and the wrapped key."""
        secret = self._unwrap(name, wrapper, wrapped)
        return self._wrapper.id, self._wrap(secret, name)

    def _use(self, ring: Keyring) -> None:
        self.ring = ring
        self._wrapper: KeyWrapper = load_wrapper(self._location, ring)
        self._files = FileWrapper(ring)

    def _key(self, subject: str) -> DataKey:
        day = time.time_ns() // DAY
        if day != self._day or len(self._cache) >= MAX_CACHED:
            self._day, self._cache, self.stored = day, {}, set()
        found = self._cache.get(subject)
        if found is None or found.generation != self.generation:
            found = self._cache[subject] = self._made(subject, day)
        return found

    def _made(self, subject: str, day: int) -> DataKey:
        name, secret = secrets.token_hex(16), secrets.token_bytes(SIZE)
        wrapper = self._wrapper
        wrapped = self._wrap(secret, name)
        return DataKey(
            name, subject, day, self.generation, wrapper.id, wrapped, self._cipher(secret)
        )

    def _wrap(self, secret: bytes, name: str) -> bytes:
        try:
            return self._wrapper.wrap(secret, name.encode())
        except OSError as error:
            raise LogUnavailable(
                f"a data key of the attempt log cannot be wrapped under {self._wrapper.id} "
                f"({error})"
            ) from None

    def _unwrap(self, name: str, wrapper: str, wrapped: bytes) -> bytes:
        try:
            return self._unwrapped(name, wrapper, wrapped)
        except KeyError:
            missing = f"the key {wrapper} that wraps it is not there"
        except ValueError:
            missing = f"it does not open with {wrapper}"
        except OSError as error:
            raise KeyUnreachable(f"{wrapper} cannot be reached ({error})") from None
        raise ConfigurationError(f"data key {name} of the attempt log cannot be used: {missing}")

    def _unwrapped(self, name: str, wrapper: str, wrapped: bytes) -> bytes:
        context = name.encode()
        if not wrapper.startswith("file/"):
            return self._wrapper.unwrap(wrapped, context, wrapper)
        try:
            return self._files.unwrap(wrapped, context, wrapper)
        except KeyError:  # rotated since the key file was read
            self._files = FileWrapper(self._load())
            return self._files.unwrap(wrapped, context, wrapper)


@dataclass(frozen=True, slots=True)
class Opened:
    """Values and salts of one entry, by name."""

    values: dict[str, Any]
    salts: dict[str, bytes]

    @classmethod
    def of(cls, data: bytes) -> Opened:
        """What `Vault.seal` sealed: a count, so many salts, the values. Raises ValueError."""
        start = 1 + data[0] * SALT_SIZE
        values: dict[str, Any] = json.loads(data[start:])
        return cls(values, dict(zip(sorted(values), _salts(data[1:start]), strict=True)))

    def unlike(self, commitments: Mapping[str, str]) -> list[str]:
        """Names of the fields that are not what an entry committed to."""
        names = sorted({*self.values, *commitments})
        return [name for name in names if self._commitment(name) != commitments.get(name)]

    def _commitment(self, name: str) -> str | None:
        if name not in self.values:
            return None
        return commit(name.encode(), canonical_value(self.values[name]), self.salts[name])


def canonical_value(value: Any) -> bytes:
    """RFC 8785 of a value that is made of text, lists and objects."""
    return written(value).encode()


def open_sealed(sealed: Sealed) -> bytes:
    """What is in it, with the key it carries."""
    key = sealed.key
    return key.cipher.decrypt(sealed.nonce, sealed.data, _context(key.id, sealed.name))


def _salts(data: bytes) -> list[bytes]:
    return [data[at : at + SALT_SIZE] for at in range(0, len(data), SALT_SIZE)]


def _sealed(key: DataKey, nonce: bytes, data: bytes, name: str) -> Sealed:
    return Sealed(key, nonce, key.cipher.encrypt(nonce, data, _context(key.id, name)), name)


def _decrypt(secret: bytes, nonce: bytes, data: bytes, key: str, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(secret).decrypt(nonce, data, _context(key, name))
    except InvalidTag:
        raise ValueError("does not open") from None


def _context(key: str, name: str) -> bytes:
    return utf8(f"guardrail-private/1\n{key}\n{name}")
