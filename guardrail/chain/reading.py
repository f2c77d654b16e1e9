"""The entries one by one: their numbers, form, times and receipts."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from guardrail.chain.entry import HEADER, Json, canonical, entry_bytes, read_body
from guardrail.chain.errors import Malformed, ProofRejected
from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.frontier import Frontier
from guardrail.chain.hashing import MAX_SIZE, leaf_hash
from guardrail.chain.proofs import verify_inclusion
from guardrail.chain.walk import Walk

if TYPE_CHECKING:
    from guardrail.chain.evidence import Evidence
    from guardrail.chain.tree import HashReader

_SECOND = 1_000_000_000
_NOTHING = leaf_hash(b"")
_EMPTY = Frontier()


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored now. seq: from 1, dense; body: canonical JSON, or what it is of.

    at: what the body says of when, ns since the epoch, UTC; None leaves times unchecked.
    older: written before bodies had to be canonical, so that its form is not checked.
    """

    seq: int
    body: bytes | dict[str, Json]
    at: int | None = None
    older: bool = False


@dataclass(slots=True)
class Clock:
    """What outside clocks say: entries below a signed size are older than when it was seen.

    marks: signed sizes, and when each was seen, seconds since the epoch.
    """

    marks: list[tuple[int, int]]
    _passed: int = 0
    _after: int | None = None
    _before: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.marks.sort()
        latest = MAX_SIZE
        for _, seen in reversed(self.marks):
            latest = min(latest, seen)
            self._before.append(latest)
        self._before.reverse()

    def contradicts(self, index: int, at: int, tolerance: int) -> bool:
        """Whether entry `index` cannot be of `at` (ns), give or take seconds; in rising order."""
        while self._passed < len(self.marks) and self.marks[self._passed][0] <= index:
            seen = self.marks[self._passed][1]
            self._after = seen if self._after is None else max(self._after, seen)
            self._passed += 1
        if self._after is not None and at < (self._after - tolerance) * _SECOND:
            return True
        left = self._passed < len(self.marks)
        return left and at > (self._before[self._passed] + tolerance) * _SECOND


class Reading:
    """Takes rows, hands their hashes to `walk`, and notes what is wrong with each.

    start: the tree before the first row. total: the highest number so far; count: rows with a
    number.
    """

    def __init__(
        self,
        evidence: Evidence,
        recorded: HashReader | None,
        tolerance: int,
        check_form: bool,
        start: Frontier = _EMPTY,
    ) -> None:
        self._receipts = evidence.receipts
        self._tolerance = tolerance
        self._check_form = check_form
        seen = [(proof.tree.size, proof.seen_at) for proof in evidence.proofs]
        self._clock = Clock([(size, at) for size, at in seen if at is not None])
        self.walk = Walk((proof.tree.size for proof in evidence.proofs), recorded, start)
        self.faults: list[Fault] = []
        self.gaps: list[tuple[int, int]] = []
        self.total = start.size
        self.count = 0

    def take(self, row: Row) -> None:
        """Read one row."""
        seq = row.seq
        if type(seq) is not int or not 0 < seq <= MAX_SIZE:
            detail = "a row without a number of its own stands after this entry"
            self._fault(FaultKind.UNREADABLE, detail, self.total)
            return
        self.count += 1
        if seq <= self.total:
            self._late(seq)
            return
        if seq > self.total + 1:
            self.gaps.append((self.total + 1, seq - 1))
            self.walk.skip_to(seq - 1)
        self.total = seq
        leaf = self._leaf(row)
        self.walk.add(leaf)
        self._check(row, leaf)

    def finish(self) -> None:
        """The end of the rows: what is missing, and what the record says beyond it."""
        self.walk.skip_to(max(self.total, self.walk.limit))
        for first, last in self.gaps:
            self._fault(FaultKind.MISSING, "not there", first, last)
        for index, receipts in self._receipts.items():
            if index >= self.total or self._gap(index + 1) is not None:
                for given in receipts:
                    detail = "a receipt was given for an entry that is not there"
                    self._fault(FaultKind.MISSING, detail, index + 1, receipt=given.number)

    def _gap(self, seq: int) -> int | None:
        place = bisect_right(self.gaps, (seq, MAX_SIZE + 1)) - 1
        return place if place >= 0 and seq <= self.gaps[place][1] else None

    def _late(self, seq: int) -> None:
        """A number at or below one that stood before."""
        place = self._gap(seq)
        if place is None:
            self._fault(FaultKind.REPEATED, f"stands again after entry {self.total}", seq)
            return
        first, last = self.gaps[place]
        parts = ((first, seq - 1), (seq + 1, last))
        self.gaps[place : place + 1] = [part for part in parts if part[0] <= part[1]]
        self._fault(FaultKind.OUT_OF_ORDER, f"stands after entry {self.total}", seq)

    def _leaf(self, row: Row) -> bytes:
        leaf = _NOTHING
        try:
            body = row.body if isinstance(row.body, bytes) else canonical(row.body)
            leaf = leaf_hash(HEADER + body)
            entry_bytes(body)
            if self._check_form and not row.older:
                read_body(body)
        except Malformed as error:
            self._fault(FaultKind.UNREADABLE, error.problem, row.seq)
        return leaf

    def _check(self, row: Row, leaf: bytes) -> None:
        index = row.seq - 1
        if type(row.at) is int and self._clock.contradicts(index, row.at, self._tolerance):
            detail = "its time is contradicted by when a checkpoint was seen outside"
            self._fault(FaultKind.MISDATED, detail, row.seq)
        for given in self._receipts.get(index, ()):
            size, root = given.tree.size, given.tree.root
            try:
                verify_inclusion(leaf, index, size, given.receipt.proof, root)
            except ProofRejected as error:
                detail = f"not what its receipt was given for: {error}"
                self._fault(FaultKind.EDITED, detail, row.seq, receipt=given.number)

    def _fault(
        self,
        kind: FaultKind,
        detail: str,
        first: int,
        last: int | None = None,
        receipt: int | None = None,
    ) -> None:
        new = Fault(kind, detail, first, last or first, receipt=receipt)
        before = self.faults[-1] if self.faults else None
        if before is not None and before.last == first - 1:
            grown = replace(before, last=new.last)
            if grown == replace(new, first=before.first):
                self.faults[-1] = grown
                return
        self.faults.append(new)
