"""Tiles and entry bundles: a log as plain files. Source: C2SP tlog-tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceUnavailable, Malformed
from guardrail.chain.frontier import TILE_HEIGHT
from guardrail.chain.hashing import HASH_SIZE, MAX_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from guardrail.chain.tree import HashReader

TILE_WIDTH = 1 << TILE_HEIGHT
MAX_ENTRY = 0xFFFF
MAX_LEVEL = 63
_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile, or one entry bundle.

    level: 0 to 63 for hashes; None for a bundle of entries.
    index: of the tile in its level, from 0.
    width: hashes or entries in it, 1 to 256; below 256 it is partial.

    Raises Malformed when out of range.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        good = self.level is None or 0 <= self.level <= MAX_LEVEL
        if not (good and 0 <= self.index <= MAX_SIZE and 0 < self.width <= TILE_WIDTH):
            raise Malformed("tile", f"level {self.level}, index {self.index}, width {self.width}")

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`; 1234067 is `x001/x234/067`. Source: C2SP tlog-tiles."""
        name = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            name = f"x{rest % 1000:03d}/{name}"
            rest //= 1000
        level = "entries" if self.level is None else self.level
        part = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{name}{part}"

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Read a path; raises Malformed. Source: C2SP tlog-tiles."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise Malformed("tile path", "not tile/<level>/<index>[.p/<width>]")
        level, name, width = found.groups()
        digits = name.replace("/", "").replace("x", "")
        tile = cls(
            None if level == "entries" else int(level),
            int(digits),
            TILE_WIDTH if width is None else int(width),
        )
        if tile.path != path:
            raise Malformed("tile path", f"{tile.path} is how it is written")
        return tile


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Hash tiles of a tree of `size` that one of size `since` did not have; lowest level first.

    Source: C2SP tlog-tiles, "Partial Tiles".
    """
    level = 0
    while size:
        yield from _row(level, size, since)
        size, since, level = size >> TILE_HEIGHT, since >> TILE_HEIGHT, level + 1


def bundles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Entry bundles of a log of `size` that one of size `since` did not have. C2SP tlog-tiles."""
    yield from _row(None, size, since)


def _row(level: int | None, now: int, before: int) -> Iterator[Tile]:
    full, part = divmod(now, TILE_WIDTH)
    for index in range(before // TILE_WIDTH, full):
        yield Tile(level, index)
    if part and now != before:
        yield Tile(level, full, part)


def encode_tile(tile: Tile, reader: HashReader) -> bytes:
    """The bytes of a hash tile: 32 for each hash. Source: C2SP tlog-tiles.

    Raises EvidenceUnavailable when the reader lacks a hash.
    """
    if tile.level is None:
        raise Malformed("tile", "a bundle of entries is made by encode_bundle")
    hashes = reader.hashes(tile.level, tile.index * TILE_WIDTH, tile.width)
    if len(hashes) != tile.width:
        raise EvidenceUnavailable(f"the hashes of {tile.path} are not stored")
    return b"".join(hashes)


def decode_tile(tile: Tile, data: bytes) -> tuple[bytes, ...]:
    """The hashes of a tile, 32 bytes each; raises Malformed. Source: C2SP tlog-tiles."""
    if len(data) != tile.width * HASH_SIZE:
        raise Malformed(tile.path, f"{len(data)} bytes, not {tile.width * HASH_SIZE}")
    return tuple(data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries (up to 65,535 bytes each), each led by its length. Source: C2SP tlog-tiles.

    Raises Malformed for a longer one.
    """
    parts: list[bytes] = []
    for number, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY:
            raise Malformed("entry bundle", f"entry {number} has {len(entry)} bytes")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(tile: Tile, data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle; raises Malformed. Source: C2SP tlog-tiles."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) <= tile.width:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Malformed(tile.path, f"entry {len(entries)} runs past the end")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) != tile.width:
        raise Malformed(tile.path, f"{len(entries)} entries, not {tile.width}")
    return tuple(entries)


class TileHashes:
    """A HashReader over the tiles of a tree of `size` leaves. Source: C2SP tlog-tiles.

    fetch: gives a tile's bytes, or None where it is not there; a partial tile that is gone is
        looked for in the full one. What it gives is not trusted: proofs made of it are verified
        against a signed root like any other.
    """

    def __init__(self, size: int, fetch: Callable[[Tile], bytes | None]) -> None:
        self._size = size
        self._fetch = fetch

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader; raises EvidenceUnavailable and Malformed."""
        index = start // TILE_WIDTH
        there = (self._size >> (level * TILE_HEIGHT)) - index * TILE_WIDTH
        if there < 1:
            return ()
        tile = Tile(level, index, min(there, TILE_WIDTH))
        offset = start - index * TILE_WIDTH
        return self._read(tile)[offset : offset + count]

    def _read(self, tile: Tile) -> tuple[bytes, ...]:
        whole = Tile(tile.level, tile.index)
        for candidate in dict.fromkeys((tile, whole)):
            data = self._fetch(candidate)
            if data is not None:
                return decode_tile(candidate, data)[: tile.width]
        raise EvidenceUnavailable(f"{tile.path} is not there")
