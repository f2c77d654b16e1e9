"""Attempts of the log in use as Parquet, so that counting them need not read it again.

A cache can be deleted at any time, and holds nothing but what can be made again: pseudonyms,
decisions and times of attempts, as the archive does.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain.errors import EvidenceError
from guardrail.chain.tree import root
from guardrail.log.archive.columns import FIELDS, TYPED, part_row
from guardrail.log.archive.duck import append, connected, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from guardrail.log.archive.source import Source

    Watch = Callable[[int, int], None]

WORTHWHILE = 20_000
SLICE = 1_000_000
_NAME = re.compile(r"([0-9]{1,19})-([0-9]{1,19})-([0-9a-f]{16})\.parquet", re.ASCII)
_COPY = 'COPY ({} ORDER BY "at") TO {} (FORMAT parquet, COMPRESSION zstd)'


class Piece(NamedTuple):
    """A file of what entries after + 1 to last say. root: of the tree up to the last of them."""

    after: int
    last: int
    root: str

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.after}-{self.last}-{self.root}.parquet"


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of one log's pieces; it is made when it is needed."""

    path: Path

    @classmethod
    def of(cls, origin: str) -> Cache:
        """Where a log is cached: in `$XDG_CACHE_HOME/guardrail`, or `~/.cache/guardrail`."""
        given = Path(os.environ.get("XDG_CACHE_HOME") or "")
        home = given if given.is_absolute() else Path.home() / ".cache"
        return cls(home / "guardrail" / sha256(origin.encode()).hexdigest()[:16])

    def grown(
        self, source: Source, after: int, head: int, watch: Watch | None = None
    ) -> tuple[list[Path], int]:
        """Files of what follows entry `after`, and up to which entry.

        They are brought up to `head` first where that is worthwhile and the disk lets it.

        Raises LogUnavailable when the log cannot be read.
        """
        pieces = self._chain(source, after)
        last = pieces[-1].last if pieces else after
        with suppress(OSError):
            while head - last >= WORTHWHILE:
                end = min(head, last + SLICE)
                new = Piece(last, end, _root(source, end))
                pieces, last = self._grow(source, pieces, new, head, watch), end
        return [self.path / piece.name for piece in pieces], last

    def _chain(self, source: Source, after: int) -> list[Piece]:
        """Pieces that follow each other from entry `after` on and are of this very log."""
        try:
            names = [found for path in self.path.iterdir() if (found := _NAME.fullmatch(path.name))]
        except OSError:
            return []
        known = {int(name[1]): Piece(int(name[1]), int(name[2]), name[3]) for name in names}
        pieces: list[Piece] = []
        while (piece := known.get(after)) is not None and _root(source, piece.last) == piece.root:
            pieces.append(piece)
            after = piece.last
        return pieces

    def _grow(
        self,
        source: Source,
        pieces: Sequence[Piece],
        new: Piece,
        head: int,
        watch: Watch | None,
    ) -> list[Piece]:
        """One more piece, together with those before it that are not much larger."""
        kept = [*pieces]
        merged: list[Piece] = []
        first = new.after
        while kept and _together(kept[-1], new, first):
            merged.insert(0, kept.pop())
            first = merged[0].after
        whole = Piece(first, new.last, new.root)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path / f".draft-{os.getpid()}"
        try:
            self._write(source, new, merged, draft, lambda done: watch and watch(done, head))
            draft.replace(self.path / whole.name)
        finally:
            draft.unlink(missing_ok=True)
        for piece in merged:
            (self.path / piece.name).unlink(missing_ok=True)
        return [*kept, whole]

    def _write(
        self,
        source: Source,
        new: Piece,
        merged: Sequence[Piece],
        draft: Path,
        watch: Callable[[int], None],
    ) -> None:
        with connected() as connection:
            connection.execute(f"CREATE TABLE piece ({TYPED})")
            connection.begin()
            done = new.after
            for page in source.touched(new.after, new.last):
                append(connection, "piece", [part_row(found, new.after) for found in page])
                done = min(done + source.page, new.last)
                watch(done)
            connection.commit()
            rows = f"SELECT {FIELDS} FROM piece"  # noqa: S608 (fixed names)
            if merged:
                files = ", ".join(quoted(self.path / piece.name) for piece in merged)
                rows = (
                    f"SELECT * FROM ({rows} UNION ALL SELECT {FIELDS} FROM read_parquet([{files}]))"  # noqa: S608
                )
            connection.execute(_COPY.format(rows, quoted(draft)))
        draft.chmod(0o600)


def _together(piece: Piece, new: Piece, first: int) -> bool:
    """Whether a piece is small enough to be written again with what follows it."""
    size = new.last - piece.after
    return size <= SLICE and piece.last - piece.after <= 2 * (new.last - first)


def _root(source: Source, size: int) -> str:
    """The beginning of the root over the first `size` entries; nothing if there are fewer."""
    try:
        return root(source, size).hex()[:16]
    except EvidenceError:
        return ""
