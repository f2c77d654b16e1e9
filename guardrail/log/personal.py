"""What of an attempt may have to be erased, and how it is read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.log.vault import Sealed, Stored, Vault

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from guardrail.log.keys import Keys
    from guardrail.log.session import Session, WriteSession
    from guardrail.records import Request

MAX_IMAGES = 100
SCHEMA = 3
_KEY = """INSERT INTO data_keys VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""
_STORED = """SELECT p.data_key, p.nonce, p.sealed, k.wrapper, k.wrapped, p.erased, e.attempt, {body}
 FROM private AS p JOIN entries AS e ON e.seq = p.seq LEFT JOIN data_keys AS k ON k.id = p.data_key
 WHERE p.seq = ?"""


def personal(request: Request, keys: Keys, excerpt: int) -> dict[str, Any]:
    """Pseudonyms, hashes and the start of the user's last text, as far as there are any.

    excerpt: characters. images: SHA-256 of each upload as received, empty if unreadable.
    """
    found: dict[str, Any] = {"prompt_hash": keys.prompt(part.text for part in request.parts)}
    if request.caller.id:
        found["user"] = keys.user(request.caller.id)
    if request.conversation:
        found["conversation"] = keys.conversation(request.conversation)
    if request.images:
        found["images"] = [image.sha256 for image in request.images[:MAX_IMAGES]]
    if excerpt:
        said = next((part.text for part in reversed(request.parts) if part.role == "user"), None)
        if said is not None:
            found["excerpt"] = said[:excerpt].encode("utf-8", "replace").decode()
    return found


def store(
    session: WriteSession, placed: Sequence[tuple[int, Sealed]], stored: Collection[str] = ()
) -> list[str]:
    """Keep what was sealed beside the entries of those numbers; the ids of keys that are new.

    stored: ids of data keys that are there already.
    """
    keys = {sealed.key.id: sealed.key for _, sealed in placed if sealed.key.id not in stored}
    session.many(
        _KEY, [(key.id, key.subject, key.day, key.wrapper, key.wrapped) for key in keys.values()]
    )
    rows = [(seq, sealed.key.id, sealed.nonce, sealed.data, 0) for seq, sealed in placed]
    session.insert("private", rows)
    return [*keys]


def read_generation(session: Session) -> int:
    """Number of the entry that erased or rotated keys last; 0 before the first."""
    return int(session.value("SELECT value FROM meta WHERE key = 'generation'") or 0)


def read_private(session: Session, seq: int, vault: Vault) -> dict[str, Any] | None:
    """The values an entry commits to; None if it has none, or they were erased.

    Raises ConfigurationError when they do not open, or are not those it committed to.
    """
    if int(session.value("SELECT value FROM meta WHERE key = 'schema'") or 0) < SCHEMA:
        raise ConfigurationError(
            "this attempt log is of an older schema; its private data can be read once it was "
            "opened for writing"
        )
    row = session.row(_STORED.format(body=session.octets("e.body")), (seq,))
    if row is None or row[5]:
        return None
    stored, name = Stored(*row[:5]), row[6]
    if stored.wrapped is None:
        raise ConfigurationError(f"the data key of entry {seq} is gone, and no entry erased it")
    opened = vault.open(stored, name)
    commitments = commitments_of(json.loads(row[7]))
    if commitments is not None and (names := opened.unlike(commitments)):
        raise ConfigurationError(
            f"private data of entry {seq} are not what it committed to ({', '.join(names)})"
        )
    return opened.values


def commitments_of(body: Mapping[str, Any]) -> dict[str, str] | None:
    """The commitments of an entry, also those of an opening that it carries; None without any."""
    found: dict[str, str] | None = begun(body).get("commitments")
    return found


def begun(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The opening that the entry of an end carries; any other entry is given back."""
    opened = body.get("opened")
    return opened if isinstance(opened, dict) else body
