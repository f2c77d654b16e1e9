"""The tables of letters and sentences that disguises are made of; README.md has their source."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_POINT = "U+"


def _rows(name: str) -> list[list[str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


@cache
def letters(disguise: str) -> dict[str, list[str]]:
    """What may stand instead of a letter."""
    rows = [row for row in _rows("letters.tsv") if row[0] == disguise and row[1]]
    return {letter: instead.split(" ") for _, letter, instead in rows}


@cache
def joiners(disguise: str) -> list[str]:
    """What may stand between letters; written as characters or as `U+` and a code point."""
    (row,) = [row for row in _rows("letters.tsv") if row[0] == disguise]
    return [
        chr(int(one.removeprefix(_POINT), 16)) if one.startswith(_POINT) else one
        for one in row[2].split(" ")
    ]


@cache
def wrappers(kind: str) -> dict[str, str]:
    """Sentences around a request, by language; `{}` is where the request goes."""
    return {lang: text for of, lang, text in _rows("wrappers.tsv") if of == kind}


@cache
def kana_sounds() -> dict[str, str]:
    """Romaji (Hepburn, long vowels plain) of katakana, of one or two characters."""
    return {row[0]: row[1] for row in _rows("romaji.tsv")}
