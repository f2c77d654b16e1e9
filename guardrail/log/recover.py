"""Puts back what a log signed last, where that file was lost; refused if it does not fit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError
from guardrail.chain.hashing import EMPTY_ROOT
from guardrail.chain.note import MAX_BYTES
from guardrail.chain.signing import sign_checkpoint
from guardrail.chain.tree import root
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError
from guardrail.log.beside import keep_file, read_file
from guardrail.log.cosigned import list_cosigned
from guardrail.log.log import Log
from guardrail.log.opening import open_for_reading
from guardrail.log.signing import load_signing_key
from guardrail.log.tree import StoredHashes, read_frontier
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.log.location import Location
    from guardrail.log.session import Session

EVENT = "recovered"
How: TypeAlias = Literal["checkpoint", "database"]
_LAST = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was put back. seq: number of the entry that says so."""

    tree: Checkpoint
    seq: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A checkpoint that speaks of this log. place: where it was found."""

    place: str
    note: bytes
    tree: Checkpoint


def recover(location: Location, given: tuple[str, bytes] | None) -> Recovered:
    """Make the log's last checkpoint anew, from one kept elsewhere or from the database.

    given: its name and bytes; None: trust the database, which may be an older copy.

    1. Nothing is lost. 2. Everything that was signed or cosigned is borne out by the tree as it
    is. 3. The newest of it is put beside the log. 4. The log is opened as always, and the entry
    `recovered` says what was done.

    Raises ConfigurationError when there is nothing to recover, or the tree does not fit.
    """
    _check_lost(location)  # 1
    newest = _newest(location, given)  # 2
    _keep_damaged(location)
    keep_file(location.checkpoint, newest.note)  # 3
    how: How = "database" if given is None else "checkpoint"
    with Log(location) as log:  # 4
        told = {"how": how, "size": newest.tree.size, "root": newest.tree.root.hex()}
        return Recovered(newest.tree, log.record(EVENT, told))


def _newest(location: Location, given: tuple[str, bytes] | None) -> _Found:
    store = open_for_reading(location)
    try:
        key = log_key(store)
        trust = Trust(key.name, (key,))
        with store.reading() as session:
            found = [*_all(location, trust, session, given)]
            for item in found:
                _check_borne_out(session, item)
        if not found:
            return _empty(location, trust)
        return max(found, key=lambda item: item.tree.size)
    finally:
        with store.lock:
            store.close()


def _all(
    location: Location, trust: Trust, session: Session, given: tuple[str, bytes] | None
) -> Iterator[_Found]:
    if given is not None:
        yield _open(*given, trust)
    stored: bytes | None = session.value(_LAST)
    if stored is not None:
        yield _open("the last checkpoint in the database", stored, trust)
    for kept in list_cosigned(location):
        yield _open(str(kept.path), kept.data, trust)


def _open(place: str, note: bytes, trust: Trust) -> _Found:
    try:
        return _Found(place, note, trust.open(note).checkpoint)
    except EvidenceError as error:
        raise ConfigurationError(f"{place} is no checkpoint of this log: {error}") from None


def _check_borne_out(session: Session, item: _Found) -> None:
    size = item.tree.size
    try:
        there = read_frontier(session).size
        if there < size:
            raise ConfigurationError(
                f"{item.place} says that {size} entries were signed, the log has {there}: it is "
                "an older copy; put its newest one back"
            )
        same = root(StoredHashes(session), size) == item.tree.root
    except EvidenceError as error:
        raise ConfigurationError(f"the log's hashes are damaged ({error})") from None
    if not same:
        raise ConfigurationError(
            f"the first {size} entries are not those that {item.place} was signed for: the log "
            "was changed; put its newest good copy back"
        )


def _empty(location: Location, trust: Trust) -> _Found:
    """A log that never signed anything but its empty start."""
    key = load_signing_key(location.signing_key)
    tree = Checkpoint(trust.origin, 0, EMPTY_ROOT)
    note = sign_checkpoint(tree, [key], last=None, proof=(), at=0).encode()
    return _open(str(location.signing_key), note, trust)


def _check_lost(location: Location) -> None:
    if not location.checkpoint.exists():
        return
    store = open_for_reading(location)
    try:
        key = log_key(store)
        Trust(key.name, (key,)).open(read_file(location.checkpoint, MAX_BYTES))
    except EvidenceError:
        return
    finally:
        with store.lock:
            store.close()
    raise ConfigurationError(
        f"{location.checkpoint} is there and signed by this log: nothing has to be recovered"
    )


def _keep_damaged(location: Location) -> None:
    """What lies there instead stays, for whoever asks what happened."""
    damaged = location.checkpoint
    if damaged.exists():
        aside = damaged.with_name(f"{damaged.name}.damaged-{time.time_ns()}")
        keep_file(aside, read_file(damaged, MAX_BYTES))
