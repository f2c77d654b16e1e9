"""Reads TSV tables of patterns whose pieces may be named once and used many times."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_USE = re.compile(r"<([a-z]+(?:_[a-z]+)?)>")


def rows(package: str, name: str) -> Iterator[list[str]]:
    """Yield the cells of each line; `=piece` lines define, `<piece>` uses, `#` lines are skipped.

    Raises ValueError naming file and line where a piece is used before it is defined.
    """
    pieces: dict[str, str] = {}
    lines = files(package).joinpath(name).read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        try:
            cells = [_USE.sub(lambda m: pieces[m[1]], cell) for cell in line.split("\t")]
        except KeyError as missing:
            raise ValueError(f"{name}:{number}: no piece named {missing}") from None
        if cells[0].startswith("="):
            pieces[cells[0][1:]] = cells[1]
        else:
            yield cells
