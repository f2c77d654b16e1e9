"""What stands beside a cue and so changes its score: "a minor key", "mother of a child"."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.minor.table import rows

if TYPE_CHECKING:
    from collections.abc import Mapping

_BESIDE = 48  # characters of context read on one side
_NEAR = 200  # and on either
_FURTHER = 64  # and after the cue, for what must not come


class Check(NamedTuple):
    """A pattern on one side of a cue (`before`, `after`) or `near` it on either.

    score: in [0, 1]; what the cue is worth where the pattern holds.
    unless: what must not come within 64 characters after the cue.
    """

    side: str
    pattern: re.Pattern[str]
    score: float
    unless: re.Pattern[str] | None = None

    def holds(self, text: str, start: int, end: int) -> bool:
        """Whether the pattern is found where it must be, for a cue at `start`..`end`."""
        return self._found(text, start, end) and not (
            self.unless and self.unless.search(text, end, end + _FURTHER)
        )

    def _found(self, text: str, start: int, end: int) -> bool:
        if self.side == "after":
            return bool(self.pattern.match(text, end, end + _BESIDE))
        if self.side == "before":
            return bool(self.pattern.search(text[max(0, start - _BESIDE) : start]))
        return bool(self.pattern.search(text, max(0, start - _NEAR), end + _NEAR))


class Checks:
    """Named checks of a TSV file (name, side, score, pattern, unless) of a package.

    The checks named `any` bear on every cue, and can only weaken it.
    """

    def __init__(self, named: Mapping[str, tuple[Check, ...]]) -> None:
        self._named = named
        self._any = named.get("any", ())

    def weigh(self, name: str, score: float, text: str, span: tuple[int, int]) -> float:
        """The score of a cue at `span`; of the checks of its name the first that holds decides."""
        own = self._named.get(name, ()) if name else ()
        score = next((check.score for check in own if check.holds(text, *span)), score)
        for check in self._any:
            if score > check.score and check.holds(text, *span):
                return check.score
        return score


@cache
def load_checks(package: str, name: str) -> Checks:
    """Read the checks of a TSV file of a package, in file order."""
    checks: dict[str, tuple[Check, ...]] = {}
    for row in rows(package, name):
        name_, side, score, pattern, unless = (*row, "")[:5]
        compiled = re.compile(f"(?:{pattern})\\Z" if side == "before" else pattern)
        check = Check(side, compiled, float(score), re.compile(unless) if unless else None)
        checks[name_] = (*checks.get(name_, ()), check)
    return Checks(checks)
