"""A whole log against what was signed of it: every way of tampering, and where it is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.entry import canonical, entry_bytes, entry_leaf
from guardrail.chain.frontier import tree_root
from guardrail.chain.receipt import Receipt
from guardrail.chain.tiles import TileHashes
from guardrail.chain.tree import MemoryHashes, inclusion_proof
from guardrail.chain.verify import Fault, FaultKind, Held, Kept, Report, Row, verify_log
from tests.chain.signers import (
    AT,
    LOG,
    ORIGIN,
    SECOND,
    STRANGER,
    TRUST,
    WITNESS,
    WITNESSED,
    flip,
    signed,
)

SECOND_NS = 1_000_000_000
SIZES = (3, 7, 12)


def body(number: int, text: str = "entry") -> bytes:
    return canonical({"id": f"a{number}", "text": text})


def stored(count: int = 14) -> list[Row]:
    return [Row(number, body(number)) for number in range(1, count + 1)]


def renumbered(rows: list[Row]) -> list[Row]:
    return [replace(row, seq=number) for number, row in enumerate(rows, 1)]


def leaves(rows: list[Row]) -> list[bytes]:
    return [entry_leaf(row.body) for row in rows if isinstance(row.body, bytes)]


def head(rows: list[Row], size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree_root(leaves(rows)[:size]))


def held(rows: list[Row], *sizes: int) -> tuple[Held, ...]:
    return tuple(Held(signed(head(rows, size))) for size in sizes)


ROWS = stored()
KEPT = Kept(held(ROWS, *SIZES))
RECORDED = replace(KEPT, recorded=MemoryHashes(leaves(ROWS)))


def receipt(index: int, size: int = 12) -> bytes:
    proof = inclusion_proof(MemoryHashes(leaves(ROWS)), index, size)
    return Receipt(index, proof, signed(head(ROWS, size))).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    kind: FaultKind
    first: int | None = None
    last: int | None = None
    checkpoint: int | None = None
    receipt: int | None = None


def seen(report: Report) -> list[Seen]:
    return [Seen(f.kind, f.first, f.last, f.checkpoint, f.receipt) for f in report.faults]


def check(rows: list[Row], kept: Kept = KEPT) -> list[Seen]:
    report = verify_log(rows, kept, TRUST)
    assert report.ok == (not report.faults)
    return seen(report)


@pytest.mark.parametrize("kept", [KEPT, RECORDED], ids=["entries alone", "with stored hashes"])
def test_an_untouched_log_is_proven_up_to_the_last_checkpoint(kept: Kept) -> None:
    report = verify_log(ROWS, kept, TRUST)
    assert report == Report(14, 12, TRUST.open(KEPT.checkpoints[2].note), ())
    assert report.ok


def test_objects_and_their_bytes_are_one() -> None:
    objects = [Row(row.seq, {"text": "entry", "id": f"a{row.seq}"}) for row in ROWS]
    assert check(objects) == []


# Edited, moved, pushed in, taken out


@pytest.mark.parametrize("number", range(1, 13))
def test_an_edited_entry(number: int) -> None:
    rows = [*ROWS]
    rows[number - 1] = Row(number, body(number, "other"))
    low, high = next((a + 1, b) for a, b in ((0, 3), (3, 7), (7, 12)) if number <= b)
    where = SIZES.index(high)
    assert check(rows) == [Seen(FaultKind.ALTERED, low, high, where)]
    assert check(rows, RECORDED) == [Seen(FaultKind.EDITED, number, number)]


@given(st.integers(0, 11), st.integers(0, 200), st.integers(0, 7))
def test_any_flipped_bit_of_an_entry_is_told_to_the_entry(place: int, at: int, bit: int) -> None:
    rows = [*ROWS]
    whole = ROWS[place].body
    assert isinstance(whole, bytes)
    rows[place] = Row(place + 1, flip(whole, at % len(whole), bit))
    found = check(rows, RECORDED)
    assert Seen(FaultKind.EDITED, place + 1, place + 1) in found
    assert {fault.first for fault in found} == {place + 1}
    assert not verify_log(rows, KEPT, TRUST, check_form=False).ok


def test_an_entry_after_the_last_checkpoint_is_not_yet_proven() -> None:
    rows = [*ROWS[:13], Row(14, body(14, "other"))]
    report = verify_log(rows, KEPT, TRUST)
    assert (report.entries, report.proven, report.ok) == (14, 12, True)


def test_two_entries_exchanged() -> None:
    rows = [*ROWS]
    rows[4], rows[8] = Row(5, ROWS[8].body), Row(9, ROWS[4].body)
    assert check(rows) == [Seen(FaultKind.ALTERED, 4, 7, 1)]
    assert check(rows, RECORDED) == [Seen(FaultKind.MOVED, 5, 5), Seen(FaultKind.MOVED, 9, 9)]


def test_an_entry_taken_out_and_the_rest_renumbered() -> None:
    rows = renumbered([*ROWS[:4], *ROWS[5:]])
    assert check(rows) == [Seen(FaultKind.ALTERED, 4, 7, 1)]
    assert check(rows, RECORDED) == [
        Seen(FaultKind.MISSING, 5, 5),
        Seen(FaultKind.MOVED, 5, 11),
        Seen(FaultKind.ADDED, 12, 12),  # the first entry that was not yet signed
    ]


def test_an_entry_pushed_in_and_the_rest_renumbered() -> None:
    rows = renumbered([*ROWS[:4], Row(0, body(99)), *ROWS[4:]])
    assert check(rows) == [Seen(FaultKind.ALTERED, 4, 7, 1)]
    assert check(rows, RECORDED) == [Seen(FaultKind.ADDED, 5, 5), Seen(FaultKind.MOVED, 6, 13)]


def test_entries_in_another_order() -> None:
    rows = [*ROWS[:4], ROWS[5], ROWS[4], *ROWS[6:]]
    found = check(rows)
    assert found[0] == Seen(FaultKind.OUT_OF_ORDER, 5, 5)
    assert Seen(FaultKind.UNPROVEN, 4, 7, 1) in found


def test_numbers_that_are_missing_or_stand_twice() -> None:
    found = check([*ROWS[:4], *ROWS[6:9], ROWS[8], *ROWS[9:]])
    assert found[:2] == [Seen(FaultKind.REPEATED, 9, 9), Seen(FaultKind.MISSING, 5, 6)]
    assert Seen(FaultKind.UNPROVEN, 4, 7, 1) in found
    found = check([*ROWS[:4], *ROWS[6:]], RECORDED)
    assert found == [Seen(FaultKind.MISSING, 5, 6)]


def test_an_edit_behind_a_gap_is_still_told_to_the_entry() -> None:
    rows = [*ROWS[:4], *ROWS[6:8], Row(9, body(9, "other")), *ROWS[9:]]
    assert check(rows, RECORDED) == [
        Seen(FaultKind.MISSING, 5, 6),
        Seen(FaultKind.EDITED, 9, 9),
    ]


@pytest.mark.parametrize("left", [0, 2, 3, 5, 11])
def test_a_truncated_log(left: int) -> None:
    assert check(ROWS[:left]) == [Seen(FaultKind.TRUNCATED, left + 1, 12, 2)]
    assert check(ROWS[:left], RECORDED) == [Seen(FaultKind.TRUNCATED, left + 1, 12)]
    assert verify_log(ROWS[:left], KEPT, TRUST).proven == max(
        size for size in (0, *SIZES) if size <= left
    )


def test_a_log_rewritten_from_an_entry_on() -> None:
    """Everything made anew from entry 6, stored hashes included: only the signed roots know."""
    rows = [*ROWS[:5], *(Row(number, body(number, "new")) for number in range(6, 15))]
    kept = replace(KEPT, recorded=MemoryHashes(leaves(rows)))
    assert check(rows, kept) == [Seen(FaultKind.ALTERED, 4, 7, 1)]
    assert verify_log(rows, kept, TRUST).proven == 3


def test_stored_hashes_that_no_root_bears_out_still_give_a_hint() -> None:
    rows = [*ROWS[:5], Row(6, body(6, "other")), *ROWS[6:]]
    false = leaves(ROWS)
    false[0] = entry_leaf(b"{}")
    kept = replace(KEPT, recorded=MemoryHashes(false))
    assert check(rows, kept) == [
        Seen(FaultKind.STORED_HASH, 1, 1),
        Seen(FaultKind.EDITED, 6, 6),
        Seen(FaultKind.ALTERED, 4, 7, 1),
    ]


def test_a_stored_hash_that_is_wrong_is_not_the_entry_s_fault() -> None:
    false = leaves(ROWS)
    false[1] = false[2]
    kept = replace(KEPT, recorded=MemoryHashes(false))
    assert check(ROWS, kept) == [Seen(FaultKind.STORED_HASH, 2, 2)]
    assert verify_log(ROWS, kept, TRUST).proven == 12


def test_stored_hashes_that_end_early_are_used_as_far_as_they_go() -> None:
    kept = replace(KEPT, recorded=MemoryHashes(leaves(ROWS)[:8]))
    assert check(ROWS, kept) == []
    rows = [*ROWS[:1], Row(2, body(2, "other")), *ROWS[2:]]
    found = check(rows, kept)
    assert found[0] == Seen(FaultKind.EDITED, 2, 2)
    assert Seen(FaultKind.UNPROVEN, 8, 12, 2) in found


def test_stored_hashes_hint_at_entries_that_are_not_yet_signed() -> None:
    rows = [*ROWS[:13], Row(14, body(14, "other"))]
    assert check(rows, RECORDED) == [Seen(FaultKind.EDITED, 14, 14)]
    rows = renumbered([*ROWS[:4], Row(0, body(99)), *ROWS[4:]])
    renewed = MemoryHashes([*leaves(ROWS)[:12], *leaves(rows)[12:]])
    assert check(rows, replace(KEPT, recorded=renewed)) == [
        Seen(FaultKind.ADDED, 5, 5),
        Seen(FaultKind.MOVED, 6, 13),
    ]


def test_stored_hashes_that_cannot_be_read_are_done_without() -> None:
    kept = replace(KEPT, recorded=TileHashes(14, lambda _: None))
    assert check(ROWS, kept) == []
    assert check(ROWS[:5], kept) == [Seen(FaultKind.TRUNCATED, 6, 12, 2)]


def test_one_edit_before_many_entries_that_are_not_yet_signed() -> None:
    rows = [Row(1, body(1, "other")), *stored(3000)[1:]]
    kept = Kept(held(stored(10), 10), recorded=MemoryHashes(leaves(stored(10))))
    assert check(rows, kept) == [Seen(FaultKind.EDITED, 1, 1)]


def test_more_differences_than_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardrail.chain.walk.MAX_DIFFERENCES", 4)
    assert check(renumbered([*ROWS[:4], *ROWS[5:]]), RECORDED) == [
        Seen(FaultKind.MOVED, 5, 7),
        Seen(FaultKind.ALTERED, 5, 12),
    ]
    one = [Row(1, body(1, "other")), *ROWS[1:]]
    assert check(one, RECORDED) == [Seen(FaultKind.EDITED, 1, 1)]


def test_the_first_entry_alone_can_be_altered() -> None:
    rows = [Row(1, body(1, "other")), *ROWS[1:]]
    kept = Kept(held(ROWS, 1, 5))
    assert check(rows, kept) == [Seen(FaultKind.ALTERED, 1, 1, 0)]


def test_large_logs_are_compared_tile_by_tile() -> None:
    rows = stored(1000)
    kept = Kept(held(rows, 300, 1000), recorded=MemoryHashes(leaves(rows)))
    assert check(rows, kept) == []
    gap = [*rows[:200], *rows[600:]]
    assert check(gap, kept) == [Seen(FaultKind.MISSING, 201, 600)]
    shifted = renumbered([*rows[:255], *rows[256:]])
    assert check(shifted, kept) == [
        Seen(FaultKind.MISSING, 256, 256),
        Seen(FaultKind.MOVED, 256, 999),
    ]


# Checkpoints


def test_a_checkpoint_with_a_wrong_or_no_signature() -> None:
    note = KEPT.checkpoints[1].note
    others = [
        Held(flip(note, len(note) - 9)),
        Held(signed(head(ROWS, 7), STRANGER)),
        Held(signed(replace(head(ROWS, 7), origin="other"))),
    ]
    for other in others:
        kept = Kept((KEPT.checkpoints[0], other, KEPT.checkpoints[2]))
        assert check(ROWS, kept) == [Seen(FaultKind.BAD_SIGNATURE, checkpoint=1)]
    assert check(ROWS, Kept((*KEPT.checkpoints, Held(b"noise")))) == [
        Seen(FaultKind.BAD_CHECKPOINT, checkpoint=3)
    ]


@given(st.data())
def test_any_flipped_bit_of_a_checkpoint_is_told_to_the_checkpoint(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, 2))
    note = KEPT.checkpoints[which].note
    at, bit = data.draw(st.integers(0, len(note) - 1)), data.draw(st.integers(0, 7))
    notes = [*KEPT.checkpoints]
    notes[which] = Held(flip(note, at, bit))
    (fault,) = check(ROWS, Kept(notes))
    assert fault in (
        Seen(FaultKind.BAD_CHECKPOINT, checkpoint=which),
        Seen(FaultKind.BAD_SIGNATURE, checkpoint=which),
    )


def test_a_rolled_back_log() -> None:
    kept = Kept((KEPT.checkpoints[2], KEPT.checkpoints[1]))
    assert check(ROWS, kept) == [Seen(FaultKind.ROLLED_BACK, checkpoint=1)]


def test_two_roots_at_one_size() -> None:
    other = stored()
    other[0] = Row(1, body(1, "other"))
    kept = Kept((*KEPT.checkpoints, *held(other, 12)))
    assert check(ROWS, kept) == [Seen(FaultKind.FORKED, checkpoint=3)]


def test_a_fork_that_later_checkpoints_contradict() -> None:
    other = [*ROWS[:6], Row(7, body(7, "other")), *ROWS[7:]]
    kept = Kept((*held(ROWS, 3), *held(other, 7), *held(ROWS, 12)))
    assert check(ROWS, kept) == [Seen(FaultKind.FORKED, checkpoint=1)]
    recorded = replace(kept, recorded=MemoryHashes(leaves(ROWS)))
    rows = [*ROWS[:9], Row(10, body(10, "other")), *ROWS[10:]]
    assert check(rows, recorded) == [
        Seen(FaultKind.FORKED, checkpoint=1),
        Seen(FaultKind.EDITED, 10, 10),
    ]


def test_nothing_signed_proves_nothing() -> None:
    report = verify_log(ROWS, Kept(()), TRUST)
    assert seen(report) == [Seen(FaultKind.UNPROVEN)]
    assert (report.proven, report.head, report.ok) == (0, None, False)


def test_an_empty_log_that_was_signed_empty() -> None:
    report = verify_log([], Kept(held([], 0)), TRUST)
    assert (report.entries, report.proven, report.ok) == (0, 0, True)


def test_witnesses_are_asked_for_where_trust_asks() -> None:
    assert seen(verify_log(ROWS, KEPT, WITNESSED))[0].kind is FaultKind.BAD_SIGNATURE
    cosigned = Kept((Held(signed(head(ROWS, 12), LOG, WITNESS, SECOND)),))
    assert verify_log(ROWS, cosigned, WITNESSED).ok


# Receipts


def test_receipts_are_checked_against_the_entries() -> None:
    assert check(ROWS, replace(KEPT, receipts=(receipt(4), receipt(11)))) == []
    rows = [*ROWS[:4], Row(5, body(5, "other")), *ROWS[5:]]
    found = check(rows, Kept((), receipts=(receipt(4), receipt(11))))
    assert found[0] == Seen(FaultKind.EDITED, 5, 5, receipt=0)
    assert Seen(FaultKind.ALTERED, 1, 12, receipt=0) in found


def test_a_receipt_for_an_entry_that_is_gone() -> None:
    kept = replace(RECORDED, receipts=(receipt(4), receipt(10)))
    assert check([*ROWS[:4], *ROWS[5:10]], kept) == [
        Seen(FaultKind.MISSING, 5, 5),
        Seen(FaultKind.MISSING, 5, 5, receipt=0),
        Seen(FaultKind.MISSING, 11, 11, receipt=1),
        Seen(FaultKind.TRUNCATED, 11, 12),
    ]


def test_a_receipt_that_cannot_be_read_or_believed() -> None:
    forged = Receipt(4, (), signed(head(ROWS, 12), STRANGER)).encode()
    kept = replace(KEPT, receipts=(b"noise", forged))
    assert check(ROWS, kept) == [
        Seen(FaultKind.BAD_RECEIPT, receipt=0),
        Seen(FaultKind.BAD_SIGNATURE, receipt=1),
    ]


def test_a_receipt_shows_a_fork() -> None:
    other = [Row(1, body(1, "other")), *ROWS[1:]]
    proof = inclusion_proof(MemoryHashes(leaves(other)), 4, 9)
    forked = Receipt(4, proof, signed(head(other, 9))).encode()
    found = check(ROWS, replace(KEPT, receipts=(forked,)))
    assert Seen(FaultKind.FORKED, receipt=0) in found


# Times


def dated(seconds: list[int]) -> list[Row]:
    return [replace(row, at=at * SECOND_NS) for row, at in zip(ROWS, seconds, strict=False)]


def test_times_that_an_outside_clock_contradicts() -> None:
    kept = Kept((*held(ROWS, 3), Held(signed(head(ROWS, 7), LOG), AT), *held(ROWS, 12)))
    assert check(dated([AT] * 14), kept) == []
    times = [AT] * 14
    times[2] = AT + 301  # signed before, and claims to be younger
    times[7] = AT - 301  # signed after, and claims to be older
    assert check(dated(times), kept) == [
        Seen(FaultKind.MISDATED, 3, 3),
        Seen(FaultKind.MISDATED, 8, 8),
    ]
    strict = verify_log(dated([AT + 1] * 14), kept, TRUST, tolerance=0)
    assert seen(strict) == [Seen(FaultKind.MISDATED, 1, 7)]


def test_a_witness_is_an_outside_clock() -> None:
    kept = Kept((Held(signed(head(ROWS, 12), LOG, WITNESS, SECOND)),))
    report = verify_log(dated([AT - 9000] * 12 + [AT - 400] * 2), kept, WITNESSED)
    assert seen(report) == [Seen(FaultKind.MISDATED, 13, 14)]


# Hostile input


@pytest.mark.parametrize(
    "row",
    [
        Row(1, b"\xff"),
        Row(1, b"{} "),
        Row(1, b'{"a":' * 50_000),
        Row(1, b"x" * 65_536),
        Row(1, {"a": float("nan")}),
        Row(1, {"a": "\ud800"}),
        Row(1, None),  # type: ignore[arg-type]
        Row(1, "text"),  # type: ignore[arg-type]
    ],
)
def test_an_unreadable_entry(row: Row) -> None:
    found = check([row, *ROWS[1:]], RECORDED)
    assert found == [Seen(FaultKind.UNREADABLE, 1, 1), Seen(FaultKind.EDITED, 1, 1)]


@pytest.mark.parametrize("seq", [0, -1, None, "2", True, 1 << 63, 2.0])
def test_a_row_without_a_number(seq: object) -> None:
    row = Row(seq, body(2))  # type: ignore[arg-type]
    assert check([ROWS[0], row, *ROWS[1:]]) == [Seen(FaultKind.UNREADABLE, 1, 1)]


def test_a_number_far_away_does_not_make_us_count_to_it() -> None:
    far = (1 << 63) - 1
    found = check([*ROWS, Row(far, body(0))], RECORDED)
    assert found == [Seen(FaultKind.MISSING, 15, far - 1)]
    found = check([*ROWS[:5], Row(far, body(0))], RECORDED)
    assert found == [Seen(FaultKind.MISSING, 6, far - 1)]


def test_runs_of_one_fault_are_one_fault() -> None:
    rows = [Row(number, b"[]") for number in range(1, 15)]
    assert check(rows, KEPT)[0] == Seen(FaultKind.UNREADABLE, 1, 14)


anything = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([row.body for row in ROWS]),
    st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
)
any_rows = st.lists(
    st.builds(Row, st.integers(-1, 20), anything, st.one_of(st.none(), st.integers())), max_size=20
)
notes = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([found.note for found in KEPT.checkpoints]),
)


@given(any_rows, st.lists(st.builds(Held, notes, st.one_of(st.none(), st.integers())), max_size=4))
def test_whatever_it_is_given_it_reports(rows: list[Row], kept: list[Held]) -> None:
    for recorded in (None, MemoryHashes(leaves(ROWS))):
        report = verify_log(rows, Kept(kept, (b"", receipt(3)), recorded), TRUST)
        assert report.faults
        assert all(str(fault) for fault in report.faults)


@given(
    st.lists(st.sampled_from(["edit", "drop", "swap", "insert", "cut", "renumber"]), min_size=1),
    st.randoms(use_true_random=False),
)
def test_no_mixture_of_changes_goes_unseen(actions: list[str], random: Random) -> None:
    rows = [*ROWS[:12]]
    for action in actions:
        place = random.randrange(len(rows)) if rows else 0
        if action == "edit" and rows:
            rows[place] = replace(rows[place], body=body(place, "other"))
        elif action == "drop":
            rows[place : place + 1] = []
        elif action == "swap" and rows:
            rows[0], rows[place] = rows[place], rows[0]
        elif action == "insert":
            rows.insert(place, Row(place + 1, body(50 + place)))
        elif action == "cut":
            rows = rows[:place]
        else:
            rows = renumbered(rows)
    untouched = [row.body for row in rows][:12] == [row.body for row in ROWS[:12]]
    dense = [row.seq for row in rows] == list(range(1, len(rows) + 1))
    for kept in (KEPT, RECORDED):
        assert verify_log(rows, kept, TRUST).ok == (untouched and dense)


def test_a_fault_reads_well() -> None:
    assert str(Fault(FaultKind.EDITED, "changed", 5, 5)) == "edited: entry 5: changed"
    assert str(Fault(FaultKind.ALTERED, "x", 4, 7, 1)) == "altered: entries 4-7, checkpoint 1: x"
    assert str(Fault(FaultKind.BAD_RECEIPT, "x", receipt=2)) == "bad receipt: receipt 2: x"
    assert str(Fault(FaultKind.UNPROVEN, "x")) == "unproven: the log: x"


def test_entry_bytes_are_what_is_hashed() -> None:
    assert leaves(ROWS)[0] == entry_leaf(body(1))
    assert entry_bytes(body(1)).endswith(b'{"id":"a1","text":"entry"}')
