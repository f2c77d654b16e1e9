"""Trees and proofs against RFC 6962: known roots, the RFC's own definitions, and altered proofs."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.errors import EvidenceUnavailable, Malformed, ProofRejected
from guardrail.chain.frontier import Frontier, Node, tree_root
from guardrail.chain.hashing import EMPTY_ROOT, leaf_hash, node_hash
from guardrail.chain.proofs import verify_consistency, verify_inclusion
from guardrail.chain.tree import MemoryHashes, consistency_proof, inclusion_proof, root
from tests.chain import reference

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c442",
    "6e340b9c",
    "fac54203",
    "aeb6bcfe",
    "d37ee418",
    "4e3bbb1f",
    "76e67dad",
    "ddb89be4",
    "5dc9da79",
]
WHOLE = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
BOUND = 70

many = partial(st.integers, 0)


def data(size: int) -> list[bytes]:
    return [str(number).encode() for number in range(size)]


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(entry) for entry in data(size)]


def test_known_roots() -> None:
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    found = [tree_root(hashes[:size]).hex() for size in range(9)]
    assert [text[:8] for text in found] == ROOTS
    assert found[8] == WHOLE
    assert bytes.fromhex(found[0]) == EMPTY_ROOT


def test_known_proofs() -> None:
    reader = MemoryHashes([leaf_hash(entry) for entry in ENTRIES])
    inclusion = inclusion_proof(reader, 5, 8)
    assert [found.hex()[:8] for found in inclusion] == ["bc1a0643", "ca854ea1", "d37ee418"]
    consistency = consistency_proof(reader, 2, 5)
    assert [found.hex()[:8] for found in consistency] == ["5f083f0a", "bc1a0643"]


def test_every_proof_up_to_the_bound_is_the_rfc_s_and_verifies() -> None:
    everything, reader = data(BOUND), MemoryHashes(leaves(BOUND))
    for size in range(1, BOUND + 1):
        top = root(reader, size)
        assert top == reference.mth(everything[:size])
        for index in range(size):
            proof = inclusion_proof(reader, index, size)
            assert [*proof] == reference.path(index, everything[:size])
            verify_inclusion(leaf_hash(everything[index]), index, size, proof, top)


def test_every_consistency_proof_up_to_the_bound_is_the_rfc_s_and_verifies() -> None:
    everything, reader = data(BOUND), MemoryHashes(leaves(BOUND))
    roots = [root(reader, size) for size in range(BOUND + 1)]
    for new in range(1, BOUND + 1):
        for old in range(new + 1):
            proof = consistency_proof(reader, old, new)
            assert [*proof] == (reference.proof(old, everything[:new]) if old else [])
            verify_consistency(old, new, roots[old], roots[new], proof)


@given(st.integers(1, 3000), st.data())
def test_proofs_of_larger_trees_verify(size: int, draw: st.DataObject) -> None:
    reader = MemoryHashes(leaves(size))
    index, old = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(0, size))
    top = root(reader, size)
    assert top == reader.frontier.root
    proof = inclusion_proof(reader, index, size)
    verify_inclusion(leaf_hash(str(index).encode()), index, size, proof, top)
    verify_consistency(old, size, root(reader, old), top, consistency_proof(reader, old, size))


@given(st.integers(1, 400), st.data())
def test_an_altered_inclusion_proof_fails(size: int, draw: st.DataObject) -> None:
    reader = MemoryHashes(leaves(size))
    index = draw.draw(st.integers(0, size - 1))
    leaf, top = leaf_hash(str(index).encode()), root(reader, size)
    pieces = [leaf, top, *inclusion_proof(reader, index, size)]
    altered = flipped(pieces, draw)
    with pytest.raises(ProofRejected):
        verify_inclusion(altered[0], index, size, altered[2:], altered[1])
    elsewhere = draw.draw(st.integers(-1, size + 1).filter(lambda other: other != index))
    with pytest.raises(ProofRejected):
        verify_inclusion(leaf, elsewhere, size, pieces[2:], top)
    with pytest.raises(ProofRejected):
        verify_inclusion(leaf, index, size, [*pieces[2:], top], top)


@given(st.integers(2, 400), st.data())
def test_an_altered_consistency_proof_fails(new: int, draw: st.DataObject) -> None:
    reader = MemoryHashes(leaves(new))
    old = draw.draw(st.integers(1, new - 1))
    before, after = root(reader, old), root(reader, new)
    pieces = [before, after, *consistency_proof(reader, old, new)]
    altered = flipped(pieces, draw)
    with pytest.raises(ProofRejected):
        verify_consistency(old, new, altered[0], altered[1], altered[2:])
    with pytest.raises(ProofRejected):
        verify_consistency(old, new, before, after, pieces[2:-1])
    with pytest.raises(ProofRejected):
        verify_consistency(new, old, after, before, pieces[2:])


def flipped(pieces: list[bytes], draw: st.DataObject) -> list[bytes]:
    which = draw.draw(st.integers(0, len(pieces) - 1))
    at, bit = draw.draw(st.integers(0, 31)), draw.draw(st.integers(0, 7))
    changed = bytearray(pieces[which])
    changed[at] ^= 1 << bit
    return [*pieces[:which], bytes(changed), *pieces[which + 1 :]]


@given(
    st.integers(-2, 1 << 64),
    st.integers(-2, 1 << 64),
    st.lists(st.binary(max_size=33), max_size=70),
    st.binary(max_size=33),
)
def test_nonsense_is_rejected_not_crashed_on(
    first: int, second: int, proof: list[bytes], noise: bytes
) -> None:
    with pytest.raises(ProofRejected):
        verify_inclusion(noise, first, second, proof, noise)
    with pytest.raises(ProofRejected):
        verify_consistency(first, second, noise, noise + b"!", proof)


def test_two_roots_at_one_size_are_a_fork() -> None:
    with pytest.raises(ProofRejected, match="forked"):
        verify_consistency(2, 2, leaf_hash(b"a"), leaf_hash(b"b"), ())


def test_an_empty_tree_has_one_root() -> None:
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
    verify_consistency(0, 3, EMPTY_ROOT, leaf_hash(b"a"), ())
    with pytest.raises(ProofRejected, match="empty"):
        verify_consistency(0, 3, leaf_hash(b""), leaf_hash(b"a"), ())
    with pytest.raises(ProofRejected, match="must be empty"):
        verify_consistency(0, 3, EMPTY_ROOT, leaf_hash(b"a"), (EMPTY_ROOT,))


def test_a_leaf_is_no_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ProofRejected):
        inclusion_proof(MemoryHashes(leaves(5)), index, size)


def test_a_missing_hash_is_told() -> None:
    reader = MemoryHashes(leaves(5))
    for ask in (
        lambda: root(reader, 6),
        lambda: inclusion_proof(reader, 0, 300),
        lambda: consistency_proof(reader, 4, 600),
    ):
        with pytest.raises(EvidenceUnavailable, match="not stored"):
            ask()
    with pytest.raises(ProofRejected):
        consistency_proof(reader, 4, 3)


@given(st.lists(many(max_value=300), max_size=5))
def test_a_frontier_grown_in_steps_is_the_whole_tree(steps: list[int]) -> None:
    hashes = leaves(sum(steps))
    frontier, at = Frontier(), 0
    nodes: list[Node] = []
    for step in steps:
        frontier, new = frontier.grow(hashes[at : at + step])
        nodes += new
        at += step
        assert Frontier.decode(frontier.encode()) == frontier
    assert frontier.size == len(hashes)
    assert frontier.root == tree_root(hashes)
    expected = [
        Node(1, index, tree_root(hashes[index * 256 : index * 256 + 256]))
        for index in range(len(hashes) // 256)
    ]
    assert nodes == expected


def test_two_tile_levels_complete_at_once() -> None:
    frontier, nodes = Frontier().grow([leaf_hash(b"")] * 65536)
    assert [(node.level, node.index) for node in nodes[-2:]] == [(1, 255), (2, 0)]
    assert nodes[-1].hash == frontier.root


@given(st.binary(max_size=200))
def test_a_damaged_frontier_is_malformed(noise: bytes) -> None:
    try:
        frontier = Frontier.decode(noise)
    except Malformed:
        return
    assert frontier.encode() == noise


def test_a_frontier_holds_whole_hashes() -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        Frontier(1, (b"short",))
    with pytest.raises(Malformed, match="out of range"):
        Frontier(-1, ())
    assert Frontier().append(leaf_hash(b"")).root == leaf_hash(b"")
