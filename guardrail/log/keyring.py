"""The log's key file: one secret an epoch, the first made with the log, others by rotation."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError
from guardrail.log.files import sync_folder
from guardrail.log.keys import SIZE, Keys, create_secret, read_secret, write_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER = "guardrail attempt log key v1"
HEADER_2 = "guardrail attempt log key v2"
_NEED = "without it user ids and private data cannot be matched"


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Every epoch's keys, oldest first. current: the one that new pseudonyms are made with."""

    epochs: tuple[Keys, ...]
    current: Keys

    def at(self, name: str | None) -> Keyring | None:
        """The same ring with another epoch as current; None if it has no such key."""
        found = self.find(name or "")
        return None if found is None or not found.secret else replace(self, current=found)

    def find(self, name: str) -> Keys | None:
        """The epoch of that id."""
        return next((keys for keys in self.epochs if keys.id == name), None)

    def users(self, name: str) -> list[str]:
        """A caller's pseudonyms, the current one first; none for an empty id."""
        return self._every(lambda keys: keys.user(name))

    def conversations(self, name: str) -> list[str]:
        """A conversation's pseudonyms, the current one first; none for an empty id."""
        return self._every(lambda keys: keys.conversation(name))

    def _every(self, of: Callable[[Keys], str]) -> list[str]:
        found = dict.fromkeys(map(of, (self.current, *self.epochs)))
        return [name for name in found if name]


def ring_of(*secret: bytes) -> Keyring:
    """A ring of these secrets, oldest first; the last is current."""
    epochs = tuple(map(Keys.derive, secret))
    return Keyring(epochs, epochs[-1])


def create_key(path: Path) -> None:
    """Write a new secret, durable and whole or not at all, unless there is one; mode 0600."""
    create_secret(path, f"{HEADER}\n{_text(secrets.token_bytes(SIZE))}\n")


def load_keys(path: Path) -> Keyring:
    """Read the key file; raises ConfigurationError when it is missing, exposed or damaged.

    The newest epoch is current until the log says another.
    """
    data = read_secret(path, "key file", _NEED)
    header, _, rest = data.decode("utf-8", "replace").partition("\n")
    try:
        epochs = _epochs(header, rest)
    except (binascii.Error, ValueError):
        epochs = ()
    if not epochs or not epochs[-1].secret:
        raise ConfigurationError(
            f"the attempt log's key file {path} is damaged: expected {HEADER!r} and "
            "32 bytes in base64, or what `guardrail log rotate-key` wrote; put it back from "
            "where it is kept"
        )
    return Keyring(epochs, epochs[-1])


def add_epoch(path: Path, ring: Keyring) -> Keyring:
    """Put a new epoch into the key file, durably; the log does not use it yet."""
    grown = Keyring((*ring.epochs, Keys.derive(secrets.token_bytes(SIZE))), ring.current)
    _replace(path, grown)
    return grown


def retire(path: Path, ring: Keyring) -> list[str]:
    """Take from the key file the secrets of every epoch before the current; gives their ids."""
    place = ring.epochs.index(ring.current)
    gone = [keys.id for keys in ring.epochs[:place] if keys.secret]
    before = [Keys.retired(keys.id, keys.pseudonyms) for keys in ring.epochs[:place]]
    if gone:
        _replace(path, Keyring((*before, *ring.epochs[place:]), ring.current))
    return gone


def _epochs(header: str, rest: str) -> tuple[Keys, ...]:
    if header == HEADER:
        return (Keys.derive(_bytes(rest.strip(), SIZE)),)
    if header != HEADER_2:
        return ()
    return tuple(_epoch(*line.split(" ")) for line in rest.splitlines())


def _epoch(kind: str, name: str, text: str) -> Keys:
    if kind == "retired":
        return Keys.retired(name, _bytes(text, 3 * SIZE))
    found = Keys.derive(_bytes(text, SIZE))
    if kind != "epoch" or found.id != name:
        raise ValueError(kind)
    return found


def _bytes(text: str, size: int) -> bytes:
    found = base64.b64decode(text, validate=True)
    if len(found) != size:
        raise ValueError(len(found))
    return found


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _line(keys: Keys) -> str:
    if keys.secret:
        return f"epoch {keys.id} {_text(keys.secret)}\n"
    return f"retired {keys.id} {_text(keys.pseudonyms)}\n"


def _replace(path: Path, ring: Keyring) -> None:
    """Through a symbolic link: the file it points to is the one replaced."""
    target = path.resolve()
    try:
        write_secret(target, f"{HEADER_2}\n{''.join(map(_line, ring.epochs))}").replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise ConfigurationError(
            f"the attempt log's key file {target} cannot be written ({error.strerror})"
        ) from None
