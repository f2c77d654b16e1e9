"""Tables of figures, and how they are written as Markdown and on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
UNDEFINED = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a sentence or two, a head, and rows of the head's length.

    level: of the heading, 2 for a part and 3 within one. left: columns of words, from the first.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    level: int = 3
    left: int = 1

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"{self.title}: a row is not as long as the head")


def share(value: float | None) -> str:
    """Write a value in [0, 1] with three digits."""
    return UNDEFINED if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """Write a value in [0, 1] as a percentage with one digit; the head holds the sign."""
    return UNDEFINED if value is None else f"{100 * value:.1f}"


def grouped(rows: Iterable[T], key: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    """Group rows by key, the largest group first, equal ones by name."""
    groups: dict[str, list[T]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))


def as_markdown(tables: Sequence[Table]) -> str:
    """Write tables under their headings; ends with a newline."""
    return "\n".join(map(_markdown, tables))


def _markdown(table: Table) -> str:
    rule = ["---" if column < table.left else "---:" for column in range(len(table.head))]
    lines = [f"{'#' * table.level} {table.title}", ""]
    if table.note:
        lines += [table.note, ""]
    lines += ["| " + " | ".join(row) + " |" for row in (table.head, rule, *table.rows)]
    return "\n".join(lines) + "\n"


def show(tables: Sequence[Table], console: Console) -> None:
    """Draw tables on a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Drawn

    for table in tables:
        drawn = Drawn(title=table.title, title_justify="left", box=SIMPLE_HEAD)
        for column, name in enumerate(table.head):
            drawn.add_column(name, justify="left" if column < table.left else "right")
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
