"""Checking Merkle proofs: RFC 6962 section 2.1, with the algorithms of RFC 9162 section 2.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.errors import ProofRejected
from guardrail.chain.hashing import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, node_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf hash `leaf` stands at `index` (from 0) under `root` over `size` leaves.

    Source: RFC 6962 section 2.1.1, RFC 9162 section 2.1.3.2. Raises ProofRejected.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofRejected(f"a tree of {size} entries has no entry at index {index}")
    _check_hashes(leaf, root, *proof)
    inner, border = _lengths(index, size)
    if len(proof) != inner + border:
        raise ProofRejected(
            f"the inclusion proof has {len(proof)} hashes; "
            f"index {index} of {size} takes {inner + border}"
        )
    found = _up(_along(leaf, proof[:inner], index), proof[inner:])
    if found != root:
        raise ProofRejected(
            f"the inclusion proof of index {index} leads to root {found.hex()}, not {root.hex()}"
        )


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of size `new` begins with the tree of size `old`.

    Source: RFC 6962 section 2.1.2, RFC 9162 section 2.1.4.2; an old size of 0 takes an empty
    proof (C2SP tlog-witness). Raises ProofRejected.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise ProofRejected(f"a tree of {new} entries cannot follow one of {old}")
    _check_hashes(old_root, new_root, *proof)
    if old in (0, new):
        _verify_trivial(old, new, old_root, new_root, proof)
        return
    inner, border = _lengths(old - 1, new)
    shift = (old & -old).bit_length() - 1
    inner -= shift
    first = 0 if old == 1 << shift else 1
    if len(proof) != first + inner + border:
        raise ProofRejected(
            f"the consistency proof has {len(proof)} hashes; "
            f"{old} to {new} takes {first + inner + border}"
        )
    seed, rest, mask = (proof[0] if first else old_root), proof[first:], (old - 1) >> shift
    before = _up(seed, [*_lefts(rest[:inner], mask), *rest[inner:]])
    if before != old_root:
        raise ProofRejected(
            f"the consistency proof leads to root {before.hex()} at size {old}, "
            f"not {old_root.hex()}"
        )
    after = _up(_along(seed, rest[:inner], mask), rest[inner:])
    if after != new_root:
        raise ProofRejected(
            f"the consistency proof leads to root {after.hex()} at size {new}, not {new_root.hex()}"
        )


def _verify_trivial(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise ProofRejected(f"the consistency proof from {old} to {new} must be empty")
    for size, root in ((old, old_root), (new, new_root)):
        if size == 0 and root != EMPTY_ROOT:
            raise ProofRejected(f"{root.hex()} is not the root of an empty tree")
    if old == new and old_root != new_root:
        raise ProofRejected(
            f"two roots at size {old}: {old_root.hex()} and {new_root.hex()}; the log forked"
        )


def _check_hashes(*hashes: bytes) -> None:
    if any(len(found) != HASH_SIZE for found in hashes):
        raise ProofRejected("a hash is not 32 bytes long")


def _lengths(index: int, size: int) -> tuple[int, int]:
    """How many hashes stand below, and above, where the path joins the tree's right edge."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _along(seed: bytes, proof: Iterable[bytes], index: int) -> bytes:
    for height, sibling in enumerate(proof):
        right = index >> height & 1
        seed = node_hash(sibling, seed) if right else node_hash(seed, sibling)
    return seed


def _lefts(proof: Iterable[bytes], index: int) -> list[bytes]:
    return [sibling for height, sibling in enumerate(proof) if index >> height & 1]


def _up(seed: bytes, lefts: Iterable[bytes]) -> bytes:
    for left in lefts:
        seed = node_hash(left, seed)
    return seed
