"""A report before it is drawn: sections of paragraphs, tables and charts, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Cell: TypeAlias = str | int | float | None
Kind: TypeAlias = Literal["text", "code", "count", "share", "ms", "time"]
Tone: TypeAlias = Literal["plain", "note", "quote"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. name: in data files; title: in the report; weight: its share of the width."""

    name: str
    title: str
    kind: Kind = "text"
    weight: float = 1.0

    @property
    def right(self) -> bool:
        """Whether its values are numbers, set to the right."""
        return self.kind in {"count", "share", "ms"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table, in the report and as a data file `id`.

    shown: rows of it in the report; the rest is in the data files.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    shown: int = 120


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing. svg: the whole file; alt: what it says, in words."""

    id: str
    title: str
    svg: str
    alt: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; no markup."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and their values. code: whether the values are set in a typewriter face."""

    rows: tuple[tuple[str, str], ...]
    code: bool = False


Block: TypeAlias = Table | Chart | Paragraph | Heading | Bullets | Pairs


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report. number: from 1."""

    id: str
    number: int
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report in one language. author: who answers; at: its date, ns since the epoch."""

    language: str
    author: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    letter: tuple[Block, ...]
    sections: tuple[Section, ...]
    footer: str
    at: int

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        return tuple(
            block for part in self.sections for block in part.blocks if isinstance(block, Table)
        )

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart, in order."""
        return tuple(
            block for part in self.sections for block in part.blocks if isinstance(block, Chart)
        )
