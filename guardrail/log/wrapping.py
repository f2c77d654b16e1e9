"""What data keys are wrapped under: the log's key file, or a key management service."""

from __future__ import annotations

import importlib
import secrets
from typing import TYPE_CHECKING, Protocol

from guardrail.errors import ConfigurationError
from guardrail.log.keys import NONCE, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.log.keyring import Keyring
    from guardrail.log.location import Location

_LENGTH = 2


class KeyWrapper(Protocol):
    """Wraps data keys; called once for each subject and day, from any thread.

    id: names the wrapping key that is used now, one line of at most 200 characters; it changes
    when that key does, and stands beside every wrapped key.
    """

    @property
    def id(self) -> str:
        """See the class."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """`key` (32 bytes), encrypted and bound to `context`; raises OSError when it cannot be."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes, wrapper: str) -> bytes:
        """The key that `wrap` took. wrapper: the `id` at that time.

        Raises KeyError when this wrapper does not have that key, ValueError when it does not
        open, OSError when the service cannot be reached.
        """
        ...


class FileWrapper:
    """AES-256-GCM under a key derived from the current epoch of the key file."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._current = ring.current.wrapping
        self.id = f"file/{ring.current.id}"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """See KeyWrapper."""
        return _encrypt(self._current, key, context)

    def unwrap(self, wrapped: bytes, context: bytes, wrapper: str) -> bytes:
        """See KeyWrapper."""
        epoch = self._ring.find(wrapper.removeprefix("file/"))
        if epoch is None or not epoch.wrapping:
            raise KeyError(wrapper)
        return _decrypt(epoch.wrapping, wrapped, context)


class EnvelopeWrapper:
    """Wraps under a key of its own that only a service can decrypt: one call of it a process.

    name: of the service's key, its `id`. encrypt, decrypt: 32 bytes into what the service makes of
    them (up to 64 KiB), and back; what they raise must be an OSError.
    """

    def __init__(
        self, name: str, encrypt: Callable[[bytes], bytes], decrypt: Callable[[bytes], bytes]
    ) -> None:
        self.id = name
        self._encrypt = encrypt
        self._decrypt = decrypt
        self._own: tuple[bytes, bytes] | None = None
        self._known: dict[bytes, bytes] = {}

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """See KeyWrapper."""
        if self._own is None:
            secret = secrets.token_bytes(SIZE)
            self._own = (secret, self._encrypt(secret))
        secret, sealed = self._own
        return len(sealed).to_bytes(_LENGTH, "big") + sealed + _encrypt(secret, key, context)

    def unwrap(self, wrapped: bytes, context: bytes, wrapper: str) -> bytes:
        """See KeyWrapper."""
        if wrapper != self.id:
            raise KeyError(wrapper)
        size = _LENGTH + int.from_bytes(wrapped[:_LENGTH], "big")
        sealed = wrapped[_LENGTH:size]
        secret = self._known.get(sealed) or self._decrypt(sealed)
        self._known[sealed] = secret
        return _decrypt(secret, wrapped[size:], context)


def load_wrapper(location: Location, ring: Keyring) -> KeyWrapper:
    """What wraps the data keys of this log; raises ConfigurationError."""
    if not location.wrapper:
        return FileWrapper(ring)
    module, _, name = location.wrapper.partition(":")
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"wrapper={location.wrapper} of the attempt log cannot be imported ({error}); name a "
            "function as package.module:function"
        ) from None
    found: KeyWrapper = make(location)
    return found


def _encrypt(secret: bytes, key: bytes, context: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(secret).encrypt(nonce, key, context)


def _decrypt(secret: bytes, wrapped: bytes, context: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(secret).decrypt(wrapped[:NONCE], wrapped[NONCE:], context)
    except InvalidTag:
        raise ValueError("does not open") from None
