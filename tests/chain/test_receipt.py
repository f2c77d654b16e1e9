"""Receipts: made, read back and checked offline, and no flipped bit of one gets through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.errors import EvidenceError, Malformed, ProofRejected, SignatureRejected
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.plain import write_base64
from guardrail.chain.receipt import Receipt
from guardrail.chain.tree import MemoryHashes, inclusion_proof
from tests.chain.signers import LOG, SECOND, TRUST, WITNESS, WITNESSED, flip, signed, tree_of

ENTRIES = [f"entry {number}".encode() for number in range(11)]
READER = MemoryHashes(map(leaf_hash, ENTRIES))
CHECKPOINT = signed(tree_of(ENTRIES))


def receipt(index: int) -> Receipt:
    return Receipt(index, inclusion_proof(READER, index, len(ENTRIES)), CHECKPOINT)


@given(st.integers(0, 10), st.binary(max_size=20))
def test_a_receipt_reads_back_and_verifies(index: int, extra: bytes) -> None:
    made = replace(receipt(index), extra=extra)
    read = Receipt.parse(made.encode())
    assert read == made
    assert read.verify(ENTRIES[index], TRUST).checkpoint == tree_of(ENTRIES)
    with pytest.raises(ProofRejected):
        read.verify(ENTRIES[index - 1], TRUST)


def test_the_format() -> None:
    made = replace(receipt(9), extra=b"more")
    assert made.encode().decode().split("\n")[: 5 + len(made.proof)] == [
        "c2sp.org/tlog-proof@v1",
        "extra bW9yZQ==",
        "index 9",
        *map(write_base64, made.proof),
        "",
        "log.example/attempts",
    ]


@given(st.data())
def test_a_flipped_bit_is_caught(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 10))
    good = receipt(index).encode()
    at, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    with pytest.raises(EvidenceError):
        Receipt.parse(flip(good, at, bit)).verify(ENTRIES[index], TRUST)
    changed = flip(ENTRIES[index], at % len(ENTRIES[index]), bit)
    with pytest.raises(ProofRejected):
        Receipt.parse(good).verify(changed, TRUST)


@given(st.binary(max_size=300))
def test_noise_is_no_receipt(noise: bytes) -> None:
    for data in (noise, b"c2sp.org/tlog-proof@v1\n" + noise):
        with pytest.raises(EvidenceError):
            Receipt.parse(data).verify(b"entry", TRUST)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("c2sp.org/tlog-proof@v2\nindex 0", "line 1"),
        ("c2sp.org/tlog-proof@v1", "line 2: no index"),
        ("c2sp.org/tlog-proof@v1\nindex 00", "line 2"),
        ("c2sp.org/tlog-proof@v1\nextra \nindex 0", "line 2: an empty extra"),
        ("c2sp.org/tlog-proof@v1\nextra !\nindex 0", "line 2: not base64"),
        ("c2sp.org/tlog-proof@v1\nextra AA==\nindex x", "line 3"),
        ("c2sp.org/tlog-proof@v1\nindex 0\nAA==", "line 3: a hash of 1 bytes"),
        ("c2sp.org/tlog-proof@v1\nindex 0\n" + "AA==\n" * 63 + "AA==", "line 66: more than 63"),
    ],
)
def test_a_malformed_receipt_says_where(head: str, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        Receipt.parse(head.encode() + b"\n\n" + CHECKPOINT)


def test_a_receipt_is_valid_by_construction() -> None:
    for changed in ({"index": -1}, {"proof": (b"",)}, {"proof": (bytes(32),) * 64}):
        with pytest.raises(Malformed):
            replace(receipt(0), **changed)
    with pytest.raises(Malformed):
        Receipt.parse(b"." * 2_000_001)


def test_a_receipt_carries_its_witnesses() -> None:
    witnessed = replace(receipt(3), checkpoint=signed(tree_of(ENTRIES), LOG, WITNESS, SECOND))
    assert len(Receipt.parse(witnessed.encode()).verify(ENTRIES[3], WITNESSED).witnesses) == 2
    with pytest.raises(SignatureRejected, match="witnesses"):
        receipt(3).verify(ENTRIES[3], WITNESSED)
