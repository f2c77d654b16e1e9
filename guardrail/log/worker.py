"""What each process says of itself in the log, so that silence shows: start, counters, stop."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from guardrail import __version__
from guardrail.log.event import make_event
from guardrail.log.record import COLUMNS
from guardrail.log.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.log.append import Counts
    from guardrail.log.event import Event
    from guardrail.log.record import Write

EVERY = 60 * SECOND


def notes_of(writes: Sequence[Write], at: int) -> dict[Worker, Event]:
    """What other workers are due to say of themselves at `at` (ns), as they now write."""
    theirs = dict.fromkeys(write.worker for write in writes if write.worker is not None)
    notes = {worker: worker.note(at, ending=False) for worker in theirs}
    return {worker: note for worker, note in notes.items() if note is not None}


def credit(
    writes: Sequence[Write], new: Sequence[Write], totals: Counts, notes: Mapping[Worker, Event]
) -> int:
    """Give other workers what they wrote, and take it from `totals`; give what we kept ourselves.

    new: those whose entry was not there before.
    """
    fresh = {id(write) for write in new}
    shares: dict[Worker, list[Write]] = {}
    for write in writes:
        if write.worker is not None:
            counts = write.record is None or id(write) in fresh
            shares.setdefault(write.worker, []).extend([write] * counts)
    for worker, share in shares.items():
        counts_of: Counts = {}
        for write in share:
            numbers = counts_of.setdefault(write.bucket, [0] * len(COLUMNS))
            numbers[COLUMNS.index(write.column)] += 1
            totals[write.bucket][COLUMNS.index(write.column)] -= 1
        kept = sum(write.record is not None for write in share)
        worker.wrote(notes.get(worker), counts_of, kept)
    return sum(write.worker is None for write in new)


class Worker:
    """Counts what one process wrote; its `id` is random, and new after a fork.

    silent: it writes nothing of itself, as it guards no requests.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self.begin()

    def begin(self) -> None:
        """Become a new worker, which has not written anything."""
        self.id = secrets.token_hex(8)
        self._number = 0
        self._noted_at = 0
        self._counts = {"opened": 0, "closed": 0, "kept": 0}

    def note(self, at: int, *, ending: bool) -> Event | None:
        """The entry that is due at `at` (ns), if one is.

        `started` comes with the first write, `running` a minute or more after the entry before if
        something was written since, `stopped` at the end of a worker that ever wrote.
        """
        if self._silent:
            return None
        if not self._number:
            return None if ending else self._entry("started", at)
        if ending:
            return self._entry("stopped", at)
        late = not self._noted_at <= at < self._noted_at + EVERY
        return self._entry("running", at) if late and any(self._counts.values()) else None

    def rest(self, at: int) -> Event | None:
        """What it counted since its entry before, where somebody else knows that it is gone."""
        return self._entry("running", at) if any(self._counts.values()) else None

    def wrote(self, note: Event | None, counts: Counts, kept: int) -> None:
        """What a commit made durable: a note of ours, counts of attempts, entries kept in full."""
        if note is not None:
            self._number += 1
            self._noted_at = note.at
            self._counts = dict.fromkeys(self._counts, 0)
        for numbers in counts.values():
            self._counts["opened"] += numbers[0]
            self._counts["closed"] += sum(numbers[1 : len(COLUMNS)])
        self._counts["kept"] += kept

    def _entry(self, state: str, at: int) -> Event:
        told = {"worker": self.id, "state": state, "number": self._number, "version": __version__}
        return make_event("worker", at, {**told, **self._counts}, name=self.id)
