"""The right edge of a growing tree: all that has to be kept to append and to give the root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, node_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

TILE_HEIGHT = 8
_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Node:
    """Hash `index` (from 0) of tile level `level`: the root over 256**level leaves (C2SP tiles)."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The compact range over leaves 0 to `size`: the roots of its complete subtrees.

    peaks: largest subtree first, one for each bit set in `size`; 32 bytes each.

    Source: RFC 6962 section 2.1, whose split points make these subtrees final.
    Raises Malformed when `peaks` cannot belong to `size`.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed("frontier", f"size {self.size} is out of range")
        if len(self.peaks) != self.size.bit_count():
            wanted = self.size.bit_count()
            raise Malformed(
                "frontier", f"{len(self.peaks)} hashes for size {self.size}, which takes {wanted}"
            )
        if any(len(peak) != HASH_SIZE for peak in self.peaks):
            raise Malformed("frontier", "a hash is not 32 bytes long")

    def grow(self, leaves: Iterable[bytes]) -> tuple[Frontier, tuple[Node, ...]]:
        """Append leaf hashes: the new frontier, and the hashes above full tiles that it completed.

        The nodes (tile level 1 and up, one for 256 hashes below) are what a log has to store
        besides its leaf hashes to build every proof. RFC 6962 section 2.1, C2SP tlog-tiles.
        """
        size, peaks, nodes = self.size, list(self.peaks), []
        for leaf in leaves:
            height, rest, top = 0, size, leaf
            while rest & 1:
                top = node_hash(peaks.pop(), top)
                rest >>= 1
                height += 1
                if height % TILE_HEIGHT == 0:
                    nodes.append(Node(height // TILE_HEIGHT, size >> height, top))
            peaks.append(top)
            size += 1
        return Frontier(size, tuple(peaks)), tuple(nodes)

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """Append leaf hashes, in O(log n) each. Source: RFC 6962 section 2.1."""
        return self.grow(leaves)[0]

    def append(self, leaf: bytes) -> Frontier:
        """Append one leaf hash, in O(log n). Source: RFC 6962 section 2.1."""
        return self.extend((leaf,))

    @property
    def root(self) -> bytes:
        """Merkle tree hash over all leaves, 32 bytes. Source: RFC 6962 section 2.1."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def encode(self) -> bytes:
        """The size (8 bytes, big-endian) and the hashes, for storing; no outside format."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.peaks)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """Read what `encode` wrote; raises Malformed."""
        if len(data) < _SIZE_BYTES or (len(data) - _SIZE_BYTES) % HASH_SIZE:
            raise Malformed("frontier", f"{len(data)} bytes cannot hold a size and whole hashes")
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        hashes = data[_SIZE_BYTES:]
        return cls(size, tuple(hashes[i : i + HASH_SIZE] for i in range(0, len(hashes), HASH_SIZE)))


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes, 32 bytes; SHA-256 of nothing for none. RFC 6962 section 2.1."""
    return Frontier().extend(leaves).root
