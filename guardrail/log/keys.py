"""The log's key file, and what is derived from it: pseudonyms, prompt hashes, sealed excerpts."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HEADER = "guardrail attempt log key v1"
SIZE = 32
NONCE = 12


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys derived from one secret with HKDF-SHA256 (RFC 5869); `id` names them."""

    id: str
    _user: bytes
    _conversation: bytes
    _prompt: bytes
    _excerpt: bytes

    @classmethod
    def derive(cls, secret: bytes) -> Keys:
        """The keys of a 32-byte secret."""
        names = ("key id", "user", "conversation", "prompt", "excerpt")
        first, *rest = (_expand(secret, name) for name in names)
        return cls(first.hex()[:16], *rest)

    def user(self, name: str) -> str:
        """Pseudonym of a caller's id, 32 hex digits; empty for an empty id."""
        return _pseudonym(self._user, name)

    def conversation(self, name: str) -> str:
        """Pseudonym of a conversation id, 32 hex digits; empty for an empty id."""
        return _pseudonym(self._conversation, name)

    def prompt(self, texts: Iterable[str]) -> str:
        """HMAC-SHA256 over the texts, each led by its length in bytes (8, big-endian); hex."""
        mac = hmac.new(self._prompt, digestmod="sha256")
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            mac.update(len(data).to_bytes(8, "big"))
            mac.update(data)
        return mac.hexdigest()

    def seal(self, text: str, attempt: str) -> tuple[bytes, bytes]:
        """AES-256-GCM with the attempt's id as associated data: (nonce, ciphertext)."""
        nonce = secrets.token_bytes(NONCE)
        data = text.encode("utf-8", "replace")
        return nonce, _cipher(self._excerpt).encrypt(nonce, data, _utf8(attempt))

    def unseal(self, nonce: bytes, sealed: bytes, attempt: str) -> str:
        """The text of `seal`; raises ConfigurationError when it was not sealed with this key."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._excerpt).decrypt(nonce, sealed, _utf8(attempt)).decode()
        except InvalidTag:
            raise ConfigurationError(
                f"the excerpt of attempt {attempt} does not open with this key file: "
                "it was changed, or belongs to another log"
            ) from None


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    """Made once for each key: that takes ten times as long as sealing an excerpt."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def create_key(path: Path) -> None:
    """Write a new secret, durable and whole or not at all, unless there is one; mode 0600."""
    create_secret(path, f"{HEADER}\n{base64.b64encode(secrets.token_bytes(SIZE)).decode()}\n")


def create_secret(path: Path, text: str) -> None:
    """Write a file, durable and whole or not at all, unless there is one; mode 0600."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key counts
    finally:
        draft.unlink()


def load_keys(path: Path) -> Keys:
    """Read the key file; raises ConfigurationError when it is missing, exposed or damaged."""
    need = "without it user ids and excerpts cannot be matched"
    return Keys.derive(_secret(path, read_secret(path, "key file", need)))


def read_secret(path: Path, name: str, need: str) -> bytes:
    """The first 1000 bytes of a file that only its owner may read; raises ConfigurationError.

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
        return file.read(1000)


def _check_private(path: Path, name: str, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise ConfigurationError(f"the attempt log's {name} {path} is not a regular file")
    if info.st_mode & 0o077:
        raise ConfigurationError(
            f"the attempt log's {name} {path} is open to others "
            f"(mode {stat.S_IMODE(info.st_mode):04o}); run: chmod 600 {path}"
        )


def _secret(path: Path, data: bytes) -> bytes:
    header, _, rest = data.partition(b"\n")
    try:
        secret = base64.b64decode(rest.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if header.decode("ascii", "replace") != HEADER or len(secret) != SIZE:
        raise ConfigurationError(
            f"the attempt log's key file {path} is damaged: expected {HEADER!r} and "
            f"{SIZE} bytes in base64; put it back from where it is kept"
        )
    return secret


def _expand(secret: bytes, name: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"guardrail log v1 {name}".encode()
    return HKDF(SHA256(), length=SIZE, salt=None, info=info).derive(secret)


def _pseudonym(key: bytes, name: str) -> str:
    return hmac.digest(key, _utf8(name), "sha256").hex()[:32] if name else ""


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
