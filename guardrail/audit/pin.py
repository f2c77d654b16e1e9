"""Where an inquiry's log ends: kept beside the inquiry, so that a later build reads the same.

The lock file holds the signed checkpoint, the counts as they were (they are no entries, and grow
with late ends) and the key of the report's pseudonyms. Mode 0600: it is for the operator alone.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail.audit.figures import read_counts
from guardrail.audit.records import Count
from guardrail.chain.errors import EvidenceError
from guardrail.chain.tree import root
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.keys import create_secret
from guardrail.log.tree import StoredHashes

if TYPE_CHECKING:
    from guardrail.audit.inquiry import ScopeModel
    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.session import Session

VERSION = 1
_LAST = "SELECT note, at FROM checkpoints ORDER BY size DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Pin:
    """The log as an inquiry sees it.

    note: the signed checkpoint; at: when it was signed, ns. counts: of the period, by day.
    secret: 32 bytes from which the report's pseudonyms are made.
    """

    checkpoint: Checkpoint
    note: bytes
    at: int
    period: tuple[int, int, int]
    counts: tuple[Count, ...]
    secret: bytes = field(repr=False)


def lock_path(inquiry: Path) -> Path:
    """The lock file of an inquiry's file."""
    return inquiry.with_name(f"{inquiry.stem}.lock.json")


def pin(path: Path, scope: ScopeModel, session: Session, key: VerifierKey) -> Pin:
    """The pin in the lock file `path`, which is made if there is none.

    Raises ConfigurationError when the log or the period is not that of the lock file, and
    LogUnavailable when nothing is signed yet.
    """
    period = (scope.start, scope.end, scope.offset)
    if not path.exists():
        create_secret(path, _written(_new(session, key, period)))
    found = _read(path, key)
    _check(found, period, session, path)
    return found


def _new(session: Session, key: VerifierKey, period: tuple[int, int, int]) -> Pin:
    row = session.row(_LAST)
    if row is None:
        raise LogUnavailable("nothing is signed yet in the attempt log; try again in a second")
    note, at = bytes(row[0]), row[1]
    checkpoint = Trust(key.name, (key,)).open(note).checkpoint
    counts = tuple(read_counts(session, *period))
    return Pin(checkpoint, note, at, period, counts, secrets.token_bytes(32))


def _written(pinned: Pin) -> str:
    fields = {
        "guardrail_inquiry_lock": VERSION,
        "checkpoint": pinned.note.decode(),
        "at": pinned.at,
        "period": pinned.period,
        "secret": base64.b64encode(pinned.secret).decode(),
    }
    head = json.dumps(fields, ensure_ascii=False, indent=1)
    rows = ",\n".join(json.dumps(astuple(count), ensure_ascii=False) for count in pinned.counts)
    return f'{head.removesuffix("}").rstrip()},\n "counts": [\n{rows}\n]\n}}\n'


def _read(path: Path, key: VerifierKey) -> Pin:
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        note = fields["checkpoint"].encode()
        start, end, offset = map(int, fields["period"])
        counts = tuple(Count(*row) for row in fields["counts"])
        secret = base64.b64decode(fields["secret"], validate=True)
        at = int(fields["at"])
        other = fields["guardrail_inquiry_lock"] != VERSION
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} is no lock file of an inquiry ({type(error).__name__}); put it back, or "
            "remove it to pin the log as it is now"
        ) from None
    if other:
        raise ConfigurationError(f"{path} was written by a newer Guardrail; install that one")
    try:
        checkpoint = Trust(key.name, (key,)).open(note).checkpoint
    except EvidenceError as error:
        raise ConfigurationError(f"{path} is not of this log ({error})") from None
    return Pin(checkpoint, note, at, (start, end, offset), counts, secret)


def _check(pinned: Pin, period: tuple[int, int, int], session: Session, path: Path) -> None:
    if pinned.period != period:
        raise ConfigurationError(
            f"the inquiry's period is not the one that {path} was made for; put the old one back, "
            "or remove that file to pin the log as it is now"
        )
    size = pinned.checkpoint.size
    try:
        same = root(StoredHashes(session), size) == pinned.checkpoint.root
    except EvidenceError:
        same = False
    if not same:
        raise ConfigurationError(
            f"the log is not the one that was signed at size {size:,}: it was changed, or is an "
            "older copy; `guardrail log verify` says what is wrong"
        )
