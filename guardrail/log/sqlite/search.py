"""Looks for byte strings in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

CHUNK = 1 << 24


def found_in(path: Path, needles: Collection[bytes]) -> bool:
    """Whether any of `needles` is in the file; a file that is not there holds nothing.

    Raises OSError.
    """
    if not needles or not path.exists():
        return False
    automaton = BytesAhoCorasick(list(needles))
    overlap = max(map(len, needles)) - 1
    tail = b""
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            if automaton.find_matches_as_indexes(tail + data):
                return True
            tail = (tail + data)[-overlap:] if overlap else b""
    return False
