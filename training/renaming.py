"""Rows with other names in the places of their own, and sentences with places for names."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.persons import Row, Rows

RENAMED = 2
LINK = re.compile("[・=\uff1d]")
_KATAKANA = re.compile("[\u30a1-\u30ff=\uff1d]+")
_HAN = re.compile("[\u3005\u3400-\u9fff]+")
_HANGUL = re.compile("[\uac00-\ud7a3]+")
_SLOT = re.compile(r"\{(\w?)\}")


def annotated(rows: Rows, lang: str) -> list[str]:
    """The names in the annotated rows of a language, but for single characters."""
    return [
        name
        for row in rows.read("person_spans.jsonl")
        if row["lang"] == lang
        for name in names_of(row)
        if len(name) > 1
    ]


def names_of(row: Row) -> list[str]:
    """The names of a row."""
    return [row["text"][start:end] for start, end in row["spans"]]


def make_of(name: str) -> tuple[str, int]:
    """How a name is written, and how long it is or how many parts it has."""
    if _KATAKANA.fullmatch(name):
        return "katakana", len(LINK.split(name)) > 1
    if _HAN.fullmatch(name):
        return "han", min(len(name), 3)
    return ("hangul" if _HANGUL.fullmatch(name) else "mixed"), min(len(name), 4)


def replaced(row: Row, other: Callable[[str], str]) -> Row:
    """The row with other names in the places of its own."""
    text, spans, done = "", [], 0
    for start, end in sorted(row["spans"]):
        if start < done:
            continue
        text += row["text"][done:start]
        name = other(row["text"][start:end])
        spans.append((len(text), len(text) + len(name)))
        text += name
        done = end
    return {**row, "text": text + row["text"][done:], "spans": spans}


def filled(
    path: Path, name: Callable[[str], str], draw: random.Random, stops: str, empty: str = ""
) -> Iterator[Row]:
    """The sentences of a file with names for their places; those of a sort in `empty` are none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        text, spans, done = "", [], 0
        for match in _SLOT.finditer(line):
            text += line[done : match.start()]
            put = name(match[1])
            if not match[1] or match[1] not in empty:
                spans.append((len(text), len(text) + len(put)))
            text += put
            done = match.end()
        text += line[done:] + (draw.choice(stops) if draw.random() < 0.4 else "")  # noqa: PLR2004
        yield {"text": text, "spans": spans, "lang": "", "source": "own"}
