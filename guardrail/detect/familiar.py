"""What the detectors make of frequent words, worked out beforehand: one look-up for all of it.

A word that is not in the table is worked out when it is met, with the same result. The table is
written by `python -m training.familiar`; a test tells when it no longer says what the code does.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, repeat
from operator import and_, lshift, or_, rshift
from pathlib import Path
from typing import Any

WORDS, COLUMNS = "familiar.words", "familiar.bin"
_WIDE = sys.byteorder == "big"


SIZE, WEIGHT, MARK, NAMED, ROW = 0, 16, 48, 56, 64
"""Where the fields of what is known of a word begin, in bits; up to `MARK` sums fit as well."""
SUMMED = 200
"""The most words of which sizes and weights may be summed as they are."""
BIAS = 1 << 15
"""Added to a weight, so that it is not negative."""
UNLISTED = "?"
"""Stands for the marks of a word that is not listed."""
_BYTE, _WORD = 0xFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Familiar:
    """What is known of each word, in one number, the frequent words first.

    known: a word -> its number: the size and the weight, in the linear model of `sexual.text`; the
    marks, an index of `kinds`: what about it may be a disguise, as `disguise.marks` says; what it
    may be of a well-known name, as `disguise.names` says; its row.
    spelled: by row, the sum of what its letters show the Latin tagger of `person.names`.
    """

    known: dict[str, int]
    kinds: tuple[str, ...]
    spelled: array[int]

    def marks_of(self, words: Iterable[str]) -> list[str]:
        """The marks of each folded word; `UNLISTED` where it is not listed."""
        found = map(rshift, map(self.known.get, words, repeat(-1)), repeat(MARK))
        return list(map(self.kinds.__getitem__, map(and_, found, repeat(_BYTE))))

    def named_of(self, word: str) -> int | None:
        """What a folded word may be of a name; None where it is not listed."""
        found = self.known.get(word)
        return None if found is None else found >> NAMED & _BYTE

    def weight_of(self, word: str) -> tuple[int, int] | None:
        """The weight of a folded word in the linear model, and the number of its buckets."""
        found = self.known.get(word)
        return None if found is None else ((found >> WEIGHT & _WORD) - BIAS, found & _WORD)

    def spelled_of(self, word: str) -> int | None:
        """What the letters of a folded word show the Latin tagger; None where it is not listed."""
        found = self.known.get(word)
        return None if found is None else self.spelled[found >> ROW]


Row = tuple[str, int, int, int, int]
"""Marks, what a word may be of a name, weight, size and sum."""


def packed(rows: list[Row]) -> bytes:
    """The columns of a table as bytes."""
    marks, named, weights, sizes, spelled = zip(*rows, strict=True)
    kinds = sorted(set(marks))
    head = json.dumps({"rows": len(rows), "marks": kinds}).encode()
    columns = (
        bytes(map(kinds.index, marks)),
        bytes(named),
        _little(array("h", weights)),
        bytes(sizes),
        _little(array("q", spelled)),
    )
    return head + b"\n" + b"".join(columns)


def packed_words(words: Iterable[str]) -> bytes:
    """The words of a table as bytes."""
    return zlib.compress("\n".join(words).encode(), 9)


def unpacked_words(content: bytes) -> list[str]:
    """The words of a table, in the order of its rows."""
    return zlib.decompress(content).decode().split("\n")


def unpacked(content: bytes, words: Iterable[str]) -> Familiar:
    """The table of these words."""
    head, _, body = content.partition(b"\n")
    facts: dict[str, Any] = json.loads(head)
    count, kinds = facts["rows"], facts["marks"]
    cuts = [count * bytes_before for bytes_before in (0, 1, 2, 4, 5, 13)]
    marks, named, weights, sizes, spelled = (body[a:b] for a, b in pairwise(cuts))
    biased = _little(array("H", map(BIAS.__add__, _read("h", weights))))
    fields = bytearray(8 * count)
    fields[0::8], fields[2::8], fields[3::8] = sizes, biased[0::2], biased[1::2]
    fields[6::8], fields[7::8] = marks, named
    rows = map(lshift, range(count), repeat(ROW))
    known = dict(zip(words, map(or_, rows, _read("Q", bytes(fields))), strict=True))
    padded = (*kinds, *[UNLISTED] * (_BYTE + 1 - len(kinds)))
    return Familiar(known, padded, _read("q", spelled))


@cache
def familiar() -> Familiar:
    """The table that comes with this package."""
    here = Path(__file__)
    words = unpacked_words(here.with_name(WORDS).read_bytes())
    return unpacked(here.with_name(COLUMNS).read_bytes(), words)


def _little(column: array[int]) -> bytes:
    if _WIDE:
        column.byteswap()
    return column.tobytes()


def _read(code: str, content: bytes) -> array[int]:
    column = array(code, content)
    if _WIDE:
        column.byteswap()
    return column
