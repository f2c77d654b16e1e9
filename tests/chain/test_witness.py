"""The witness protocol: what goes over the wire, and that a witness signs nothing it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import EvidenceError, Malformed, SignatureRejected
from guardrail.chain.frontier import tree_root
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.note import Note
from guardrail.chain.plain import write_base64
from guardrail.chain.tree import MemoryHashes, consistency_proof, root
from guardrail.chain.trust import Trust
from guardrail.chain.witness import AddCheckpoint, Answer, accept, consider, cosign
from tests.chain.signers import AT, LOG, ORIGIN, SECOND, STRANGER, TRUST, WITNESS, flip, signed

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
READER = MemoryHashes(LEAVES)
WITNESSES = (WITNESS.verifier, SECOND.verifier)


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root(READER, size))


def request(old: int, new: int) -> AddCheckpoint:
    return AddCheckpoint(old, consistency_proof(READER, old, new), signed(head(new)))


def last(size: int) -> Checkpoint | None:
    return head(size) if size else None


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_log_and_its_witnesses(first: int, second: int) -> None:
    old, new = sorted((first, second))
    sent = request(old, new)
    assert AddCheckpoint.parse(sent.encode()) == sent
    note = Note.parse(sent.checkpoint)
    for key in (WITNESS, SECOND):
        verdict = consider(last(old), sent.encode(), TRUST)
        assert (verdict.status, verdict.checkpoint) == (200, head(new))
        answer = cosign(key, verdict, AT)
        note = accept(note, Answer.parse(200, answer.encode()), WITNESSES)
    assert len(Trust(ORIGIN, (LOG.verifier,), WITNESSES, 2).open(note.encode()).witnesses) == 2


def test_the_wire_format() -> None:
    sent = request(5, 8)
    lines = sent.encode().decode().split("\n")
    proof = [write_base64(found) for found in sent.proof]
    assert lines[: len(proof) + 6] == [
        "old 5",
        *proof,
        "",
        ORIGIN,
        "8",
        write_base64(root(READER, 8)),
        "",
    ]
    conflict = Answer(409, size=20)
    assert conflict.encode() == b"20\n"
    assert Answer.parse(409, b"20\n") == conflict
    assert Answer.parse(500, b"whatever") == Answer(500)


@pytest.mark.parametrize(
    ("at", "old", "new", "status", "size"),
    [
        (7, 5, 8, 409, 7),  # not where the witness stands
        (0, 5, 8, 409, 0),
        (8, 5, 7, 409, 8),  # a rollback
        (8, 8, 7, 400, None),  # old above new
        (8, 8, 8, 200, None),
        (0, 0, 0, 200, None),
    ],
)
def test_where_a_witness_stands(at: int, old: int, new: int, status: int, size: int | None) -> None:
    proof = consistency_proof(READER, min(old, new), new)
    body = AddCheckpoint(old, proof, signed(head(new))).encode()
    verdict = consider(last(at), body, TRUST)
    assert (verdict.status, verdict.size) == (status, size)
    assert (verdict.checkpoint is None) == (status != 200)


def test_a_witness_answers_each_fault_with_its_status() -> None:
    good = request(5, 8)
    forked = Checkpoint(ORIGIN, 8, tree_root([leaf_hash(b"x"), *LEAVES[1:8]]))
    for changed, at, status in (
        (replace(good, checkpoint=signed(replace(head(8), origin="other"))), 5, 404),
        (replace(good, checkpoint=signed(head(8), STRANGER)), 5, 403),
        (replace(good, checkpoint=good.checkpoint[:-1]), 5, 400),
        (replace(good, proof=good.proof[1:]), 5, 422),
        (replace(good, checkpoint=signed(forked)), 5, 422),
        (AddCheckpoint(8, (), signed(forked)), 8, 409),
        (AddCheckpoint(8, good.proof, signed(head(8))), 8, 422),
    ):
        verdict = consider(last(at), changed.encode(), TRUST)
        assert verdict.status == status
        answer = cosign(WITNESS, verdict, AT)
        assert answer.cosignatures == ()
        with pytest.raises(SignatureRejected, match=f"answered {status}"):
            accept(Note.parse(good.checkpoint), answer, WITNESSES)


@given(st.integers(0, len(request(5, 8).encode()) - 1), st.integers(0, 7))
def test_a_witness_cosigns_no_request_with_a_flipped_bit(at: int, bit: int) -> None:
    body = flip(request(5, 8).encode(), at, bit)
    assert consider(head(5), body, TRUST).status != 200


@given(st.binary(max_size=300))
def test_noise_is_a_bad_request(noise: bytes) -> None:
    assert consider(None, noise, TRUST).status == 400
    assert consider(None, b"old 0\n" + noise, TRUST).status == 400


@given(st.binary(max_size=300), st.sampled_from([200, 409]))
def test_noise_is_no_answer(noise: bytes, status: int) -> None:
    note = Note.parse(signed(head(3)))
    with pytest.raises(EvidenceError):
        accept(note, Answer.parse(status, noise), WITNESSES)


@pytest.mark.parametrize(
    "body",
    [
        b"new 0\n\n",
        b"old 00\n\n",
        b"old 1\nAAAA\n\n",
        b"old 1\n" + b"x\n" * 64 + b"\n",
        b"old 1\n",
        b"o" * 1_000_001,
    ],
)
def test_other_requests_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        AddCheckpoint.parse(body)
    with pytest.raises(Malformed):
        Answer.parse(409, body)


def test_requests_are_valid_by_construction() -> None:
    with pytest.raises(Malformed):
        AddCheckpoint(-1, (), b"")
    with pytest.raises(Malformed):
        AddCheckpoint(1, (bytes(32),) * 64, b"")
    with pytest.raises(Malformed):
        AddCheckpoint(1, (b"",), b"")


def test_unknown_and_wrong_cosignatures_are_not_taken_over() -> None:
    note = Note.parse(signed(head(3)))
    good = WITNESS.sign(note.text, AT)
    other = replace(WITNESS, name="witness.example/unknown").sign(note.text, AT)
    taken = accept(note, Answer(200, (other, good)), WITNESSES)
    assert taken.signatures == (*note.signatures, good)
    assert accept(taken, Answer(200, (good,)), WITNESSES) == taken
    wrong = WITNESS.sign(head(4).body, AT)
    with pytest.raises(SignatureRejected, match="is wrong"):
        accept(note, Answer(200, (wrong,)), WITNESSES)
