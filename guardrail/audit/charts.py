"""Charts as SVG: the same file in the HTML report, in the PDF and in the pack.

Numbers are written with two decimals at most, so that the same figures give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 720
COLOURS = {
    "released": "#0072B2",
    "refused": "#D55E00",
    "gated": "#E69F00",
    "failed": "#009E73",
    "cancelled": "#999999",
    "unfinished": "#CC79A7",
}
"""One colour for each way to end, told apart by colour-blind readers (Okabe and Ito)."""
_FONT = "Noto Sans CJK JP, Noto Sans, DejaVu Sans, sans-serif"
_INK, _FAINT, _GRID = "#222222", "#5f6368", "#dadce0"
_WIDE = "\u2e80"
_MARK_ROWS = 3
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a stacked chart: a value for every label."""

    name: str
    colour: str
    values: tuple[int, ...]


def stacked(
    labels: Sequence[str],
    series: Sequence[Series],
    marks: Sequence[tuple[int, str]] = (),
    height: int = 220,
) -> str:
    """Columns, one for each label. marks: dashed lines before a column, with a short text."""
    rows = min(len(marks), _MARK_ROWS)
    left, top, bottom = 56, 34 + 13 * rows, 30
    inner, tall = WIDTH - left - 10, height - top - bottom
    totals = [sum(values) for values in zip(*(one.values for one in series), strict=True)]
    highest, step = _scale(max(totals, default=0))
    wide = inner / max(1, len(labels))
    parts = [*_legend(series, left), *_grid(left, top, (inner, tall), highest, step)]
    for column in range(len(labels)):
        base = float(top + tall)
        for one in series:
            rise = tall * one.values[column] / highest
            base -= rise
            if rise:
                x = left + wide * column + wide * 0.1
                parts.append(_rect(x, base, wide * 0.8, rise, one.colour))
    parts += _days(labels, left, top + tall, wide)
    for number, (column, text) in enumerate(marks):
        parts += _mark(left + wide * column, top, tall, text, rows - 1 - number % rows)
    return _svg(height, parts)


def bars(rows: Sequence[str], series: Sequence[Series]) -> str:
    """Lines across, one for each row: its name, a value of each series, their sum."""
    left, line, top = 230, 22, 34
    totals = [sum(values) for values in zip(*(one.values for one in series), strict=True)]
    highest = max(totals, default=0) or 1
    inner = WIDTH - left - 70
    parts = [*_legend(series, left)]
    for number, name in enumerate(rows):
        y = top + line * number
        parts.append(_text(left - 8, y + 13, _cut(name, 36), anchor="end"))
        x = float(left)
        for one in series:
            if wide := inner * one.values[number] / highest:
                parts.append(_rect(x, y + 3, wide, line - 8, one.colour))
                x += wide
        parts.append(_text(x + 6, y + 13, f"{totals[number]:,}", fill=_FAINT))
    return _svg(top + line * len(rows) + 8, parts)


def _scale(most: int) -> tuple[int, int]:
    """The top of an axis and its step: whole numbers, at most five lines."""
    if most <= 0:
        return 1, 1
    power: int = 10 ** max(0, len(str(most)) - 2)
    for step in (int(part * power * by) for by in (1, 10) for part in _STEPS):
        if step and step * 5 >= most:
            return -(-most // step) * step, step
    return most, most


def _grid(left: int, top: int, size: tuple[int, int], highest: int, step: int) -> Iterable[str]:
    wide, tall = size
    for value in range(0, highest + 1, step):
        y = top + tall - tall * value / highest
        yield f'<line x1="{left}" y1="{_n(y)}" x2="{left + wide}" y2="{_n(y)}" stroke="{_GRID}"/>'
        yield _text(left - 6, y + 4, f"{value:,}", anchor="end", fill=_FAINT)


def _days(labels: Sequence[str], left: int, y: int, wide: float) -> Iterable[str]:
    every = max(1, -(-len(labels) * 74 // (WIDTH - left)))
    for number in range(0, len(labels), every):
        x = left + wide * (number + 0.5)
        yield _text(x, y + 16, labels[number], anchor="middle", fill=_FAINT)


def _mark(x: float, top: int, tall: int, text: str, row: int) -> Iterable[str]:
    """A dashed line and its text, in one of the rows above the columns."""
    y = top - 6 - 13 * row
    yield (
        f'<line x1="{_n(x)}" y1="{y}" x2="{_n(x)}" y2="{top + tall}" stroke="{_INK}" '
        'stroke-dasharray="4 3"/>'
    )
    near = x > WIDTH * 0.75
    yield _text(x - 3 if near else x + 3, y, _cut(text, 40), anchor="end" if near else "")


def _legend(series: Sequence[Series], left: int) -> Iterable[str]:
    x = float(left)
    for one in series:
        yield _rect(x, 8, 10, 10, one.colour)
        yield _text(x + 14, 17, one.name)
        x += 30 + sum(12 if sign >= _WIDE else 6.6 for sign in one.name)


def _rect(x: float, y: float, wide: float, tall: float, fill: str) -> str:
    size = f'x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(tall)}"'
    return f'<rect {size} fill="{fill}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "", fill: str = _INK) -> str:
    where = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{where} fill="{fill}">{escape(text)}</text>'


def _svg(height: int, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="{_FONT}" font-size="11">'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
