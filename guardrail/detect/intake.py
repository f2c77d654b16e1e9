"""Image intake: whether uploaded bytes are one still picture of sane size, told without decoding.

The checks walk each format's own structure (PNG third edition, ITU T.81, RFC 9649, GIF89a); they
say that a decoder would find one whole frame, not what the frame shows.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from typing import TYPE_CHECKING

from guardrail.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.records import Image

MAX_PIXELS = 100_000_000
"""Largest width times height accepted, pixels."""

_PNG = b"\x89PNG\r\n\x1a\n"
_DATA_URL = re.compile(r"data:[\w.+/-]*(?:;[\w.+-]+=[\w.+\"-]*)*;base64,", re.ASCII | re.IGNORECASE)
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_MARKER, _SOS, _APP2, _END_OF_IMAGE = 0xFF, 0xDA, 0xE2, b"\xff\xd9"
_GIF_EXTENSION, _GIF_IMAGE, _GIF_TRAILER = 0x21, 0x2C, 0x3B


def identify(data: bytes) -> str:
    """Tell which kind of picture these bytes hold: `png`, `jpeg`, `webp` or `gif`.

    Raises InputError naming what is wrong: empty, not an image, cut short, too many pixels, or
    more than one frame.
    """
    if not data:
        raise InputError("empty")
    if data.startswith(_PNG):
        return _checked("png", _png(data))
    if data.startswith(b"\xff\xd8\xff"):
        return _checked("jpeg", _jpeg(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _checked("webp", _webp(data))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _checked("gif", _gif(data))
    raise InputError("not an image: none of png, jpeg, webp, gif")


def decode_base64(text: str, limit_bytes: int) -> bytes:
    """Decode strict base64, with or without a `data:...;base64,` prefix.

    limit_bytes: largest decoded size; checked before anything is decoded.
    Raises InputError for text that is empty, too large or not base64.
    """
    text = text.strip()
    if text[:5].lower() == "data:":
        prefix = _DATA_URL.match(text)
        if prefix is None:
            raise InputError("not a base64 data URL")
        text = text[prefix.end() :]
    if not text:
        raise InputError("empty")
    if len(text) // 4 * 3 - text[-2:].count("=") > limit_bytes:
        raise InputError(f"larger than {limit_bytes} bytes")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("not base64") from None


def check_images(images: tuple[Image, ...], *, max_images: int, max_bytes: int) -> str:
    """Name the first problem among uploaded pictures, without their content; empty if none.

    max_bytes: largest size of one picture.
    """
    if len(images) > max_images:
        return f"{len(images)} images, more than {max_images}"
    for number, image in enumerate(images, 1):
        problem = _problem(image, max_bytes)
        if problem:
            return f"image {number}: {problem}"
    return ""


def _problem(image: Image, max_bytes: int) -> str:
    if image.problem:
        return image.problem
    data = image.data or b""
    if len(data) > max_bytes:
        return f"larger than {max_bytes} bytes"
    try:
        identify(data)
    except InputError as error:
        return str(error)
    return ""


def _checked(kind: str, size: tuple[int, int] | None) -> str:
    if size is None:
        raise InputError(f"not an image: a {kind} that is cut short or malformed")
    width, height = size
    if not (width and height):
        raise InputError(f"not an image: a {kind} without an area")
    if width * height > MAX_PIXELS:
        raise InputError(f"too many pixels: {width} x {height}, more than {MAX_PIXELS}")
    return kind


def _many_frames(kind: str) -> InputError:
    return InputError(f"animated or multi-frame {kind} is not supported")


def _png(data: bytes) -> tuple[int, int] | None:
    if data[8:16] != b"\0\0\0\rIHDR" or data[29:33] != zlib.crc32(data[12:29]).to_bytes(4, "big"):
        return None
    width, height = struct.unpack_from(">II", data, 16)
    pixels = False
    for kind, _, _ in _png_chunks(data):
        if kind == b"acTL":
            raise _many_frames("png")
        pixels = pixels or kind == b"IDAT"
        if kind == b"IEND":
            return (width, height) if pixels else None
    return None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            return
        yield kind, at + 8, length
        at = end


def _jpeg(data: bytes) -> tuple[int, int] | None:
    size: tuple[int, int] | None = None
    for marker, at, length in _jpeg_segments(data):
        if marker == _APP2 and data[at : at + 4] == b"MPF\0":
            raise _many_frames("jpeg")
        if marker in _SOF and length > struct.calcsize(">BHH"):
            _, height, width = struct.unpack_from(">BHH", data, at)
            size = (width, height)
        if marker == _SOS:
            return size if data.find(_END_OF_IMAGE, at + length) >= 0 else None
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, where its payload begins and how long that is, up to the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == _MARKER:
        marker = data[at + 1]
        if marker == _MARKER:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big") - 2  # it counts itself
            if length < 0 or at + 4 + length > len(data):
                return
            yield marker, at + 4, length
            at += 4 + length


def _webp(data: bytes) -> tuple[int, int] | None:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        return None
    size: tuple[int, int] | None = None
    for kind, at, length in _riff_chunks(data):
        if kind in (b"ANIM", b"ANMF"):
            raise _many_frames("webp")
        payload = data[at : at + min(length, 10)]
        if kind == b"VP8 " and payload[3:6] == b"\x9d\x01\x2a":
            width, height = payload[6:8], payload[8:10]
            size = size or (_14_bits(width), _14_bits(height))
        if kind == b"VP8L" and payload[:1] == b"\x2f":
            bits = int.from_bytes(payload[1:5], "little")
            size = size or ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return size


def _14_bits(field: bytes) -> int:
    return int.from_bytes(field, "little") & 0x3FFF


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at, stop = 12, int.from_bytes(data[4:8], "little") + 8
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > stop:
            return
        yield kind, at + 8, length
        at += 8 + length + (length & 1)


def _gif(data: bytes) -> tuple[int, int] | None:
    size: tuple[int, int] | None = None
    for kind, at in _gif_blocks(data):
        if kind == _GIF_IMAGE:
            if size:
                raise _many_frames("gif")
            screen = struct.unpack_from("<HH", data, 6)
            frame = struct.unpack_from("<HH", data, at + 5)
            size = max(screen[0], frame[0]), max(screen[1], frame[1])
        if kind == _GIF_TRAILER:
            return size
    return None


def _gif_blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Each block's kind and where it begins, the trailer last."""
    at = 13 + _colours(data[10]) if len(data) > 13 else len(data)  # noqa: PLR2004  header
    while at < len(data):
        kind = data[at]
        if kind == _GIF_TRAILER:
            yield kind, at
            return
        if kind == _GIF_IMAGE and at + 10 < len(data):
            yield kind, at
            at = _sub_blocks_end(data, at + 11 + _colours(data[at + 9]))
        elif kind == _GIF_EXTENSION:
            at = _sub_blocks_end(data, at + 2)
        else:
            return


def _colours(flags: int) -> int:
    """Bytes of the colour table that packed flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _sub_blocks_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1
