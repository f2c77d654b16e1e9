"""A run of entries apart from their log: what proves it, and the check. Source: RFC 6962."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError, Malformed, ProofRejected
from guardrail.chain.evidence import Evidence, Proof, open_evidence
from guardrail.chain.faults import Fault, FaultKind, Report
from guardrail.chain.hashing import HASH_SIZE, MAX_SIZE
from guardrail.chain.proofs import verify_consistency
from guardrail.chain.reading import Reading, Row
from guardrail.chain.trust import Opened
from guardrail.chain.verify import TOLERANCE, Kept, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from guardrail.chain.frontier import Frontier
    from guardrail.chain.trust import Trust


@dataclass(frozen=True, slots=True)
class Segment:
    """Entries `start.size + 1` to `last` of a log, and what proves them under a signed root.

    start: the compact range over the entries before them. root: Merkle tree hash over the first
    `last` entries. note: a signed checkpoint of at least that size. start_proof, end_proof: that
    its tree begins with the one before the entries, and with the one after them.

    Source: RFC 6962 sections 2.1 and 2.1.2. Raises Malformed.
    """

    start: Frontier
    last: int
    root: bytes
    start_proof: tuple[bytes, ...]
    end_proof: tuple[bytes, ...]
    note: bytes

    def __post_init__(self) -> None:
        if not self.start.size < self.last <= MAX_SIZE:
            raise Malformed("segment", f"entries {self.first} to {self.last}")
        if len(self.root) != HASH_SIZE:
            raise Malformed("segment", f"a root of {len(self.root)} bytes, not {HASH_SIZE}")

    @property
    def first(self) -> int:
        """Number of its first entry."""
        return self.start.size + 1


def open_segment(segment: Segment, trust: Trust) -> Opened:
    """Check all of a segment but its entries: the signature, and both proofs.

    Sources: C2SP tlog-checkpoint, RFC 6962 section 2.1.2. Raises Malformed, SignatureRejected,
    ProofRejected, EvidenceUnavailable.
    """
    opened = trust.open(segment.note)
    tree, start = opened.checkpoint, segment.start
    verify_consistency(start.size, tree.size, start.root, tree.root, segment.start_proof)
    verify_consistency(segment.last, tree.size, segment.root, tree.root, segment.end_proof)
    return opened


def verify_segment(segment: Segment, rows: Iterable[Row], kept: Kept, trust: Trust) -> Report:
    """Hold the entries of a segment against the root that was signed over them, in one pass.

    rows: ordered by seq. kept: checkpoints and receipts of sizes and entries that lie within the
    segment, and the leaf hashes as they were stored, by their index in the log.

    1. The segment's own proof. 2. The entries: numbers, form, hashes. 3. Their tree, grown on that
    before them, against the proven root. `Report.proven` counts from the log's first entry.

    Sources: RFC 6962 sections 2.1 and 2.1.2. Raises nothing for what it is given.
    """
    evidence = _evidence(segment, kept, trust)  # 1
    reading = Reading(evidence, kept.recorded, TOLERANCE, check_form=True, start=segment.start)
    for row in rows:  # 2
        reading.take(row)
    reading.finish()
    if reading.total > segment.last:
        detail = "stands beyond the entries that the proof is of"
        evidence.faults.append(Fault(FaultKind.ADDED, detail, segment.last + 1, reading.total))
    report = judge(evidence, reading, segment.start.size)  # 3
    if any(fault.kind is FaultKind.UNPROVEN and fault.first is None for fault in report.faults):
        told = [fault for fault in report.faults if fault.kind is not FaultKind.UNPROVEN]
        return replace(report, faults=tuple(told or report.faults))
    return report


def _evidence(segment: Segment, kept: Kept, trust: Trust) -> Evidence:
    """What may be believed, the proven end of the segment among it."""
    found = open_evidence(kept, trust)
    inside = [p for p in found.proofs if segment.first <= p.tree.size <= segment.last]
    evidence = Evidence(inside, found.receipts, [*found.faults, *_forks(segment, found)])
    try:
        opened = open_segment(segment, trust)
    except EvidenceError as error:
        evidence.faults.append(Fault(_kind(error), str(error), segment.first, segment.last))
        return evidence
    tree = Checkpoint(opened.checkpoint.origin, segment.last, segment.root)
    evidence.proofs.append(Proof(Opened(tree, opened.log, opened.witnesses), None))
    return evidence


def _forks(segment: Segment, found: Evidence) -> Iterator[Fault]:
    """Checkpoints of the segment's two ends that say otherwise."""
    ends = {segment.start.size: segment.start.root, segment.last: segment.root}
    for proof in found.proofs:
        size = proof.tree.size
        if size and ends.get(size, proof.tree.root) != proof.tree.root:
            detail = f"another root than the archive has at size {size}"
            yield Fault(
                FaultKind.FORKED, detail, checkpoint=proof.checkpoint, receipt=proof.receipt
            )


def _kind(error: EvidenceError) -> FaultKind:
    if isinstance(error, ProofRejected):
        return FaultKind.BAD_PROOF
    return FaultKind.BAD_CHECKPOINT if isinstance(error, Malformed) else FaultKind.BAD_SIGNATURE
