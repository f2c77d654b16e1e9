"""What stands beside a term and so changes its score: "a minor key", "schoolgirl outfit"."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from guardrail.detect.minor.table import rows

if TYPE_CHECKING:
    from guardrail.detect.lexicon import Hit

_BESIDE = 48  # characters of context read on one side
_NEAR = 200  # and on either


class Check(NamedTuple):
    """A pattern on one side of a term (`before`, `after`) or `near` it on either.

    score: in [0, 1]; what the term is worth where the pattern holds.
    """

    side: str
    pattern: re.Pattern[str]
    score: float

    def holds(self, hit: Hit) -> bool:
        """Whether the pattern is found where it must be."""
        text = hit.view.text
        if self.side == "after":
            return bool(self.pattern.match(text, hit.end, hit.end + _BESIDE))
        if self.side == "before":
            return bool(self.pattern.search(text[max(0, hit.start - _BESIDE) : hit.start]))
        return bool(self.pattern.search(text, max(0, hit.start - _NEAR), hit.end + _NEAR))


@cache
def load_checks(package: str, name: str) -> dict[str, tuple[Check, ...]]:
    """Read the checks of a TSV file (name, side, score, pattern) of a package, in file order."""
    checks: dict[str, tuple[Check, ...]] = {}
    for name_, side, score, pattern in rows(package, name):
        compiled = re.compile(f"(?:{pattern})\\Z" if side == "before" else pattern)
        checks[name_] = (*checks.get(name_, ()), Check(side, compiled, float(score)))
    return checks
