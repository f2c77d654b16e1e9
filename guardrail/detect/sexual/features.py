"""What the linear model reads: hashed words, pairs of words and character n-grams."""

from __future__ import annotations

import re
import sys
from array import array
from functools import lru_cache
from itertools import pairwise, repeat
from operator import rshift
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BITS = 20
"""The model has 2**BITS buckets."""
SHIFT = 32 - BITS
SHORT = 40
"""Buckets added to those of a text when its weight is averaged: a few words decide little."""

_SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_HAN_KANA_HANGUL = "\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_MARKS = "\u0300-\u036f\u064b-\u0652\u0900-\u0dff"
TOKEN = re.compile(
    f"[{_HAN_KANA_HANGUL}]{{1,64}}"
    f"|[{_SOUTH_EAST}]{{1,64}}"
    f"|(?:[^\\W_{_HAN_KANA_HANGUL}{_SOUTH_EAST}]|[{_MARKS}]){{1,64}}"
)
"""A word, or a run of a script written without spaces (Hangul read as one of them)."""

_ASCII_TOKEN = re.compile("[A-Za-z0-9]{1,64}")
_is_dense = re.compile(f"[{_HAN_KANA_HANGUL}]").match
_is_south_east = re.compile(f"[{_SOUTH_EAST}]").match
_MIX, _MIX_MORE, _WORD = 0x9E3779B1, 0x85EBCA6B, 0xFFFFFFFF
_LANE, _LANES = 64, 1024  # bits of a number among others; how many at a time
_WIDE = sys.byteorder == "big"
_EDGE = 24  # code points of a word whose n-grams count


def tokens(text: str) -> list[str]:
    """The words of a text, as `TOKEN` finds them."""
    return (_ASCII_TOKEN if text.isascii() else TOKEN).findall(text)


def features(token: str) -> tuple[int, list[int]]:
    """A token's hash for pairs (0: it makes no pairs) and the buckets of its n-grams."""
    if _is_dense(token):
        return 0, _grams(token, (4, 8, 12, 16))
    if _is_south_east(token):
        return 0, _grams(token, (12, 16, 20, 24))
    word = crc32(token.encode("utf-8", "surrogatepass"))
    return word, [word >> SHIFT, *_grams(f"<{token[:_EDGE]}>", (12, 16, 20))]


def hashes(words: Iterable[str]) -> list[int]:
    """The hashes of words that make pairs, as `features` has them."""
    return list(map(crc32, map(str.encode, words, repeat("utf-8"), repeat("surrogatepass"))))


def pair(left: int, right: int) -> int:
    """The bucket of two adjacent words, from their hashes."""
    return (((left * _MIX) ^ right) * _MIX_MORE & _WORD) >> SHIFT


def pairs(hashes: Sequence[int]) -> Sequence[int]:
    """The buckets of each two neighbours that make a pair, as `pair` has them."""
    count = len(hashes) - 1
    if not 0 < count <= _LANES or _WIDE or 0 in hashes:
        return [pair(left, right) for left, right in pairwise(hashes) if left and right]
    ones = _ones(count)  # all pairs at once, each in its own bits of one number
    lanes = int.from_bytes(array("Q", hashes).tobytes(), "little")
    mixed = ((lanes & ones * _WORD) * _MIX ^ lanes >> _LANE) & ones * _WORD
    mixed = (mixed * _MIX_MORE & ones * _WORD) >> SHIFT & ones * (_WORD >> SHIFT)
    return array("Q", mixed.to_bytes(count * _LANE // 8, "little"))


@lru_cache(256)
def _ones(count: int) -> int:
    """One in each of so many lanes."""
    return sum(1 << _LANE * lane for lane in range(count))


def _grams(text: str, sizes: tuple[int, ...]) -> list[int]:
    """The buckets of the n-grams of a text; `sizes` in bytes, four to a code point."""
    data = text.encode("utf-32-le", "surrogatepass")
    end = len(data) + 1
    grams = map(data.__getitem__, _slices(end, sizes))
    return list(map(rshift, map(crc32, grams), repeat(SHIFT)))


@lru_cache(1024)
def _slices(end: int, sizes: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(at, at + size) for size in sizes for at in range(0, end - size, 4))
