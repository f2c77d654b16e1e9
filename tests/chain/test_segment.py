"""A run of entries apart from its log, against the root that was signed over it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.entry import canonical, entry_bytes, entry_leaf
from guardrail.chain.errors import Malformed
from guardrail.chain.evidence import Held, Kept
from guardrail.chain.faults import FaultKind
from guardrail.chain.frontier import Frontier, tree_root
from guardrail.chain.reading import Row
from guardrail.chain.receipt import Receipt
from guardrail.chain.segment import Segment, verify_segment
from guardrail.chain.tree import MemoryHashes, consistency_proof, frontier, inclusion_proof
from tests.chain.signers import ORIGIN, TRUST, signed

COUNT = 20
BODIES = [canonical({"id": f"a{number}"}) for number in range(1, COUNT + 1)]
LEAVES = [entry_leaf(body) for body in BODIES]
TREE = MemoryHashes(LEAVES)
NOTHING = Kept([])
RECORDED = Kept([], recorded=TREE)


def segment(after: int, last: int, size: int = COUNT) -> Segment:
    note = signed(Checkpoint(ORIGIN, size, tree_root(LEAVES[:size])))
    proofs = consistency_proof(TREE, after, size), consistency_proof(TREE, last, size)
    return Segment(frontier(TREE, after), last, tree_root(LEAVES[:last]), *proofs, note)


def rows(after: int, last: int) -> list[Row]:
    return [Row(number, BODIES[number - 1]) for number in range(after + 1, last + 1)]


@pytest.mark.parametrize("size", [1, 2, 7, 8, COUNT])
def test_every_segment_of_every_tree_holds(size: int) -> None:
    for last in range(1, size + 1):
        for after in range(last):
            report = verify_segment(segment(after, last, size), rows(after, last), NOTHING, TRUST)
            assert report.ok, report.faults
            assert (report.entries, report.proven) == (last - after, last)


def test_the_compact_range_is_that_of_the_leaves() -> None:
    for size in range(COUNT + 1):
        assert frontier(TREE, size) == Frontier().extend(LEAVES[:size])


def test_another_entry_is_named() -> None:
    changed = rows(5, 12)
    changed[3] = Row(9, canonical({"id": "b9"}))
    (fault,) = verify_segment(segment(5, 12), changed, RECORDED, TRUST).faults
    assert str(fault) == "edited: entry 9: its bytes are not those that were signed"
    (fault,) = verify_segment(segment(5, 12), changed, NOTHING, TRUST).faults
    assert (fault.kind, fault.first, fault.last) == (FaultKind.ALTERED, 6, 12)


def test_entries_that_changed_places_are_named() -> None:
    changed = rows(5, 12)
    changed[1], changed[2] = replace(changed[2], seq=7), replace(changed[1], seq=8)
    faults = verify_segment(segment(5, 12), changed, RECORDED, TRUST).faults
    assert [(fault.kind, fault.first) for fault in faults] == [
        (FaultKind.MOVED, 7),
        (FaultKind.MOVED, 8),
    ]


def test_entries_that_are_gone_are_named() -> None:
    (fault,) = verify_segment(segment(5, 12), rows(5, 9), RECORDED, TRUST).faults
    assert (fault.kind, fault.first, fault.last) == (FaultKind.TRUNCATED, 10, 12)
    gone = [row for row in rows(5, 12) if row.seq != 8]
    (fault,) = verify_segment(segment(5, 12), gone, RECORDED, TRUST).faults
    assert (fault.kind, fault.first, fault.last) == (FaultKind.MISSING, 8, 8)


def test_entries_from_outside_are_no_part_of_it() -> None:
    faults = verify_segment(segment(5, 12), rows(4, 12), RECORDED, TRUST).faults
    assert [(fault.kind, fault.first) for fault in faults] == [(FaultKind.REPEATED, 5)]
    (fault,) = verify_segment(segment(5, 12), rows(5, 14), RECORDED, TRUST).faults
    assert (fault.kind, fault.first, fault.last) == (FaultKind.ADDED, 13, 14)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(segment(5, 12), root=bytes(32)),
        replace(segment(5, 12), start=Frontier(5, (bytes(32), LEAVES[4]))),
        replace(segment(5, 12), start_proof=()),
        replace(segment(5, 12), end_proof=()),
        replace(segment(5, 12), last=13),
    ],
    ids=["root", "start", "start proof", "end proof", "last"],
)
def test_a_wrong_proof_proves_nothing(wrong: Segment) -> None:
    report = verify_segment(wrong, rows(5, wrong.last), NOTHING, TRUST)
    assert [fault.kind for fault in report.faults] == [FaultKind.BAD_PROOF]
    assert not report.ok


def test_only_the_logs_signature_counts() -> None:
    note = segment(5, 12).note.replace(ORIGIN.encode(), b"other.example/log")
    report = verify_segment(replace(segment(5, 12), note=note), rows(5, 12), NOTHING, TRUST)
    assert [fault.kind for fault in report.faults] == [FaultKind.BAD_SIGNATURE]
    report = verify_segment(replace(segment(5, 12), note=b"?"), rows(5, 12), NOTHING, TRUST)
    assert [fault.kind for fault in report.faults] == [FaultKind.BAD_CHECKPOINT]


def test_checkpoints_and_receipts_kept_elsewhere() -> None:
    inside = Held(signed(Checkpoint(ORIGIN, 9, tree_root(LEAVES[:9]))))
    receipt = Receipt(7, inclusion_proof(TREE, 7, 9), inside.note).encode()
    report = verify_segment(segment(5, 12), rows(5, 12), Kept([inside], [receipt]), TRUST)
    assert report.ok, report.faults
    other = Held(signed(Checkpoint(ORIGIN, 9, bytes(32))))
    faults = verify_segment(segment(5, 12), rows(5, 12), Kept([other]), TRUST).faults
    assert [(fault.kind, fault.checkpoint) for fault in faults] == [(FaultKind.FORKED, 0)]
    end = Held(signed(Checkpoint(ORIGIN, 12, bytes(32))))
    faults = verify_segment(segment(5, 12), rows(5, 12), Kept([end]), TRUST).faults
    assert FaultKind.FORKED in {fault.kind for fault in faults}
    wrong = Receipt(7, inclusion_proof(TREE, 6, 9), inside.note).encode()
    faults = verify_segment(segment(5, 12), rows(5, 12), Kept([], [wrong]), TRUST).faults
    assert [(fault.kind, fault.first, fault.receipt) for fault in faults] == [
        (FaultKind.EDITED, 8, 0)
    ]


def test_a_segment_has_entries_and_a_root() -> None:
    with pytest.raises(Malformed, match="entries 6 to 5"):
        replace(segment(5, 12), last=5)
    with pytest.raises(Malformed, match="a root of 3 bytes"):
        replace(segment(5, 12), root=b"abc")


def test_entry_bytes_are_what_is_hashed() -> None:
    assert entry_leaf(BODIES[0]) == TREE.hashes(0, 0, 1)[0]
    assert entry_bytes(BODIES[0]).endswith(BODIES[0])
