"""Holds entries against what was signed of them, and says exactly what is wrong and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.differences import explain, runs
from guardrail.chain.evidence import Evidence, Held, Kept, Proof, open_evidence
from guardrail.chain.faults import Fault, FaultKind, Report
from guardrail.chain.reading import Reading, Row
from guardrail.chain.walk import Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from guardrail.chain.trust import Trust

TOLERANCE = 300


def verify_log(
    rows: Iterable[Row],
    kept: Kept,
    trust: Trust,
    *,
    tolerance: int = TOLERANCE,
    check_form: bool = True,
) -> Report:
    """Verify a whole log, in one pass and constant memory but for what is wrong.

    rows: ordered by seq. tolerance: seconds by which clocks may differ. check_form: whether each
    body must also be canonical JSON, which takes most of the time.

    1. Open checkpoints and receipts, and compare them with each other. 2. Read the entries:
    numbers, form, times, receipts, hashes. 3. Compare the tree's roots with the signed ones, and
    name what differs.

    Sources: RFC 6962 section 2.1, C2SP tlog-checkpoint, tlog-proof. Raises nothing for what it is
    given; what is not installed is a fault too.
    """
    evidence = open_evidence(kept, trust)  # 1
    reading = Reading(evidence, kept.recorded, tolerance, check_form)
    for row in rows:  # 2
        reading.take(row)
    reading.finish()
    return judge(evidence, reading)  # 3


def judge(evidence: Evidence, reading: Reading, start: int = 0) -> Report:
    """Compare the roots of what was read, after the first `start` entries, with the signed ones."""
    return _Judgement(evidence, reading, start).report()


@dataclass(slots=True)
class _Judgement:
    """Step 3: roots as they are, against roots as they were signed."""

    evidence: Evidence
    reading: Reading
    start: int

    def report(self) -> Report:
        faults = [*self.evidence.faults, *self.reading.faults]
        faults += self._forks(faults)
        faults += self._named()
        faults += self._ranges()
        head = self._head()
        if head is None and not self.evidence.proofs:
            faults.append(Fault(FaultKind.UNPROVEN, "no checkpoint that can be believed"))
        opened = None if head is None else head.opened
        return Report(self.reading.count, self._vouched, opened, tuple(faults))

    def _matches(self, proof: Proof, roots: dict[int, bytes]) -> bool:
        return roots.get(proof.tree.size) == proof.tree.root

    def _largest(self, roots: dict[int, bytes]) -> int:
        proofs = self.evidence.proofs
        return max((p.tree.size for p in proofs if self._matches(p, roots)), default=self.start)

    @property
    def _proven(self) -> int:
        """The largest signed size whose root the entries themselves have."""
        return self._largest(self.reading.walk.roots)

    @property
    def _anchored(self) -> int:
        """The largest signed size whose root the stored hashes have."""
        return self._largest(self.reading.walk.recorded_roots)

    @property
    def _vouched(self) -> int:
        return max(self._proven, self._anchored)

    def _holds(self, proof: Proof) -> bool:
        walk = self.reading.walk
        return self._matches(proof, walk.roots) or self._matches(proof, walk.recorded_roots)

    def _head(self) -> Proof | None:
        size = self._vouched
        found = (p for p in self.evidence.proofs if p.tree.size == size and self._holds(p))
        return next(found, None)

    def _forks(self, known: Sequence[Fault]) -> Iterator[Fault]:
        told = {(f.checkpoint, f.receipt) for f in known if f.kind is FaultKind.FORKED}
        size = self._vouched
        for proof in self.evidence.proofs:
            place = (proof.checkpoint, proof.receipt)
            if proof.tree.size <= size and not self._holds(proof) and place not in told:
                detail = f"size {proof.tree.size} has another root under the one signed at {size}"
                yield Fault(FaultKind.FORKED, detail, None, None, *place)

    def _named(self) -> Iterator[Fault]:
        """Single entries, where stored hashes are borne out by a signed root, or contradict one."""
        walk, proven, anchored = self.reading.walk, self._proven, self._anchored
        if anchored > proven:
            trusted = {
                index: found if index < anchored else Difference(found.own, None)
                for index, found in walk.differences.items()
            }
            yield from explain(trusted, self.reading.total, complete=not walk.overflow)
            if walk.overflow:
                detail = "too many of them are not what was signed to name each"
                yield Fault(FaultKind.ALTERED, detail, min(trusted) + 1, anchored)
            return
        both = [
            index
            for index, found in walk.differences.items()
            if found.own and found.recorded and found.own != found.recorded
        ]
        detail = "the entry is the one that was signed; the hash stored for it is not"
        yield from runs((i for i in both if i < proven), FaultKind.STORED_HASH, detail)
        detail = "its bytes are not those of its stored hash, and no signed root bears out either"
        yield from runs((i for i in both if i >= proven), FaultKind.EDITED, detail)

    def _ranges(self) -> Iterator[Fault]:
        """Ranges between signed sizes, where nothing tells the entries in them apart."""
        total, vouched = self.reading.total, self._vouched
        open_proofs = sorted(
            (p for p in self.evidence.proofs if p.tree.size > vouched), key=lambda p: p.tree.size
        )
        if not open_proofs:
            return
        first, last = open_proofs[0], open_proofs[-1]
        if first.tree.size <= total:
            kind, detail = self._reason(vouched + 1, first.tree.size)
            place = (first.checkpoint, first.receipt)
            yield Fault(kind, detail, vouched + 1, first.tree.size, *place)
        if last.tree.size > total and self._anchored <= total:
            detail = f"{last.tree.size} entries were signed, {total} are there"
            place = (last.checkpoint, last.receipt)
            yield Fault(FaultKind.TRUNCATED, detail, total + 1, last.tree.size, *place)

    def _reason(self, first: int, last: int) -> tuple[FaultKind, str]:
        if last not in self.reading.walk.roots or self._anchored > self._proven:
            return FaultKind.UNPROVEN, "cannot be checked: entries before or among them are wrong"
        if first == last:
            return FaultKind.ALTERED, "its bytes are not those that were signed"
        return FaultKind.ALTERED, "one or more of them are not what was signed"


__all__ = ["TOLERANCE", "Fault", "FaultKind", "Held", "Kept", "Report", "Row", "verify_log"]
