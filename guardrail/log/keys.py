"""One epoch of the log's keys: pseudonyms, prompt hashes, and what wraps data keys."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.hashing import keyed
from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SIZE = 32
NONCE = 12
_MOST = 1 << 16


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys derived from one secret with HKDF-SHA256 (RFC 5869); `id` names them.

    A retired epoch has lost its secret: it makes pseudonyms still, and opens nothing.
    """

    id: str
    secret: bytes
    _user: bytes
    _conversation: bytes
    _prompt: bytes
    _excerpt: bytes = b""
    wrapping: bytes = b""

    @classmethod
    def derive(cls, secret: bytes) -> Keys:
        """The keys of a 32-byte secret."""
        names = ("user", "conversation", "prompt", "excerpt", "data keys")
        first = _expand(secret, "key id")
        return cls(first.hex()[:16], secret, *(_expand(secret, name) for name in names))

    @classmethod
    def retired(cls, name: str, pseudonyms: bytes) -> Keys:
        """An epoch that only makes pseudonyms. pseudonyms: 96 bytes, as `pseudonyms` gave them."""
        parts = [pseudonyms[at : at + SIZE] for at in range(0, 3 * SIZE, SIZE)]
        return cls(name, b"", *parts)

    @property
    def pseudonyms(self) -> bytes:
        """What of this epoch is kept when it retires, 96 bytes."""
        return self._user + self._conversation + self._prompt

    def user(self, name: str) -> str:
        """Pseudonym of a caller's id, 32 hex digits; empty for an empty id."""
        return _pseudonym(self._user, name)

    def conversation(self, name: str) -> str:
        """Pseudonym of a conversation id, 32 hex digits; empty for an empty id."""
        return _pseudonym(self._conversation, name)

    def prompt(self, texts: Iterable[str]) -> str:
        """HMAC-SHA256 over the texts, each led by its length in bytes (8, big-endian); hex."""
        said = [text.encode("utf-8", "surrogatepass") for text in texts]
        led = b"".join([len(data).to_bytes(8, "big") + data for data in said])
        return keyed(self._prompt, led)

    def unseal(self, nonce: bytes, sealed: bytes, attempt: str) -> str:
        """An excerpt of a log of schema 1 or 2; raises ConfigurationError for another key's."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._excerpt).decrypt(nonce, sealed, utf8(attempt)).decode()
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                f"the excerpt of attempt {attempt} does not open with this key file: "
                "it was changed, or belongs to another log"
            ) from None


def create_secret(path: Path, text: str) -> None:
    """Write a file, durable and whole or not at all, unless there is one; mode 0600."""
    draft = write_secret(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key counts
    finally:
        draft.unlink()


def write_secret(path: Path, text: str) -> Path:
    """Write a file beside `path` that only its owner may read, durably; gives its path."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    return draft


def read_secret(path: Path, name: str, need: str) -> bytes:
    """The first 64 KiB of a file that only its owner may read; raises ConfigurationError.

    name: what it is; need: what does not work without it, as messages say it.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigurationError(
            f"the attempt log's {name} {path} cannot be read ({error.strerror}); put it back "
            f"from where it is kept: {need}, and no new key is made for an existing log"
        ) from None
    with file:
        _check_private(path, name, os.fstat(file.fileno()))
        return file.read(_MOST)


def _check_private(path: Path, name: str, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise ConfigurationError(f"the attempt log's {name} {path} is not a regular file")
    if info.st_mode & 0o077:
        raise ConfigurationError(
            f"the attempt log's {name} {path} is open to others "
            f"(mode {stat.S_IMODE(info.st_mode):04o}); run: chmod 600 {path}"
        )


def utf8(text: str) -> bytes:
    """UTF-8, also of half a character."""
    return text.encode("utf-8", "surrogatepass")


def _expand(secret: bytes, name: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"guardrail log v1 {name}".encode()
    return HKDF(SHA256(), length=SIZE, salt=None, info=info).derive(secret)


def _pseudonym(key: bytes, name: str) -> str:
    return keyed(key, utf8(name))[:32] if name else ""
