"""What the detectors make of frequent words, worked out beforehand: one look-up for all of it.

A word that is not in the table is worked out when it is met, with the same result. The table is
written by `python -m training.familiar`; a test tells when it no longer says what the code does.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import marisa_trie

TRIE, COLUMNS = "familiar.trie", "familiar.bin"
_WIDE = sys.byteorder == "big"


@dataclass(frozen=True, slots=True)
class Familiar:
    """Rows of what is known of a word: `row` of it says which, -1 where it is not listed.

    kinds: what about a word may be a disguise, as `guardrail.detect.disguise.marks` says.
    marks: which of these about each.
    named: what it may be of a well-known name, as `guardrail.detect.disguise.names` says.
    weights, sizes: sum and number of its weights in the linear model of `sexual.text`.
    spelled: sum of what its letters show the Latin tagger of `person.names`.
    """

    row: Callable[[str | bytes, int], int]
    kinds: tuple[str, ...]
    marks: bytes
    named: bytes
    weights: array[int]
    sizes: bytes
    spelled: array[int]

    def marks_of(self, word: str) -> str | None:
        """The marks of a folded word; None where it is not listed."""
        row = self.row(word, -1)
        return self.kinds[self.marks[row]] if row >= 0 else None

    def named_of(self, word: str) -> int | None:
        """What a folded word may be of a name; None where it is not listed."""
        row = self.row(word, -1)
        return self.named[row] if row >= 0 else None

    def weight_of(self, word: str) -> tuple[int, int] | None:
        """The weight of a folded word in the linear model, and the number of its buckets."""
        row = self.row(word, -1)
        return (self.weights[row], self.sizes[row]) if row >= 0 else None

    def spelled_of(self, word: bytes) -> int | None:
        """What the letters of a folded word, in UTF-8, show the Latin tagger."""
        row = self.row(word, -1)
        return self.spelled[row] if row >= 0 else None


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


def unpacked(content: bytes, trie: marisa_trie.Trie) -> Familiar:
    """The table behind the words of a trie."""
    head, _, body = content.partition(b"\n")
    facts: dict[str, Any] = json.loads(head)
    count, kinds = facts["rows"], facts["marks"]
    cuts = [count * bytes_before for bytes_before in (0, 1, 2, 4, 5, 13)]
    marks, named, weights, sizes, spelled = (body[a:b] for a, b in pairwise(cuts))
    return Familiar(
        trie.get,
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
    import marisa_trie

    here = Path(__file__)
    trie = marisa_trie.Trie()
    trie.load(str(here.with_name(TRIE)))
    return unpacked(here.with_name(COLUMNS).read_bytes(), trie)


def _little(column: array[int]) -> bytes:
    if _WIDE:
        column.byteswap()
    return column.tobytes()


def _read(code: str, content: bytes) -> array[int]:
    column = array(code, content)
    if _WIDE:
        column.byteswap()
    return column
