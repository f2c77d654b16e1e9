"""The log in use, as an archive reads it: all SQL of the archive stands here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.log.archive.cuts import Run
from guardrail.log.archive.months import Month
from guardrail.log.opening import open_for_reading, read_meta
from guardrail.log.record import COLUMNS
from guardrail.log.tree import StoredHashes
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from guardrail.chain.keys import VerifierKey
    from guardrail.log.location import Location

PAGE = 5_000
_SPAN = "SELECT min(at), max(at) FROM entries WHERE seq > ? AND seq <= ?"
_TIMES = "SELECT at FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq"
_HEAD = "SELECT coalesce(max(seq), 0) FROM entries"
_COVERING = "SELECT note FROM checkpoints WHERE size >= ? ORDER BY size LIMIT 1"
_ENTRIES = """SELECT seq, attempt, event, at, leaf, {body} FROM entries
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


_OUTCOMES = "SELECT attempt, outcome FROM attempts WHERE outcome <> '' AND attempt IN ({})"
_MANY = 500


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


class Unended(NamedTuple):
    """An attempt without an end, and where it is counted. hour: since the epoch, UTC."""

    id: str
    hour: int
    operation: str
    jurisdiction: str
    tier: str
    policy: str


class Source:
    """Reads a log a page at a time, so that whoever writes it is not held up.

    Entries never change, so pages read one after the other are one log. Methods raise
    LogUnavailable and ConfigurationError when it cannot be read.
    """

    page = PAGE

    def __init__(self, location: Location) -> None:
        self._store = open_for_reading(location)
        self.name = location.name
        self.key: VerifierKey = log_key(self._store)

    def close(self) -> None:
        """Let go of the log."""
        with self._store.lock:
            self._store.close()

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
        with self._store.reading() as session:
            found = read_meta(session, "older_entries") or ""
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
        return None if found is None else bytes(found)

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

    def counts(
        self, first: int, end: int, open_then: Sequence[Unended] = ()
    ) -> list[tuple[Any, ...]]:
        """What was counted in the hours [first, end) since the epoch, UTC.

        open_then: attempts whose end is to be left out, if they have one by now.
        """
        with self._store.reading() as session:
            rows = session.rows(_COUNTS, (first, end))
            ends: list[tuple[Any, ...]] = []
            for start in range(0, len(open_then), _MANY):
                names = [attempt.id for attempt in open_then[start : start + _MANY]]
                ends += session.rows(_OUTCOMES.format(", ".join("?" * len(names))), names)
        return without(rows, open_then, dict(ends))

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader; what is stored, not trusted."""
        with self._store.reading() as session:
            return StoredHashes(session).hashes(level, start, count)

    def _value(self, sql: str, values: tuple[int, ...] = ()) -> Any:
        with self._store.reading() as session:
            return session.value(sql, values)

    def _rows(self, sql: str, values: tuple[int, ...]) -> list[tuple[Any, ...]]:
        with self._store.reading() as session:
            return session.rows(sql.format(body=session.octets("body")), values)


def without(
    rows: Sequence[tuple[Any, ...]], attempts: Sequence[Unended], ends: Mapping[str, str]
) -> list[tuple[Any, ...]]:
    """Hourly counts less the ends of some attempts."""
    less = Counter((*attempt[1:], ends[attempt.id]) for attempt in attempts if attempt.id in ends)
    size = len(Unended._fields) - 1
    return [
        (
            *row[: size + 1],
            *(
                number - less[(*row[:size], outcome)]
                for outcome, number in zip(COLUMNS[1:], row[size + 1 :], strict=True)
            ),
        )
        for row in rows
    ]
