"""One pass over the entries: their tree beside the recorded one, and where the two differ."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceError
from guardrail.chain.frontier import Frontier
from guardrail.chain.tiles import TILE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from guardrail.chain.tree import HashReader

MAX_DIFFERENCES = 100_000
_EMPTY = Frontier()


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where entry and record differ. own: None for no entry; recorded: None for no hash."""

    own: bytes | None
    recorded: bytes | None


class Walk:
    """Takes leaf hashes in order, and keeps the roots at the sizes that were signed.

    start: the tree before the first of them; no size below it is looked at.
    roots, recorded_roots: by size, as far as nothing was missing; limit: the largest signed size.
    differences: by index, at most 100,000, `overflow` telling that there were more below `limit`;
    where there are any, entries from `limit` on are among them, as they may have been moved there.
    """

    def __init__(
        self, sizes: Iterable[int], recorded: HashReader | None, start: Frontier = _EMPTY
    ) -> None:
        self._order = sorted({start.size, *sizes})
        self._sizes = frozenset(self._order)
        self.limit = self._order[-1]
        self._recorded = recorded
        self._tree: Frontier | None = start
        self._recorded_tree = None if recorded is None else start
        self._pending: list[bytes] = []
        self.index = start.size
        self.roots: dict[int, bytes] = {start.size: start.root}
        self.recorded_roots: dict[int, bytes] = {}
        self.differences: dict[int, Difference] = {}
        self.overflow = False

    def add(self, leaf: bytes) -> None:
        """The next entry's leaf hash."""
        self._pending.append(leaf)
        self.index += 1
        if self.index % TILE_WIDTH == 0 or self.index in self._sizes:
            self.flush()

    def skip_to(self, index: int) -> None:
        """No entries below `index`: the record alone goes on, as far as it was signed."""
        self.flush()
        if index == self.index:
            return
        self._tree = None
        while self._recorded_tree is not None and self.index < min(index, self.limit):
            tile_end = (self.index // TILE_WIDTH + 1) * TILE_WIDTH
            end = min(index, tile_end, self._order[bisect_right(self._order, self.index)])
            self._compare([None] * (end - self.index))
            self.index = end
            self._keep_roots()
        self.index = index

    def flush(self) -> None:
        """Work off what was added."""
        leaves, self._pending = self._pending, []
        if self._tree is not None:
            self._tree = self._tree.extend(leaves)
        self.index -= len(leaves)
        self._compare(leaves)
        self.index += len(leaves)
        self._keep_roots()

    def _keep_roots(self) -> None:
        if self.index in self._sizes:
            if self._tree is not None:
                self.roots[self.index] = self._tree.root
            if self._recorded_tree is not None:
                self.recorded_roots[self.index] = self._recorded_tree.root

    def _compare(self, leaves: Sequence[bytes | None]) -> None:
        recorded = self._read(len(leaves))
        if self._recorded_tree is not None:
            whole = len(recorded) == len(leaves)
            self._recorded_tree = self._recorded_tree.extend(recorded) if whole else None
        beyond = self.index >= self.limit and bool(self.differences)
        if not beyond and (not recorded or recorded == leaves):
            return
        padded = [*recorded, *[None] * (len(leaves) - len(recorded))]
        for place, (own, kept) in enumerate(zip(leaves, padded, strict=True), self.index):
            if beyond or own != kept:
                self._note(place, Difference(own, kept))

    def _note(self, place: int, difference: Difference) -> None:
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences[place] = difference
        elif place < self.limit:
            self.overflow = True

    def _read(self, count: int) -> list[bytes]:
        if self._recorded is None or self._recorded_tree is None or not count:
            return []
        try:
            return list(self._recorded.hashes(0, self.index, count))[:count]
        except EvidenceError:
            return []
