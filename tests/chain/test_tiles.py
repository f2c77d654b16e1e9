"""Tiles and bundles: the specification's own examples, and trees read back through them."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.errors import EvidenceUnavailable, Malformed
from guardrail.chain.frontier import tree_root
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.tiles import (
    Tile,
    TileHashes,
    bundles_of,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    tiles_of,
)
from guardrail.chain.tree import MemoryHashes, consistency_proof, inclusion_proof, root

tiles = st.builds(
    Tile,
    st.one_of(st.none(), st.integers(0, 63)),
    st.integers(0, 1 << 60),
    st.integers(1, 256),
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(1, 0, 17), "tile/1/000.p/17"),
        (Tile(None, 273, 112), "tile/entries/273.p/112"),
        (Tile(63, 1000), "tile/63/x001/000"),
    ],
)
def test_known_paths(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@given(tiles)
def test_a_path_reads_back(tile: Tile) -> None:
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/1",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/001/002",
        "tile/0/\u0660\u0660\u0660",
        "tile/-1/000",
        "tile/0/000\n",
        "tile/0/" + "x999/" * 40 + "999",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(Malformed):
        Tile.parse(path)


def test_the_specification_s_tree_of_70000() -> None:
    found = list(tiles_of(70000))
    assert Counter((tile.level, tile.width) for tile in found) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert len(list(bundles_of(70000))) == 274
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_what_a_grown_tree_adds_is_what_it_has_more(first: int, second: int) -> None:
    old, new = sorted((first, second))
    added = list(tiles_of(new, old))
    assert {*tiles_of(old), *added} >= {*tiles_of(new)}
    assert {*added} == {*tiles_of(new)} - {*tiles_of(old)}
    assert {*bundles_of(new, old)} == {*bundles_of(new)} - {*bundles_of(old)}


def stored(size: int) -> tuple[dict[str, bytes], list[bytes]]:
    hashes = [leaf_hash(str(number).encode()) for number in range(size)]
    reader = MemoryHashes(hashes)
    return {tile.path: encode_tile(tile, reader) for tile in tiles_of(size)}, hashes


@given(st.integers(1, 2000), st.data())
def test_proofs_made_from_tiles_are_those_made_from_leaves(size: int, draw: st.DataObject) -> None:
    files, hashes = stored(size)
    reader = TileHashes(size, lambda tile: files.get(tile.path))
    memory = MemoryHashes(hashes)
    index, old = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(0, size))
    assert root(reader, size) == tree_root(hashes)
    assert inclusion_proof(reader, index, size) == inclusion_proof(memory, index, size)
    assert consistency_proof(reader, old, size) == consistency_proof(memory, old, size)


def test_a_partial_tile_may_be_replaced_by_the_full_one() -> None:
    files, hashes = stored(256)
    reader = TileHashes(100, lambda tile: files.get(tile.path))
    assert root(reader, 100) == tree_root(hashes[:100])


def test_there_are_no_hashes_beyond_the_tree() -> None:
    assert TileHashes(300, lambda _: bytes(8192)).hashes(0, 512, 1) == ()


def test_a_tile_that_is_not_there_is_named() -> None:
    with pytest.raises(EvidenceUnavailable, match=r"tile/0/000\.p/3"):
        root(TileHashes(3, lambda _: None), 3)
    with pytest.raises(Malformed, match="64 bytes, not 96"):
        root(TileHashes(3, lambda _: bytes(64)), 3)
    with pytest.raises(EvidenceUnavailable):
        encode_tile(Tile(0, 0), MemoryHashes([leaf_hash(b"")]))
    with pytest.raises(Malformed):
        encode_tile(Tile(None, 0), MemoryHashes([]))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_reads_back(entries: list[bytes]) -> None:
    tile = Tile(None, 0, len(entries))
    assert decode_bundle(tile, encode_bundle(entries)) == tuple(entries)


@given(st.binary(max_size=600), st.integers(1, 256))
def test_a_damaged_bundle_is_malformed(noise: bytes, width: int) -> None:
    try:
        entries = decode_bundle(Tile(None, 0, width), noise)
    except Malformed:
        return
    assert encode_bundle(entries) == noise


def test_an_entry_fits_its_length() -> None:
    longest = bytes(65535)
    assert decode_bundle(Tile(None, 0, 1), encode_bundle([longest])) == (longest,)
    with pytest.raises(Malformed, match="65536 bytes"):
        encode_bundle([longest + b"!"])


def test_a_tile_holds_whole_hashes() -> None:
    hashes = tuple(sha256(bytes([number])).digest() for number in range(3))
    assert decode_tile(Tile(0, 0, 3), b"".join(hashes)) == hashes
