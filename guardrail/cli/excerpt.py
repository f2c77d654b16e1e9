"""A text with its findings marked underneath, aligned by terminal cells."""

from __future__ import annotations

import string
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import get_character_cell_size
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEYS = string.digits[1:] + string.ascii_lowercase
"""What marks are called, in order; later ones share the last key."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A half-open range of the text, code points, its one-letter key and its rich style."""

    key: str
    start: int
    end: int
    style: str


def key(index: int) -> str:
    """Name the mark of that index, counting from 0."""
    return KEYS[min(index, len(KEYS) - 1)]


def shown(text: str) -> str:
    """Make control, format and other invisible characters visible, one for one."""
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char < " ":
        return chr(0x2400 + ord(char))
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return "\N{REPLACEMENT CHARACTER}"
    return char


def underlined(text: str, marks: Sequence[Mark], width: int) -> Iterator[Text]:
    """Yield the text in rows of at most `width` cells, each followed by its marks' rows."""
    for start, end in _rows(text, width):
        row = Text(shown(text[start:end]), no_wrap=True, overflow="ignore")
        here = [mark for mark in marks if mark.start < end and start < mark.end]
        for mark in here:
            row.stylize(f"underline {mark.style}", max(mark.start - start, 0), mark.end - start)
        yield row
        for layer in _layers(here):
            yield _mark_row(text, start, end, layer)


def _rows(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Yield ranges that fit the width; a line break ends a row and is not shown."""
    start = used = 0
    for index, char in enumerate(text):
        cells = _cells(char)
        if char == "\n" or used + cells > width:
            yield start, index
            start, used = index + (char == "\n"), 0
            if char == "\n":
                continue
        used += cells
    yield start, len(text)


def _cells(char: str) -> int:
    return get_character_cell_size(_visible(char))


def _layers(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Put marks that overlap into different rows."""
    layers: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end)):
        for layer in layers:
            if layer[-1].end <= mark.start:
                layer.append(mark)
                break
        else:
            layers.append([mark])
    return layers


def _mark_row(text: str, start: int, end: int, layer: Sequence[Mark]) -> Text:
    row = Text(no_wrap=True, overflow="ignore")
    for mark in layer:
        first, last = max(mark.start, start), min(mark.end, end)
        before = sum(map(_cells, text[start:first]))
        cells = sum(map(_cells, text[first:last]))
        row.append(" " * (before - row.cell_len))
        row.append((mark.key + "^" * (cells - 1))[:cells], style=mark.style)
    return row
