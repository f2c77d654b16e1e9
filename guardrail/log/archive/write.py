"""Seals months: entries out of the log in use into Parquet, with what proves them."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.chain.entry import entry_leaf
from guardrail.chain.errors import EvidenceError, ProofRejected
from guardrail.chain.segment import Segment, open_segment
from guardrail.chain.tree import consistency_proof, frontier
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.archive.cuts import Run, cuts, joined
from guardrail.log.archive.duck import append, connected, explained
from guardrail.log.archive.folder import ATTEMPTS, COUNTS, ENTRIES, LEAVES, Folder
from guardrail.log.archive.manifest import SUFFIX, Manifest
from guardrail.log.archive.months import Month
from guardrail.log.archive.source import Unended
from guardrail.log.archive.tables import (
    ENTRIES as ENTRIES_TABLE,
)
from guardrail.log.archive.tables import (
    STRANGE,
    UNENDED,
    AttemptTable,
    write_attempts,
    write_counts,
    write_entries,
)
from guardrail.log.times import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from guardrail.chain.frontier import Frontier
    from guardrail.log.archive.source import Entry, Source

    Watch = Callable[[int, int], None]

GRACE = HOUR


@dataclass(frozen=True, slots=True)
class Plan:
    """A month that may be sealed. after, last: its entries are after + 1 to last."""

    month: Month
    after: int
    last: int
    note: bytes


class Archiver:
    """Writes every complete month of a log into a folder; what is there already stays.

    Months part the entries by their numbers, see `cuts`: an entry with a time of another month
    belongs to the one it was numbered in. A month is complete an hour after its end, once the log
    goes on after it. now: ns since the epoch, UTC; default the clock's.
    """

    def __init__(self, source: Source, path: Path, *, now: int | None = None) -> None:
        self._source = source
        self._folder = Folder(path)
        self._now = time.time_ns() if now is None else now
        self._trust = Trust(source.origin, (source.key,))

    def run(self, until: Month | None = None, watch: Watch | None = None) -> Iterator[Manifest]:
        """Seal months up to and including `until`, one at a time; each is durable when given.

        Raises ConfigurationError when the folder holds an archive of another log, or the log
        cannot prove what it signed; LogUnavailable when the month's end is not signed yet, or a
        disk gives out.
        """
        try:
            with self._folder.alone():
                known = self._folder.manifests()
                self._check_ours(known)
                if known:
                    self._folder.list_months(self._source.origin)
                for plan in self._plans(known, until):
                    yield self._seal(plan, watch)
        except OSError as error:
            raise LogUnavailable(
                f"cannot write the archive {self._folder.path} ({error.strerror}: {error.filename})"
            ) from None

    def _check_ours(self, known: list[Manifest]) -> None:
        """The archive must be of this log, as far as it goes."""
        for manifest in known:
            if manifest.origin != self._source.origin:
                raise ConfigurationError(
                    f"{self._folder.path} holds an archive of {manifest.origin}, not of "
                    f"{self._source.origin}; give another folder"
                )
        if known:
            last = known[-1].segment
            try:
                same = frontier(self._source, last.last).root == last.root
            except EvidenceError:
                same = False
            if not same:
                raise ConfigurationError(
                    f"the log {self._source.name} does not begin with the entries that "
                    f"{self._folder.path} holds; `guardrail log verify` says what is wrong"
                )

    def _plans(self, known: Sequence[Manifest], until: Month | None) -> Iterator[Plan]:
        """Months that are over, and after which the log goes on."""
        after = known[-1].segment.last if known else 0
        head = self._source.head
        runs = self._source.runs(after, head)
        if known:
            earliest = known[-1].month.next
            runs = (Run(max(run.month, earliest), run.size) for run in runs)
        for cut in cuts(joined(runs), after):
            over = cut.month.end + GRACE <= self._now and cut.last < head
            if not over or (until is not None and cut.month > until):
                return
            yield Plan(*cut, self._note(cut.month, cut.last))

    def _note(self, month: Month, last: int) -> bytes:
        note = self._source.note(last)
        if note is None:
            raise LogUnavailable(
                f"{month} is complete with entry {last}, but that is not signed yet; try again "
                "once the log was written to"
            )
        return note

    def _seal(self, plan: Plan, watch: Watch | None) -> Manifest:
        with (
            self._folder.drafts(plan.month) as drafts,
            connected(drafts / "rows.duckdb") as connection,
            explained(self._folder.path),
        ):
            entries, attempts, counts, leaves = (
                drafts / f"{plan.month}{suffix}" for suffix in (ENTRIES, ATTEMPTS, COUNTS, LEAVES)
            )
            segment = self._copy(connection, plan, leaves, watch)
            write_entries(connection, entries)
            many = write_attempts(connection, attempts)
            write_counts(connection, self._counts(connection, plan.month, attempts), counts)
            made = (entries, attempts, counts, leaves)
            files = {path.name: self._folder.publish(path) for path in made}
        older = max(0, min(self._source.older, plan.last) - plan.after)
        origin = self._source.origin
        manifest = Manifest(plan.month, origin, segment, older, many, files)
        self._folder.put(f"{plan.month}{SUFFIX}", manifest.encode())
        self._folder.list_months(origin)
        return manifest

    def _counts(
        self, connection: DuckDBPyConnection, month: Month, attempts: Path
    ) -> list[tuple[Any, ...]]:
        """Counts of a month, and of the one before as they are now: its last attempts ended here.

        The ends of attempts that were in flight when the month ended belong to the next one.
        """
        rows = connection.execute(UNENDED, [str(attempts)]).fetchall()
        hours = month.before.start // HOUR, month.end // HOUR
        return self._source.counts(*hours, [Unended(*row) for row in rows])

    def _copy(
        self, connection: DuckDBPyConnection, plan: Plan, leaves: Path, watch: Watch | None
    ) -> Segment:
        """Entries into DuckDB, checked on the way; the segment is proven when it is returned."""
        with self._proving():
            start = tree = frontier(self._source, plan.after)
        connection.execute(ENTRIES_TABLE)
        attempts = AttemptTable(connection)
        connection.begin()
        with leaves.open("wb") as file:
            for page in self._source.entries(plan.after, plan.last):
                hashes = [_leaf(entry) for entry in page]
                tree = tree.extend(hashes)
                file.write(b"".join(hashes))
                _take(attempts, page)
                append(connection, "entries", [_row(entry) for entry in page])
                if watch is not None:
                    watch(tree.size, self._source.head)
        connection.commit()
        with self._proving():
            return self._segment(plan, start, tree)

    def _segment(self, plan: Plan, start: Frontier, end: Frontier) -> Segment:
        """Raises EvidenceError unless the entries are what the log signed."""
        if end.size != plan.last:
            raise ProofRejected(f"{plan.last - plan.after} entries are due, {end.size} are there")
        size = self._trust.open(plan.note).checkpoint.size
        start_proof = consistency_proof(self._source, start.size, size)
        end_proof = consistency_proof(self._source, plan.last, size)
        segment = Segment(start, plan.last, end.root, start_proof, end_proof, plan.note)
        open_segment(segment, self._trust)
        return segment

    @contextmanager
    def _proving(self) -> Iterator[None]:
        try:
            yield
        except EvidenceError as error:
            raise ConfigurationError(
                f"the log {self._source.name} cannot prove what it signed ({error}); "
                "`guardrail log verify` says what is wrong"
            ) from None


def _leaf(entry: Entry) -> bytes:
    """The leaf hash of an entry's bytes, which must be the stored one."""
    found = entry_leaf(entry.body)
    if found != entry.leaf:
        raise ConfigurationError(
            f"entry {entry.seq} is not what was signed; nothing of its month is archived, and "
            "`guardrail log verify` says what is wrong"
        )
    return found


def _row(entry: Entry) -> tuple[object, ...]:
    return entry.seq, entry.attempt, entry.event, entry.at, entry.body.decode()


def _take(attempts: AttemptTable, page: Iterable[Entry]) -> None:
    for entry in page:
        try:
            attempts.take(entry.seq, json.loads(entry.body))
        except STRANGE as error:
            raise ConfigurationError(
                f"entry {entry.seq} is not one that a log writes ({type(error).__name__})"
            ) from None
    attempts.flush()
