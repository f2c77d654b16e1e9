"""Roots and proofs of a stored tree, read through whatever holds its hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from guardrail.chain.errors import EvidenceUnavailable, ProofRejected
from guardrail.chain.frontier import TILE_HEIGHT, Frontier
from guardrail.chain.hashing import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, fold, node_hash, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class HashReader(Protocol):
    """Where a tree's hashes are kept: a table, tiles on a disk, or memory."""

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """`count` (1 to 256) hashes of tile level `level` from index `start`, in one tile.

        Hash i of level 0 is leaf hash i; hash i of level l is the root over leaves
        i * 256**l to (i + 1) * 256**l. Source: C2SP tlog-tiles.
        """


class MemoryHashes:
    """A HashReader over leaf hashes in memory. Source: C2SP tlog-tiles."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        kept = list(leaves)
        self._levels: list[list[bytes]] = [kept]
        self.frontier, nodes = Frontier().grow(kept)
        for node in nodes:
            if node.level == len(self._levels):
                self._levels.append([])
            self._levels[node.level].append(node.hash)

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader."""
        return self._levels[level][start : start + count] if level < len(self._levels) else []


def root(reader: HashReader, size: int) -> bytes:
    """Merkle tree hash over the first `size` leaves, 32 bytes. RFC 6962 section 2.1.

    Raises EvidenceUnavailable when the reader lacks a hash.
    """
    _check(0 <= size <= MAX_SIZE, f"a tree of size {size}")
    return _range(reader, 0, size) if size else EMPTY_ROOT


def frontier(reader: HashReader, size: int) -> Frontier:
    """The compact range over the first `size` leaves. Source: RFC 6962 section 2.1.

    Raises EvidenceUnavailable when the reader lacks a hash.
    """
    _check(0 <= size <= MAX_SIZE, f"a tree of size {size}")
    peaks, begin = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            peaks.append(_node(reader, height, begin))
            begin += 1 << height
    return Frontier(size, tuple(peaks))


def inclusion_proof(reader: HashReader, index: int, size: int) -> tuple[bytes, ...]:
    """PATH(index, D[size]): the hashes from the leaf's sibling up to the root's child.

    index: of the leaf, from 0, below `size`.

    Source: RFC 6962 section 2.1.1. Raises ProofRejected when there is no such proof,
    EvidenceUnavailable when the reader lacks a hash.
    """
    _check(0 <= index < size <= MAX_SIZE, f"an inclusion proof for leaf {index} of {size}")
    path, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + split(end - begin)
        if index < middle:
            path.append(_range(reader, middle, end))
            end = middle
        else:
            path.append(_range(reader, begin, middle))
            begin = middle
    return tuple(reversed(path))


def consistency_proof(reader: HashReader, old: int, new: int) -> tuple[bytes, ...]:
    """PROOF(old, D[new]): the hashes that show the first `old` leaves were only appended to.

    Empty where `old` is 0 (as C2SP tlog-witness asks) or equals `new`.

    Source: RFC 6962 section 2.1.2. Raises ProofRejected when `old` is above `new`,
    EvidenceUnavailable when the reader lacks a hash.
    """
    _check(0 <= old <= new <= MAX_SIZE, f"a consistency proof from {old} to {new}")
    if old in (0, new):
        return ()
    proof, begin, end = [], 0, new
    while old != end:
        middle = begin + split(end - begin)
        if old <= middle:
            proof.append(_range(reader, middle, end))
            end = middle
        else:
            proof.append(_range(reader, begin, middle))
            begin = middle
    if begin:
        proof.append(_range(reader, begin, end))
    return tuple(reversed(proof))


def _range(reader: HashReader, begin: int, end: int) -> bytes:
    """MTH(D[begin:end]) of a range that RFC 6962 splits off."""
    count = end - begin
    if count.bit_count() == 1:
        return _node(reader, count.bit_length() - 1, begin)
    middle = begin + split(count)
    return node_hash(_range(reader, begin, middle), _range(reader, middle, end))


def _node(reader: HashReader, height: int, begin: int) -> bytes:
    """Root of the complete subtree of 2**height leaves that starts at leaf `begin`."""
    level, inner = divmod(height, TILE_HEIGHT)
    start, count = begin >> (level * TILE_HEIGHT), 1 << inner
    hashes = list(reader.hashes(level, start, count))
    if len(hashes) != count or any(len(found) != HASH_SIZE for found in hashes):
        raise EvidenceUnavailable(
            f"hashes {start} to {start + count - 1} of tile level {level} are not stored"
        )
    return fold(hashes)


def _check(possible: bool, what: str) -> None:
    if not possible:
        raise ProofRejected(f"there is no such thing as {what}")
