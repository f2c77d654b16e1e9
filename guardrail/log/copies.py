"""What others said of a log, taken along in an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceError
from guardrail.chain.note import Note
from guardrail.log.attested import Attestations
from guardrail.log.beside import keep_file
from guardrail.log.cosigned import covering, list_cosigned

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.log.location import Location

COSIGNED = "cosigned"
STAMPS = "timestamps"


def best_note(location: Location, note: bytes) -> bytes:
    """The same checkpoint with the cosignatures there are; raises ConfigurationError."""
    text = Note.parse(note).text
    for kept in reversed(list_cosigned(location)):
        try:
            found = Note.parse(kept.data)
        except EvidenceError:
            continue
        if found.text == text:
            return kept.data
    return note


def covering_note(location: Location, seq: int, note: bytes) -> bytes:
    """The newest cosigned checkpoint that covers entry `seq`, else `note`."""
    kept = covering(location, seq)
    return note if kept is None else kept.data


def copy_attestations(location: Location, folder: Path, size: int) -> None:
    """Put the newest cosigned checkpoint and all time stamps of up to `size` entries into `folder`.

    Raises ConfigurationError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cosigned = [kept for kept in list_cosigned(location) if kept.size <= size]
    for kept in cosigned[-1:]:
        keep_file(folder / COSIGNED / kept.path.name, kept.data)
    for stamp in Attestations.of(location).stamps:
        if stamp.size <= size:
            keep_file(folder / STAMPS / stamp.path.with_suffix(".checkpoint").name, stamp.note)
            keep_file(folder / STAMPS / stamp.path.name, stamp.response)
