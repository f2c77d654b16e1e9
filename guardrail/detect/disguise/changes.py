"""A place of a text that reads otherwise than it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from guardrail.text.spans import Rewriter

if TYPE_CHECKING:
    from guardrail.text import View


class Change(NamedTuple):
    """Half-open code-point range of a text, what it reads, and the disguise that was undone."""

    start: int
    end: int
    reading: str
    trick: str


def changed(view: View, changes: Iterable[Change]) -> tuple[View, list[Change]]:
    """The view with the changes made, the first at each place, and those that were."""
    out, done, made = Rewriter(view.text), 0, list[Change]()
    for change in sorted(changes, key=lambda c: (c.start, -c.end)):
        if change.start >= done and change.reading != view.text[change.start : change.end]:
            out.replace(change.start, change.end, change.reading)
            done = change.end
            made.append(change)
    return (view.derive(out.text(), out.edits), made) if made else (view, made)
