"""Replies that were compressed though nobody asked for it, unpacked a little at a time.

What a library unpacks of one chunk it holds whole: of 64 kilobytes up to 64 megabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

PIECE = 1 << 18
"""Bytes that are unpacked at once."""

_GZIP_OR_ZLIB = 47
_PLAIN = frozenset({"", "identity"})
_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})


def is_plain(coding: str) -> bool:
    """Whether a content encoding is none."""
    return coding.strip().lower() in _PLAIN


def is_known(coding: str) -> bool:
    """Whether a content encoding is one that is unpacked here; several at once are not."""
    return coding.strip().lower() in _KNOWN


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a reply in gzip or zlib. Raises ValueError for others, and for half a reply."""
    unpacking = _Unpacking()
    for chunk in chunks:
        yield from unpacking.feed(chunk)
    unpacking.end()


async def aunpacked(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """As `unpacked`, under asyncio."""
    unpacking = _Unpacking()
    async for chunk in chunks:
        for piece in unpacking.feed(chunk):
            yield piece
    unpacking.end()


class _Unpacking:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._fed = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._fed = self._fed or bool(chunk)
        more = bool(chunk)
        while more:
            try:
                piece = self._zlib.decompress(chunk, PIECE)
            except zlib.error as problem:
                raise ValueError("a reply that cannot be unpacked") from problem
            if self._zlib.unused_data:
                raise ValueError("a reply that goes on after its end")
            chunk = self._zlib.unconsumed_tail
            more = bool(chunk) or len(piece) == PIECE
            if piece:
                yield piece

    def end(self) -> None:
        if self._fed and not self._zlib.eof:
            raise ValueError("a reply that cannot be unpacked")
