"""Time stamps (RFC 3161) of checkpoints, in a folder beside the log; all of them stay.

Each is two files: `SIZE-ID.tsr`, the authority's answer, and `SIZE-ID.checkpoint`, what it is over.
"""

from __future__ import annotations

import re
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain import timestamp
from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.note import MAX_BYTES, Note
from guardrail.chain.timestamp import (
    REQUEST_TYPE,
    Timestamp,
    claimed_timestamp,
    timestamp_request,
    verify_timestamp,
)
from guardrail.errors import ConfigurationError
from guardrail.log.beside import beside, keep_file, list_files, read_file
from guardrail.log.post import Unreachable, post
from guardrail.log.signed import SignedLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from guardrail.log.location import Location

SUFFIX = ".timestamps"
ANSWER = ".tsr"
NOTE = ".checkpoint"
SECONDS = 30.0
_NAME = re.compile(r"(0|[1-9][0-9]{0,18})-[0-9a-f]{16}\.tsr")
_MAX_ROOTS = 1_000_000


class Kept(NamedTuple):
    """A time stamp as it lies there, not yet believed. size: as its name says."""

    size: int
    path: Path

    @property
    def note(self) -> bytes:
        """The checkpoint it is over; raises ConfigurationError."""
        return read_file(self.path.with_suffix(NOTE), MAX_BYTES)

    @property
    def response(self) -> bytes:
        """The authority's answer; raises ConfigurationError."""
        return read_file(self.path, timestamp.MAX_BYTES)


class Stamped(NamedTuple):
    """A new time stamp. verified: whether roots bore it out; path: the answer's file."""

    tree: Checkpoint
    stamp: Timestamp
    path: Path
    verified: bool


def list_timestamps(folder: Path) -> list[Kept]:
    """Every time stamp of a folder, smallest size first. Raises ConfigurationError."""
    named = [(_NAME.fullmatch(path.name), path) for path in list_files(folder, ANSWER)]
    return sorted(Kept(int(name[1]), path) for name, path in named if name)


def timestamp_newest(
    location: Location, authority: str, roots: Sequence[bytes] = (), timeout: float = SECONDS
) -> Stamped:
    """Have the newest checkpoint time-stamped, and keep the answer.

    authority: its URL. roots: certificates (DER) that its signer must lead to; without any the
    answer is only read. timeout: seconds.

    Source: RFC 3161 section 3.4 (HTTP). Raises Unreachable, EvidenceError for a bad answer and
    for what is not installed, LogUnavailable when nothing is signed yet, ConfigurationError.
    """
    log = SignedLog(location)
    try:
        head = log.newest()
    finally:
        log.close()
    request = timestamp_request(head.tree)
    reply = post(authority, request.der, REQUEST_TYPE, timeout=timeout, limit=timestamp.MAX_BYTES)
    if reply.status != HTTPStatus.OK:
        raise Unreachable(f"it answered {reply.status}")
    if roots:
        stamp = verify_timestamp(reply.body, head.tree, roots, request.nonce)
    else:
        stamp = claimed_timestamp(reply.body, head.tree, request.nonce)
    path = _keep(location, head.tree.size, head.note, reply.body)
    return Stamped(head.tree, stamp, path, bool(roots))


def _keep(location: Location, size: int, note: bytes, response: bytes) -> Path:
    name = f"{size}-{sha256(response).hexdigest()[:16]}"
    folder = beside(location, SUFFIX)
    keep_file(folder / f"{name}{NOTE}", note)
    keep_file(folder / f"{name}{ANSWER}", response)
    return folder / f"{name}{ANSWER}"


def stamped_at(kept: Kept, roots: Sequence[bytes]) -> Timestamp:
    """Check one that is kept; raises EvidenceError, ConfigurationError."""
    tree = Checkpoint.parse(Note.parse(kept.note).text)
    return verify_timestamp(kept.response, tree, roots)


def read_roots(path: Path) -> list[bytes]:
    """The certificates of a PEM file, in DER. Raises ConfigurationError."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(read_file(path, _MAX_ROOTS))
    except ValueError:
        raise ConfigurationError(f"{path} holds no certificates in PEM") from None
    return [certificate.public_bytes(Encoding.DER) for certificate in found]
