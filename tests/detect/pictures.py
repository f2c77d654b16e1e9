"""The smallest pictures of each kind, built from their formats' own descriptions."""

import struct
import zlib


def png(width: int = 1, height: int = 1, *extra: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def jpeg(width: int = 1, height: int = 1, *extra: tuple[int, bytes]) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"
    segments = [*extra, (0xC0, frame), (0xDA, b"\x01\x01\0\0\x3f\0")]
    body = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
        for marker, payload in segments
    )
    return b"\xff\xd8" + body + b"\x12\x34\xff\xd9"


def webp(width: int = 1, height: int = 1, *extra: tuple[bytes, bytes]) -> bytes:
    lossless = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
    body = b"".join(
        struct.pack("<4sI", kind, len(payload)) + payload + b"\0" * (len(payload) & 1)
        for kind, payload in [*extra, (b"VP8L", lossless)]
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_lossy(width: int = 1, height: int = 1) -> bytes:
    lossy = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return (
        b"RIFF" + struct.pack("<I", len(lossy) + 12) + b"WEBPVP8 " + struct.pack("<I", 10) + lossy
    )


def gif(width: int = 1, height: int = 1, frames: int = 1) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"
    comment = b"\x21\xfe\x02hi\0"
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0" * 6
    return b"GIF89a" + screen + comment + frame * frames + b"\x3b"
