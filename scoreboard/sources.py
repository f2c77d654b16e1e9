"""Tables on sources that training reads against sources it does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from scoreboard import person, sexual
from scoreboard.data import Case, by
from scoreboard.tables import Table, grouped, percent, share

SEEN, UNSEEN = "seen sources", "unseen sources"
_NOTE = (
    "Seen: training reads other rows of the same source, and its rows here are left out there. "
    "Unseen: no file of `train/` has a row of the source. Computed when the page was made."
)
_HEAD = ("AUPRC", "precision", "recall", "F1", "false stops %")

Group = tuple[str, list[Case]]


def trained_on(folder: Path) -> frozenset[str]:
    """The sources of the rows for training; empty where the folder is not there."""
    found: set[str] = set()
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            found.update(json.loads(line)["source"] for line in lines)
    return frozenset(found)


def apart(cases: Sequence[Case], trained: frozenset[str]) -> list[Group]:
    """The rows of seen sources and those of unseen ones."""
    seen = [case for case in cases if case.label("source") in trained]
    unseen = [case for case in cases if case.label("source") not in trained]
    return [(SEEN, seen), (UNSEEN, unseen)]


def of_sexual(cases: Sequence[Case], trained: frozenset[str]) -> Table:
    """Measures of sexual content, seen and unseen sources apart, then each unseen source."""
    lines = []
    for name, group in _with_each_unseen(cases, trained):
        found = sexual.counts(group)
        mixed = 0 < found.hits + found.missed < len(group)
        figures = (found.precision if mixed else None, found.recall, found.f1 if mixed else None)
        cells = share(sexual.ranking(group)), *map(share, figures), percent(found.false_rate)
        lines.append((name, str(len(group)), *cells))
    return Table("Sexual content: held-out sources", ("", "rows", *_HEAD), tuple(lines), _NOTE)


def of_person(cases: Sequence[Case], trained: frozenset[str]) -> Table:
    """Measures of names, seen and unseen sources apart, then each unseen source."""
    lines = []
    for name, group in _with_each_unseen(cases, trained):
        found = person.counts(group)
        cells = tuple(map(share, (found.precision, found.recall, found.f1)))
        lines.append((name, str(len(group)), *cells))
    head = ("", "rows", "precision", "recall", "F1")
    return Table("Personal names: held-out sources", head, tuple(lines), _NOTE)


def _with_each_unseen(cases: Sequence[Case], trained: frozenset[str]) -> list[Group]:
    groups = apart(cases, trained)
    return [*groups, *grouped(groups[1][1], by("source"))]
