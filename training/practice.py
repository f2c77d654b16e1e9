"""Rows written for this project, `written/<language>.tsv`, as training examples."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from training.data import Example

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).with_name("written")
_SEXUAL = frozenset({"nudity", "explicit"})


def written(folder: Path = FOLDER) -> Iterator[Example]:
    """Each row once; suggestive ones are of kind `suggestive`, the others `written`."""
    seen = set()
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                one = _example(row)
                if (one.text, one.visual) not in seen:
                    seen.add((one.text, one.visual))
                    yield one


def _example(row: dict[str, str]) -> Example:
    severity, lang = row["severity"], row["lang"]
    return Example(
        row["text"],
        int(severity in _SEXUAL),
        f"written-{lang}",
        lang,
        "suggestive" if severity == "suggestive" else "written",
        visual=row["operation"].startswith(("image.", "video.")),
    )
