"""Mapping ranges of a normalised text back to the original, in whole grapheme clusters."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

# Two neighbours of these classes always stand in different grapheme clusters (UAX 29).
_PLAIN = "\x00-\x0c\x0e-\u02ff\u0370-\u0482\u048a-\u0590\u2010-\u2027\u3000-\u3029"
_PLAIN += "\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9d"
_APART = re.compile(f"[{_PLAIN}]{{2}}")
# `\X` alone counts regional indicators backwards at each step, quadratic in a run of them.
_CLUSTER = (
    r"[\U0001F1E6-\U0001F1FF]{2}"
    r"[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]*+|\X"
)


class Clusters:
    """The extended grapheme clusters of one text, found only when a range needs them."""

    __slots__ = ("_cuts", "_plain", "raw")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self._plain = raw.isascii() and "\r" not in raw
        self._cuts: list[int] | None = None

    def widen(self, start: int, end: int) -> tuple[int, int]:
        """The smallest range of whole clusters that holds `start`..`end`."""
        if self._plain:
            return start, end
        return (
            start if self._is_cut(start) else self._cut_before(start),
            end if self._is_cut(end) else self._cut_after(end),
        )

    def _is_cut(self, at: int) -> bool:
        return at <= 0 or at >= len(self.raw) or _APART.match(self.raw, at - 1) is not None

    def _cut_before(self, at: int) -> int:
        cuts = self._all_cuts()
        return cuts[bisect_right(cuts, at) - 1]

    def _cut_after(self, at: int) -> int:
        cuts = self._all_cuts()
        return cuts[bisect_left(cuts, at)]

    def _all_cuts(self) -> list[int]:
        if self._cuts is None:
            import regex

            self._cuts = [m.start() for m in regex.finditer(_CLUSTER, self.raw)]
            self._cuts.append(len(self.raw))
        return self._cuts


class Edits:
    """The places where a text was rewritten; everywhere else it is shifted at most.

    An edit says that `start`..`end` of the new text was made from `base_start`..`base_end` of
    the old one. Edits are added in order and do not overlap.
    """

    __slots__ = ("_base_ends", "_base_starts", "_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._base_starts: list[int] = []
        self._base_ends: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._ends)

    def add(self, base_start: int, base_end: int, length: int) -> None:
        """Record that `base_start`..`base_end` of the old text became `length` code points."""
        start = base_start
        if self._ends:
            start += self._ends[-1] - self._base_ends[-1]
        self._starts.append(start)
        self._ends.append(start + length)
        self._base_starts.append(base_start)
        self._base_ends.append(base_end)

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """The old range behind `start`..`end`; for an empty one inside an edit, all of that."""
        low, after = self._locate(start)
        if start < end:
            return low, self._locate(end - 1)[1]
        index = bisect_right(self._ends, start)
        inside = index < len(self._starts) and self._starts[index] < start
        return low, after if inside else low

    def _locate(self, at: int) -> tuple[int, int]:
        """The range of the old text behind the one code point at `at`."""
        index = bisect_right(self._ends, at)
        if index < len(self._starts) and self._starts[index] <= at:
            return self._base_starts[index], self._base_ends[index]
        if index:
            at += self._base_ends[index - 1] - self._ends[index - 1]
        return at, at + 1


class Rewriter:
    """Builds a rewritten text and its edits from replacements given in order."""

    __slots__ = ("_done", "_old", "_pieces", "edits")

    def __init__(self, old: str) -> None:
        self._old = old
        self._done = 0
        self._pieces: list[str] = []
        self.edits = Edits()

    def replace(self, start: int, end: int, new: str) -> None:
        """Put `new` in the place of `start`..`end` of the old text."""
        self._pieces += (self._old[self._done : start], new)
        self._done = end
        if len(new) != end - start or end - start > 1:
            self.edits.add(start, end, len(new))

    def text(self) -> str:
        """The rewritten text."""
        return "".join([*self._pieces, self._old[self._done :]])
