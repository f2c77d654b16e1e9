"""The word lists behind the recognisers, read once from the data files."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

GIVEN = 1
SURNAME = 2
COMMON = 4
PLACE = 8
ORG = 16
BRAND = 32
TITLE = 64
PARTICLE = 128
BEFORE = 256
AFTER = 512
STOP = 1024
HONORIFIC = 2048
NAMING = 4096
ALSO = 8192
"""An ordinary word of a language that is a name, or another word, in English."""
CUE = 16384
"""An ordinary word of a language that is seldom met in English."""

_CLASSES = {
    "common": COMMON,
    "places": PLACE,
    "orgs": ORG,
    "brands": BRAND,
    "titles": TITLE,
    "particle": PARTICLE,
    "before": BEFORE,
    "after": AFTER,
    "initialstop": STOP,
    "honorific": HONORIFIC | TITLE,
    "naming": NAMING | BEFORE,
}


def rows(name: str) -> Iterator[list[str]]:
    """The tab-separated fields of each line of a data file, comments left out."""
    with (DATA / name).open(encoding="utf-8") as file:
        for line in file:
            if line[0] not in "#\n":
                yield line.rstrip("\n").split("\t")


def plain(word: str) -> str:
    """The word without diacritics, case folded."""
    word = word.casefold()
    if word.isascii():
        return word
    marked = unicodedata.normalize("NFD", word.translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(c for c in marked if not unicodedata.combining(c)))


_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "æ": "ae", "œ": "oe", "ð": "d"}
)


@cache
def latin_words() -> Mapping[str, int]:
    """Folded word -> class bits, with and without diacritics."""
    found: dict[str, int] = {}

    def add(word: str, bits: int) -> None:
        for form in {word, plain(word)}:
            found[form] = found.get(form, 0) | bits

    for name, bit in (("given.tsv", GIVEN), ("surnames.tsv", SURNAME)):
        for fields in rows(name):
            add(fields[0], bit)
    for fields in rows("words.tsv"):
        bits = 0
        for label in fields[1].split(","):
            bits |= _CLASSES[label]
        add(fields[0], bits)
    for _, label, words in rows("foreign.tsv"):
        for word in words.split():
            found[word] = found.get(word, 0) | (CUE if label == "cue" else ALSO)
    return found


@cache
def weights() -> Mapping[str, float]:
    """Feature name -> weight of the Latin-script recogniser."""
    return {fields[0]: float(fields[1]) for fields in rows("weights.tsv")}


@cache
def entries(name: str) -> Mapping[str, frozenset[str]]:
    """Class -> entries of a data file with one class and space-separated entries a line."""
    found: dict[str, set[str]] = {}
    for fields in rows(name):
        found.setdefault(fields[0], set()).update(fields[1].split())
    return {label: frozenset(words) for label, words in found.items()}
