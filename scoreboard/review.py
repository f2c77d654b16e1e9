"""What rose and fell since the figures that are committed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoreboard.headline import Figure, goals

NOISE = 0.0005
"""Less than this is no change: it does not show in the digits of the page."""
UNKNOWN = "an unknown commit"

Kept = Mapping[str, tuple[float, int]]
"""Value and rows of each figure, by name."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that moved. gain: in the direction that is better, so below 0 when it got worse."""

    figure: Figure
    before: float
    rows_before: int
    gain: float

    def __str__(self) -> str:
        write = self.figure.text
        rows = "" if self.rows_before == self.figure.rows else f" (rows: {self.rows_before} -> "
        rows += f"{self.figure.rows})" if rows else ""
        return f"{self.figure.name}: {write(self.before)} -> {write(self.figure.value)}{rows}"


def changes(before: Kept, now: Sequence[Figure]) -> list[Change]:
    """The figures in both that moved by more than NOISE, the greatest loss first."""
    moved = []
    for figure in now:
        if figure.value is None or figure.name not in before:
            continue
        old, rows = before[figure.name]
        gain = figure.value - old if goals()[figure.name].more else old - figure.value
        if abs(gain) > NOISE:
            moved.append(Change(figure, old, rows, gain))
    return sorted(moved, key=lambda change: change.gain)


def as_json(figures: Sequence[Figure], origin: str) -> str:
    """Write the figures by name; ends with a newline. Undefined ones are left out."""
    kept = {
        figure.name: {"value": round(figure.value, 6), "rows": figure.rows}
        for figure in figures
        if figure.value is not None
    }
    return json.dumps({"made_from": origin, "figures": kept}, indent=1) + "\n"


def read_json(text: str) -> Kept:
    """Read what `as_json` wrote."""
    figures = json.loads(text)["figures"]
    return {name: (kept["value"], kept["rows"]) for name, kept in figures.items()}


def committed(path: Path) -> Kept:
    """The figures of the last commit, else those of the file, else none."""
    text = git(path.parent, "show", f"HEAD:./{path.name}")
    if text is None and path.is_file():
        text = path.read_text("utf-8")
    return read_json(text) if text else {}


def origin(root: Path, made: Sequence[str]) -> str:
    """The commit in `root`, `with changes` when files other than those `made` differ from it."""
    commit = git(root, "rev-parse", "--short", "HEAD")
    if commit is None:
        return UNKNOWN
    others = [f":(exclude){name}" for name in made]
    dirty = git(root, "status", "--porcelain", "--", ".", *others)
    return f"{commit.strip()}{' with changes' if dirty else ''}"


def git(folder: Path, *words: str) -> str | None:
    """What git says; None where there is no git, no repository or no such thing."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(folder), *words]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (git, no shell)
    return done.stdout.decode() if done.returncode == 0 else None
