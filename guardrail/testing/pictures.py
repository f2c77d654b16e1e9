"""Pictures for tests, made without a picture library."""

from __future__ import annotations

import struct
import zlib


def neutral_png(width: int = 64, height: int = 64) -> bytes:
    """Draw a grey gradient as an 8-bit RGB PNG; `width` and `height` in pixels, at least 1."""
    if width < 1 or height < 1:
        raise ValueError(f"not a picture size: {width} x {height}")
    rows = b"".join(b"\x00" + bytes([64 + 128 * y // height] * 3) * width for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, data) for kind, data in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
