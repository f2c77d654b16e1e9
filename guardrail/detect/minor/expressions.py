"""Cues that take more than one word: birth years, masked words, somebody as they once were."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.minor.table import rows

if TYPE_CHECKING:
    from collections.abc import Iterator


class Expression(NamedTuple):
    """A pattern for a canonical text, tried only where `hint` is in it.

    score: in [0, 1].
    """

    cue: str
    score: float
    hint: str
    pattern: re.Pattern[str]


@cache
def load_expressions(package: str, name: str) -> tuple[Expression, ...]:
    """Read the expressions of a TSV file (cue, score, hint, pattern) of a package."""
    return tuple(
        Expression(cue, float(score), hint, re.compile(pattern))
        for cue, score, hint, pattern in rows(package, name)
    )


def expressed(
    expressions: tuple[Expression, ...], text: str
) -> Iterator[tuple[str, float, int, int]]:
    """Yield cue, score, start and end of each expression found."""
    for cue, score, hint, pattern in expressions:
        if hint in text:
            for match in pattern.finditer(text):
                yield cue, score, match.start(), match.end()
