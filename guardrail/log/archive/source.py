"""The log in use, as an archive reads it: all SQL of the archive stands here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.archive.cuts import Run
from guardrail.log.archive.months import Month
from guardrail.log.setup import open_for_reading, read_meta
from guardrail.log.tree import StoredHashes
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guardrail.chain.keys import VerifierKey
    from guardrail.log.location import Location

PAGE = 5_000
_SPAN = "SELECT min(at), max(at) FROM entries WHERE seq > ? AND seq <= ?"
_TIMES = "SELECT at FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq"
_HEAD = "SELECT coalesce(max(seq), 0) FROM entries"
_COVERING = "SELECT note FROM checkpoints WHERE size >= ? ORDER BY size LIMIT 1"
_ENTRIES = """SELECT seq, attempt, event, at, leaf, CAST(body AS BLOB) FROM entries
 WHERE seq > ? AND seq <= ? ORDER BY seq"""
_COUNTS = """SELECT hour, operation, jurisdiction, tier, policy, opened, released, refused, gated,
 failed, cancelled FROM counts WHERE hour >= ? AND hour < ?
 ORDER BY hour, operation, jurisdiction, tier, policy"""
_TOUCHED = """SELECT a.attempt, a.opened_seq, a.at, a.operation, a.jurisdiction, a.tier, a.policy,
 a."user", a.stage, a.action, a.rule, a.reason,
 CASE WHEN a.closed_seq <= ? THEN a.outcome ELSE '' END
 FROM entries AS e JOIN attempts AS a ON a.attempt = e.attempt
 WHERE e.seq > ? AND e.seq <= ?
 AND e.seq = CASE WHEN a.closed_seq <= ? THEN a.closed_seq ELSE a.opened_seq END"""


class Entry(NamedTuple):
    """An entry as it is stored. seq: from 1; at: ns since the epoch, UTC; leaf: 32 bytes."""

    seq: int
    attempt: str
    event: str
    at: int
    leaf: bytes
    body: bytes


class Touched(NamedTuple):
    """An attempt as it stands now. opened_seq: None where only its end was kept."""

    attempt: str
    opened_seq: int | None
    at: int
    operation: str
    jurisdiction: str
    tier: str
    policy: str
    user: str
    stage: str
    action: str
    rule: str
    reason: str
    outcome: str


class Source:
    """Reads a log a page at a time, so that whoever writes it is not held up.

    Entries never change, so pages read one after the other are one log. Methods raise
    LogUnavailable when it cannot be read.
    """

    page = PAGE

    def __init__(self, location: Location) -> None:
        self._database = open_for_reading(location)
        self.name = str(location.path)
        self.key: VerifierKey = log_key(self._database)

    def close(self) -> None:
        """Let go of the log."""
        with self._database.lock:
            self._database.close()

    @property
    def origin(self) -> str:
        """The log's identity, as its checkpoints name it."""
        return self.key.name

    @property
    def head(self) -> int:
        """How many entries there are."""
        return int(self._value(_HEAD) or 0)

    @property
    def older(self) -> int:
        """How many of them are of schema 1."""
        with self._connection() as connection:
            found = read_meta(connection, "older_entries") or ""
        return int(found) if found.isdigit() else 0

    def runs(self, after: int, last: int) -> Iterator[Run]:
        """The months in which entries after + 1 to last were written."""
        for start in range(after, last, PAGE):
            end = min(start + PAGE, last)
            earliest, latest = self._rows(_SPAN, (start, end))[0]
            month = Month.of(earliest)
            if month == Month.of(latest):
                yield Run(month, end - start)
            else:
                yield from (Run(Month.of(at), 1) for (at,) in self._rows(_TIMES, (start, end)))

    def note(self, size: int) -> bytes | None:
        """The first stored checkpoint of at least `size`."""
        found: bytes | None = self._value(_COVERING, (size,))
        return found

    def entries(self, after: int, last: int) -> Iterator[list[Entry]]:
        """Entries after + 1 to last, in order, a page at a time."""
        for start in range(after, last, PAGE):
            page = self._rows(_ENTRIES, (start, min(start + PAGE, last)))
            yield [Entry(*row) for row in page]

    def touched(self, after: int, last: int) -> Iterator[list[Touched]]:
        """Attempts with an entry of after + 1 to last, a page at a time.

        What is written meanwhile is passed over, but for the decision of an attempt that ends.
        """
        for start in range(after, last, PAGE):
            page = self._rows(_TOUCHED, (last, start, min(start + PAGE, last), last))
            yield [Touched(*row) for row in page]

    def counts(self, first: int, end: int) -> list[tuple[Any, ...]]:
        """What was counted in the hours [first, end) since the epoch, UTC."""
        return self._rows(_COUNTS, (first, end))

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader; what is stored, not trusted."""
        with self._connection() as connection:
            return StoredHashes(connection).hashes(level, start, count)

    def _value(self, sql: str, values: tuple[int, ...] = ()) -> Any:
        rows = self._rows(sql, values)
        return rows[0][0] if rows else None

    def _rows(self, sql: str, values: tuple[int, ...]) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(sql, values).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[apsw.Connection]:
        try:
            with self._database.lock:
                yield self._database.connection()
        except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as error:
            raise ConfigurationError(f"{self.name} is damaged ({error})") from None
        except apsw.Error as error:
            raise LogUnavailable(f"{self.name} cannot be read ({error})") from None
