"""Patterns that are tried only on texts which hold the words they need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_WORD = re.compile(r"[a-z]+|[@/]|[^\x00-\x7f]")
_FOREIGN = "~"


def words(text: str) -> frozenset[str]:
    """The words of a folded text that patterns may need; `~` where it is not plain ASCII."""
    found = _WORD.findall(text)
    return frozenset(found) if text.isascii() else frozenset((*found, _FOREIGN))


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


@dataclass(frozen=True, slots=True)
class Wording:
    """One way of saying something.

    source: its regular expression, compiled when first needed.
    needs: groups of words; a text must have one of each group for the pattern to be tried.
    """

    source: str
    needs: tuple[frozenset[str], ...] = ()

    @classmethod
    def of(cls, source: str, needs: str = "") -> Wording:
        """A wording from its regular expression and its needs, groups parted by `&`."""
        groups = (frozenset(group.split()) for group in needs.split("&"))
        return cls(source, tuple(group for group in groups if group))

    @property
    def pattern(self) -> re.Pattern[str]:
        """The pattern that finds it."""
        return _compiled(self.source)

    def applies(self, have: frozenset[str]) -> bool:
        """Whether the pattern is worth trying on a text with these words."""
        return not any(map(have.isdisjoint, self.needs))

    def found(self, text: str) -> bool:
        """Whether the text is worded so; a pattern that begins with `^` is tried there only."""
        if self.source.startswith("^"):
            return self.pattern.match(text) is not None
        return self.pattern.search(text) is not None


def said(wordings: Iterable[Wording], text: str, have: frozenset[str]) -> bool:
    """Whether the text has one of the wordings."""
    return any(w.applies(have) and w.found(text) for w in wordings)
