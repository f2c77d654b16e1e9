"""What can be wrong with a log, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail.chain.trust import Opened


class FaultKind(StrEnum):
    """One kind of damage or fraud."""

    MISSING = "missing"  # entries that are not there, or whose number went to another
    REPEATED = "repeated"  # a number that stood before
    OUT_OF_ORDER = "out of order"  # entries in another order than their numbers
    UNREADABLE = "unreadable"  # no canonical JSON, too long, or no number
    EDITED = "edited"  # other bytes than were recorded
    MOVED = "moved"  # the bytes of another place
    ADDED = "added"  # an entry pushed in between recorded ones
    ALTERED = "altered"  # something in this range was changed after it was signed
    TRUNCATED = "truncated"  # fewer entries than were signed
    FORKED = "forked"  # two signed trees that cannot both be true
    ROLLED_BACK = "rolled back"  # a smaller tree signed after a larger one
    MISDATED = "misdated"  # a time that an outside clock contradicts
    STORED_HASH = "stored hash"  # a stored hash that is not the proven entry's
    INDEX = "index"  # what an entry is found by is not what it says
    PRIVATE = "private data"  # what an entry commits to is gone, or is not what it committed to
    BAD_CHECKPOINT = "bad checkpoint"  # cannot be read, or is of another log
    BAD_SIGNATURE = "bad signature"  # not signed as it has to be
    BAD_PROOF = "bad proof"  # a Merkle proof that does not lead to the signed root
    BAD_RECEIPT = "bad receipt"  # a receipt that cannot be read
    UNPROVEN = "unproven"  # no checkpoint vouches for anything


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong.

    first, last: numbers (`seq`, from 1) of the entries it concerns, both inclusive; None where it
    concerns none. checkpoint, receipt: position (from 0) among those given. detail: for a person.
    """

    kind: FaultKind
    detail: str
    first: int | None = None
    last: int | None = None
    checkpoint: int | None = None
    receipt: int | None = None

    def __str__(self) -> str:
        places = []
        if self.first is not None:
            several = self.last is not None and self.last != self.first
            places.append(f"entries {self.first}-{self.last}" if several else f"entry {self.first}")
        if self.checkpoint is not None:
            places.append(f"checkpoint {self.checkpoint}")
        if self.receipt is not None:
            places.append(f"receipt {self.receipt}")
        return f"{self.kind}: {', '.join(places) or 'the log'}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    entries: how many were read; proven: the first so many are, but for those named in `faults`,
    what the log signed; head: the largest checkpoint that bears this out, None without one.
    """

    entries: int
    proven: int
    head: Opened | None
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong, and something was proven; entries after `proven` are not yet signed."""
        return not self.faults and self.head is not None
