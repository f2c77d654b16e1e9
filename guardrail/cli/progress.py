"""How far a run is: counted always, drawn on stderr only where somebody watches."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Progress:
    """Lines answered so far, and how many of them were bad."""

    def __init__(self, draw: Callable[[Progress], None] | None = None) -> None:
        self.lines = 0
        self.bad = 0
        self._draw = draw

    def count(self, *, bad: bool) -> None:
        """Count one more line."""
        self.lines += 1
        self.bad += bad
        if self._draw is not None:
            self._draw(self)


@contextmanager
def watching(stream: BinaryIO, *, shown: bool) -> Iterator[Progress]:
    """Count the lines of `stream`, with a bar (count, rate, share of the file) if `shown`."""
    if not shown:
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines  {task.fields[bad]:,} bad"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    size = _size(stream)
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=5) as bar:
        task = bar.add_task("", total=size, lines=0, bad=0, rate=0.0)

        def draw(progress: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 1e-9
            done = stream.tell() if size is not None else progress.lines
            rate = progress.lines / elapsed
            bar.update(task, completed=done, lines=progress.lines, bad=progress.bad, rate=rate)

        yield Progress(draw)


@contextmanager
def drawing() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr where somebody watches: it is called with what is done, and of how much."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def draw(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield draw


def _size(stream: BinaryIO) -> int | None:
    """Say how many bytes a regular file holds; None for a pipe or terminal."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
