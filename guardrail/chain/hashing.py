"""The hashes of RFC 6962 section 2.1: SHA-256 behind one byte that tells leaf from node."""

from __future__ import annotations

from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = (1 << 63) - 1


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry), 32 bytes. Source: RFC 6962 section 2.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 32 bytes. Source: RFC 6962 section 2.1."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Largest power of two below `size`, which must be at least 2. RFC 6962 section 2.1."""
    return 1 << ((size - 1).bit_length() - 1)


def fold(hashes: list[bytes]) -> bytes:
    """Root of a complete subtree, given its 2**h hashes from the left. RFC 6962 section 2.1."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]
