"""Time stamps (RFC 3161) of checkpoints, in a folder beside the log; all of them stay.

Each is two files: `SIZE-ID.tsr`, the authority's answer, and `SIZE-ID.checkpoint`, what it is over.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain import timestamp
from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.note import MAX_BYTES, Note
from guardrail.chain.timestamp import Timestamp, verify_timestamp
from guardrail.errors import ConfigurationError
from guardrail.log.beside import beside, keep_file, list_files, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from guardrail.log.location import Location

SUFFIX = ".timestamps"
ANSWER = ".tsr"
NOTE = ".checkpoint"
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


def list_timestamps(folder: Path) -> list[Kept]:
    """Every time stamp of a folder, smallest size first. Raises ConfigurationError."""
    named = [(_NAME.fullmatch(path.name), path) for path in list_files(folder, ANSWER)]
    return sorted(Kept(int(name[1]), path) for name, path in named if name)


def keep_timestamp(location: Location, size: int, note: bytes, response: bytes) -> Path:
    """Keep an answer and the checkpoint it is over; raises ConfigurationError."""
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
