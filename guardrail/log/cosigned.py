"""Checkpoints with the cosignatures of witnesses, in a folder beside the log.

The newest stays, and of older ones the last of each hour.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError
from guardrail.chain.note import MAX_BYTES, Note
from guardrail.errors import ConfigurationError
from guardrail.log.beside import beside, keep_file, list_files, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from guardrail.chain.keys import VerifierKey
    from guardrail.chain.trust import Trust
    from guardrail.log.location import Location

SUFFIX = ".cosigned"
_FILE = ".checkpoint"
_NAME = re.compile(r"(0|[1-9][0-9]{0,18})\.checkpoint")
_HOUR = 3600


class Kept(NamedTuple):
    """A cosigned checkpoint as it lies there, not yet believed. size: as its name says."""

    size: int
    path: Path

    @property
    def data(self) -> bytes:
        """Raises ConfigurationError."""
        return read_file(self.path, MAX_BYTES)


def list_cosigned(location: Location) -> list[Kept]:
    """Every cosigned checkpoint of a log, smallest first. Raises ConfigurationError."""
    return list_cosigned_in(beside(location, SUFFIX))


def list_cosigned_in(folder: Path) -> list[Kept]:
    """Every cosigned checkpoint of a folder, smallest first. Raises ConfigurationError."""
    paths = list_files(folder, _FILE)
    named = [(_NAME.fullmatch(path.name), path) for path in paths]
    return sorted(Kept(int(name[1]), path) for name, path in named if name)


def covering(location: Location, size: int) -> Kept | None:
    """The newest one of at least `size` entries."""
    found = list_cosigned(location)
    return found[-1] if found and found[-1].size >= size else None


def cosigned_last(location: Location, key: VerifierKey) -> int:
    """The largest size that this witness is known to have cosigned; 0: none.

    Nothing is believed here: it only says where to begin.
    """
    for kept in reversed(list_cosigned(location)):
        try:
            note = Note.parse(kept.data)
        except (EvidenceError, ConfigurationError):
            continue
        if any(key.signed(found) for found in note.signatures):
            return kept.size
    return 0


def keep_cosigned(location: Location, note: Note, trust: Trust, *, enough: bool) -> Note:
    """Add a checkpoint's cosignatures to those that are kept; the whole is returned.

    enough: whether a quorum has signed it, so that older ones of the same hour may go.

    Raises ConfigurationError when another tree of that size was cosigned, or the disk gives out.
    """
    tree = Checkpoint.parse(note.text)
    path = beside(location, SUFFIX) / f"{tree.size}{_FILE}"
    whole = _merged(path, note) if path.exists() else note
    if not path.exists() or read_file(path, MAX_BYTES) != whole.encode():
        keep_file(path, whole.encode())
    if enough:
        _thin_out(location, path, trust)
    return whole


def cosigners(note: Note, keys: Iterable[VerifierKey]) -> dict[str, int | None]:
    """Names of the witnesses that signed, with the earliest time each tells (seconds).

    Raises SignatureRejected when one of their signatures is wrong.
    """
    known = tuple(keys)
    if not any(key.signed(found) for key in known for found in note.signatures):
        return {}
    times: dict[str, int | None] = {}
    for found in note.verify(known):
        before = times.get(found.key.name, found.at)
        times[found.key.name] = min(filter(None, (before, found.at)), default=None)
    return times


def _merged(path: Path, note: Note) -> Note:
    """What is there, with signatures of those that had not signed it: the earliest one counts."""
    try:
        before = Note.parse(read_file(path, MAX_BYTES))
    except EvidenceError:
        return note  # damaged: the new one is better than it
    if before.text != note.text:
        raise ConfigurationError(
            f"{path} holds another tree of the same size: the log was changed after it was "
            "cosigned; `guardrail log verify` says what is wrong"
        )
    have = {(found.name, found.key_id) for found in before.signatures}
    return before.with_signatures(
        found for found in note.signatures if (found.name, found.key_id) not in have
    )


def _thin_out(location: Location, newest: Path, trust: Trust) -> None:
    """Of the hour in which the newest was cosigned, only the newest stays."""
    hour = _hour(newest, trust)
    for kept in _before(location, newest):
        if hour is None or _hour(kept.path, trust) != hour:
            return
        kept.path.unlink(missing_ok=True)


def _before(location: Location, newest: Path) -> Iterator[Kept]:
    older = [kept for kept in list_cosigned(location) if kept.path.name != newest.name]
    size = int(newest.name.removesuffix(_FILE))
    yield from reversed([kept for kept in older if kept.size < size])


def _hour(path: Path, trust: Trust) -> int | None:
    try:
        opened = trust.open(read_file(path, MAX_BYTES))
    except (EvidenceError, ConfigurationError):
        return None  # what cannot be read is not thrown away
    return None if opened.seen_at is None else opened.seen_at // _HOUR
