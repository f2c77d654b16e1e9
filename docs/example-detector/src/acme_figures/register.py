"""The register: a TSV file that an operator edits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from guardrail.text import Views

Kind = Literal["mascot", "person"]
_COLUMNS = ["name", "kind"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One wording of a figure, `name` as the canonical view of a text spells it."""

    name: str
    kind: Kind


def read_register(path: Path) -> tuple[Entry, ...]:
    """Read `name<TAB>kind` lines under a header; empty lines and `#` comments are skipped.

    Raises ValueError naming the line that is wrong, OSError where the file cannot be read.
    """
    lines = path.read_text("utf-8").splitlines()
    rows = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    if not rows or rows[0][1].split("\t") != _COLUMNS:
        raise ValueError(f"{path}: the header is not {' '.join(_COLUMNS)}")
    return tuple(dict.fromkeys(_entry(path, number, line) for number, line in rows[1:]))


def _entry(path: Path, number: int, line: str) -> Entry:
    name, _, kind = line.partition("\t")
    name = Views(name.strip()).canonical.text
    if not name:
        raise ValueError(f"{path}:{number}: no name")
    for known in get_args(Kind):
        if kind.strip() == known:
            return Entry(name, known)
    raise ValueError(f"{path}:{number}: the kind is not one of {', '.join(get_args(Kind))}")
