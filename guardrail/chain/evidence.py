"""The signed statements a log is held against: checkpoints and receipts, opened and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceError, Malformed
from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.tree import HashReader
    from guardrail.chain.trust import Opened, Trust


@dataclass(frozen=True, slots=True)
class Held:
    """A signed checkpoint that was kept.

    note: its bytes; seen_at: when an outside clock saw it, seconds since the epoch, such as a
    verified time stamp (RFC 3161). Times of witnesses are read from the note itself.
    """

    note: bytes
    seen_at: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What to hold a log against; what was kept outside the log's own disk proves most.

    checkpoints: signed, in the order of their signing. receipts: `.tlog-proof` files that others
    hold. recorded: leaf hashes as the log stored them, or tiles from an archive: not trusted, but
    where a signed root bears them out, faults are told to the entry instead of to the range
    between two checkpoints.
    """

    checkpoints: Sequence[Held]
    receipts: Sequence[bytes] = ()
    recorded: HashReader | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A checkpoint that may be believed, and where it came from."""

    opened: Opened
    seen_at: int | None
    checkpoint: int | None = None
    receipt: int | None = None

    @property
    def tree(self) -> Checkpoint:
        """What it says."""
        return self.opened.checkpoint


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """A receipt whose checkpoint may be believed. number: position among those given."""

    number: int
    receipt: Receipt
    tree: Checkpoint


@dataclass(slots=True)
class Evidence:
    """Everything that may be believed. receipts: by the index of their entry."""

    proofs: list[Proof] = field(default_factory=list)
    receipts: dict[int, list[HeldReceipt]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def open_evidence(kept: Kept, trust: Trust) -> Evidence:
    """Open what was kept and compare it with itself.

    Sources: C2SP tlog-checkpoint, tlog-proof. Raises nothing: what does not hold is a fault.
    """
    evidence = Evidence()
    for number, held in enumerate(kept.checkpoints):
        try:
            opened = trust.open(held.note)
        except EvidenceError as error:
            evidence.faults.append(Fault(_kind(error), str(error), checkpoint=number))
            continue
        times = [at for at in (held.seen_at, opened.seen_at) if at is not None]
        evidence.proofs.append(Proof(opened, min(times, default=None), checkpoint=number))
    evidence.faults += _compared(evidence.proofs)
    for number, data in enumerate(kept.receipts):
        _open_receipt(evidence, number, data, trust)
    return evidence


def _open_receipt(evidence: Evidence, number: int, data: bytes, trust: Trust) -> None:
    try:
        receipt = Receipt.parse(data)
        opened = trust.open(receipt.checkpoint)
    except EvidenceError as error:
        kind = FaultKind.BAD_RECEIPT if isinstance(error, Malformed) else FaultKind.BAD_SIGNATURE
        evidence.faults.append(Fault(kind, str(error), receipt=number))
        return
    evidence.proofs.append(Proof(opened, opened.seen_at, receipt=number))
    given = HeldReceipt(number, receipt, opened.checkpoint)
    evidence.receipts.setdefault(receipt.index, []).append(given)


def _kind(error: EvidenceError) -> FaultKind:
    bad = isinstance(error, Malformed)
    return FaultKind.BAD_CHECKPOINT if bad else FaultKind.BAD_SIGNATURE


def _compared(proofs: Sequence[Proof]) -> Iterable[Fault]:
    """Faults that checkpoints show by themselves: a smaller one after a larger, two at one size."""
    largest: Proof | None = None
    roots: dict[int, bytes] = {}
    for proof in proofs:
        tree = proof.tree
        if largest is not None and tree.size < largest.tree.size:
            detail = f"size {tree.size} was signed after size {largest.tree.size}"
            yield Fault(FaultKind.ROLLED_BACK, detail, checkpoint=proof.checkpoint)
        if roots.setdefault(tree.size, tree.root) != tree.root:
            detail = f"another root than was signed before at size {tree.size}"
            yield Fault(FaultKind.FORKED, detail, checkpoint=proof.checkpoint)
        if largest is None or tree.size >= largest.tree.size:
            largest = proof
