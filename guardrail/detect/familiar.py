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
from itertools import pairwise
from pathlib import Path
from typing import Any

WORDS, COLUMNS = "familiar.words", "familiar.bin"
_WIDE = sys.byteorder == "big"


@dataclass(frozen=True, slots=True)
class Familiar:
    """Rows of what is known of a word; `rows` says which is a word's.

    kinds: what about a word may be a disguise, as `guardrail.detect.disguise.marks` says.
    marks: which of these about each.
    named: what it may be of a well-known name, as `guardrail.detect.disguise.names` says.
    weights, sizes: sum and number of its weights in the linear model of `sexual.text`.
    spelled: sum of what its letters show the Latin tagger of `person.names`.
    """

    rows: dict[str, int]
    kinds: tuple[str, ...]
    marks: bytes
    named: bytes
    weights: array[int]
    sizes: bytes
    spelled: array[int]

    def marks_of(self, word: str) -> str | None:
        """The marks of a folded word; None where it is not listed."""
        row = self.rows.get(word)
        return None if row is None else self.kinds[self.marks[row]]

    def named_of(self, word: str) -> int | None:
        """What a folded word may be of a name; None where it is not listed."""
        row = self.rows.get(word)
        return None if row is None else self.named[row]

    def spelled_of(self, word: str) -> int | None:
        """What the letters of a folded word show the Latin tagger."""
        row = self.rows.get(word)
        return None if row is None else self.spelled[row]

    def marked(self) -> dict[str, str]:
        """Each word with its marks."""
        return dict(zip(self.rows, map(self.kinds.__getitem__, self.marks), strict=True))


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
    return Familiar(
        dict(zip(words, range(count), strict=True)),
        tuple(kinds),
        marks,
        named,
        _read("h", weights),
        sizes,
        _read("q", spelled),
    )


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
