"""Rotates the log's keys: new pseudonyms, and every data key wrapped anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError, InputError
from guardrail.log.fragments import plain
from guardrail.log.keyring import add_epoch, retire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from guardrail.log.access import Identity
    from guardrail.log.log import Log
    from guardrail.log.session import WriteSession

EVENT = "rotate"
BATCH = 2000
_OLD = (
    "SELECT id, wrapper, wrapped FROM data_keys WHERE wrapper <> ? AND id > ? ORDER BY id LIMIT ?"
)
_LEFT = "SELECT count(*) FROM data_keys WHERE wrapper <> ?"
_WRAP = "UPDATE data_keys SET wrapper = ?, wrapped = ? WHERE id = ? AND wrapped = ?"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done. epoch: id of the current one; was: of the one before, if this run changed it.

    rewrapped: data keys; retired: epochs whose secret the key file no longer has.
    """

    epoch: str
    was: str | None
    rewrapped: int
    retired: tuple[str, ...]


def rotate(
    log: Log,
    by: Identity,
    why: str = "",
    *,
    resume: bool = False,
    watch: Callable[[int, int], None] | None = None,
) -> Rotated:
    """Begin a new epoch, and wrap every data key under it; each step is an entry.

    resume: only finish an earlier run, beginning nothing. A run that was stopped leaves a log
    that works: the key file keeps an epoch as long as a data key needs it. watch: called with the
    data keys wrapped anew so far, and their number.

    Raises ConfigurationError and LogUnavailable.
    """
    was = None if resume else _begin(log, by, why)
    count = _rewrap(log, by, watch)
    gone = retire(log.location.key, log.vault.ring)
    return Rotated(log.vault.keys.id, was, count, tuple(gone))


def _begin(log: Log, by: Identity, why: str) -> str:
    """Add an epoch to the key file, then make it the log's, in the transaction of an entry."""
    vault = log.vault
    ring, was = vault.ring, vault.keys.id
    newest = ring.epochs[-1]
    if newest is ring.current:
        newest = add_epoch(log.location.key, ring).epochs[-1]

    def change(session: WriteSession, seq: int) -> None:
        if session.value("SELECT value FROM meta WHERE key = 'key_id'") != was:
            raise InputError("the keys were rotated meanwhile; look before you do it again")
        try:
            session.execute("UPDATE meta SET value = ? WHERE key = 'key_id'", (newest.id,))
            session.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(seq),))
        except ConfigurationError as error:  # of a role without the rights: the log goes on
            raise InputError(str(error)) from None

    fields = {
        "by": by.json(),
        "why": plain(why, 1000),
        "step": "epoch",
        "from": was,
        "to": newest.id,
    }
    seq = log.record(EVENT, fields, change=change)
    vault.moved(seq, newest.id)
    return was


def _rewrap(log: Log, by: Identity, watch: Callable[[int, int], None] | None) -> int:
    vault = log.vault
    with log.reading() as session:
        total: int = session.value(_LEFT, (vault.wrapper_id,))
    done, after = 0, ""
    while True:
        with log.reading() as session:
            rows = session.rows(_OLD, (vault.wrapper_id, after, BATCH))
        if not rows:
            return done
        new = [(*vault.rewrapped(*row), row[0], row[2]) for row in rows]

        def change(session: WriteSession, _: int, new: Sequence[Sequence[object]] = new) -> None:
            session.many(_WRAP, new)

        fields = {"by": by.json(), "step": "rewrap", "to": vault.wrapper_id, "keys": len(new)}
        log.record(EVENT, fields, change=change)
        done, after = done + len(rows), rows[-1][0]
        if watch is not None:
            watch(done, total)
