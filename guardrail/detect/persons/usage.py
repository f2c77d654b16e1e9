"""How words are used in public text: with or without a capital, and beside which others."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from functools import cache
from zlib import crc32

from guardrail.detect.persons.lexicon import DATA

UNSEEN, ORDINARY, LOWER, EITHER, CAPITAL, PROPER, UNCASED, FOREIGN = range(8)
"""`FOREIGN` is an ordinary word of another language than English."""
GROUPS = 256
HOPELESS = 8 * GROUPS
"""Added for a word that without a capital is by itself no part of a name."""
GERMAN = 7
"""The salt of words in a text where every noun has a capital."""


def key_of(low: str, *, german: bool) -> int:
    """The key of a folded word; other words may share it."""
    return crc32(low.encode("utf-8", "surrogatepass"), GERMAN if german else 0)


def packed(keys: Mapping[int, int]) -> bytes:
    """The file of a table: a line of JSON, then the sorted keys and their values."""
    order = sorted(keys)
    words, values = array("I", order), array("H", [keys[k] for k in order])
    if sys.byteorder == "big":
        words.byteswap()
        values.byteswap()
    head = json.dumps({"words": len(order)}).encode()
    return head + b"\n" + words.tobytes() + values.tobytes()


def unpacked(content: bytes) -> dict[int, int]:
    """Key -> how the word is written (`UNSEEN` to `FOREIGN`) times `GROUPS`, plus its group.

    `HOPELESS` is added where it holds.
    """
    head, _, body = content.partition(b"\n")
    count = json.loads(head)["words"]
    words, values = array("I", body[: 4 * count]), array("H", body[4 * count :])
    if sys.byteorder == "big":
        words.byteswap()
        values.byteswap()
    return dict(zip(words, values, strict=True))


@cache
def usage() -> Mapping[int, int]:
    """The table that comes with this package; nothing where a word was hardly seen."""
    return unpacked((DATA / "usage_latin.bin").read_bytes())
