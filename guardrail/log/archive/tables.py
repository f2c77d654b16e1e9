"""The tables a month is made of, in DuckDB: entries, attempts, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.log.archive.duck import append, quoted
from guardrail.log.archive.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from guardrail.log.archive.facts import End, First

STRANGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
ENTRIES = """CREATE TABLE entries (seq BIGINT, attempt VARCHAR, event VARCHAR, "at" BIGINT,
 body VARCHAR)"""
COUNTS = """CREATE TABLE counts (hour BIGINT, operation VARCHAR, jurisdiction VARCHAR,
 tier VARCHAR, policy VARCHAR, opened BIGINT, released BIGINT, refused BIGINT, gated BIGINT,
 failed BIGINT, cancelled BIGINT)"""
_FIRSTS = """CREATE TABLE firsts (attempt VARCHAR, opened_seq BIGINT, "at" BIGINT,
 operation VARCHAR, jurisdiction VARCHAR, tier VARCHAR, policy VARCHAR, "user" VARCHAR,
 conversation VARCHAR, stage VARCHAR, action VARCHAR, rule VARCHAR, reason VARCHAR)"""
_ENDS = """CREATE TABLE ends (attempt VARCHAR, closed_seq BIGINT, closed_at BIGINT,
 stage VARCHAR, action VARCHAR, rule VARCHAR, reason VARCHAR, outcome VARCHAR)"""
ATTEMPTS = """SELECT coalesce(f.attempt, e.attempt) AS attempt, opened_seq, closed_seq, f."at",
 closed_at, operation, jurisdiction, tier, policy, "user", conversation,
 coalesce(e.stage, f.stage) AS stage, coalesce(e.action, f.action) AS action,
 coalesce(e.rule, f.rule) AS rule, coalesce(e.reason, f.reason) AS reason,
 coalesce(outcome, '') AS outcome
 FROM firsts AS f FULL JOIN ends AS e ON e.attempt = f.attempt"""
UNENDED = """SELECT attempt, "at" // 3600000000000, operation, jurisdiction, tier, policy
 FROM read_parquet(?) WHERE outcome = '' AND "at" IS NOT NULL"""
_GROUP = 122_880
_SMALL_GROUP = 20_480  # what one user's attempts are read from: the less, the sooner
_COPY = "COPY ({}) TO {} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {})"


class AttemptTable:
    """Attempts as the entries of a month have them, gathered in DuckDB.

    An attempt that was opened before the month has a row with its end only, where `at` and all
    that belongs to its opening are null.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._firsts: list[First] = []
        self._ends: list[End] = []
        connection.execute(_FIRSTS)
        connection.execute(_ENDS)

    def take(self, seq: int, body: Mapping[str, Any]) -> None:
        """Look at one entry; raises one of STRANGE for a body that no log wrote."""
        first, end = facts_of(seq, body)
        if first is not None:
            self._firsts.append(first)
        if end is not None:
            self._ends.append(end)

    def flush(self) -> None:
        """Hand over to DuckDB what was gathered."""
        append(self._connection, "firsts", self._firsts)
        append(self._connection, "ends", self._ends)
        self._firsts, self._ends = [], []


def write_entries(connection: DuckDBPyConnection, path: Path) -> None:
    """Write the table `entries` in its order."""
    connection.execute(_COPY.format("FROM entries", quoted(path), _GROUP))


def write_attempts(connection: DuckDBPyConnection, path: Path) -> int:
    """Write the attempts, those of one user together; their number is returned."""
    order = f'{ATTEMPTS} ORDER BY "user" NULLS LAST, f."at", attempt'
    connection.execute(_COPY.format(order, quoted(path), _SMALL_GROUP))
    return count_rows(connection, path)


def write_counts(
    connection: DuckDBPyConnection, rows: Sequence[tuple[Any, ...]], path: Path
) -> None:
    """Write hourly counts."""
    connection.execute(COUNTS)
    append(connection, "counts", rows)
    connection.execute(_COPY.format("FROM counts", quoted(path), _GROUP))


def count_rows(connection: DuckDBPyConnection, path: Path) -> int:
    """Rows of a Parquet file."""
    found = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    return 0 if found is None else int(found[0])


def differing_attempts(connection: DuckDBPyConnection, path: Path) -> list[str]:
    """Ids of attempts whose row in the file is not what `firsts` and `ends` say; up to 5.

    Rows are compared as a multiset, whatever their order.
    """
    sides = ATTEMPTS, "SELECT * FROM read_parquet(?)"
    sql = f"""SELECT DISTINCT attempt FROM (
 (({sides[0]}) EXCEPT ALL ({sides[1]})) UNION ALL (({sides[1]}) EXCEPT ALL ({sides[0]}))
 ) ORDER BY attempt LIMIT 5"""  # noqa: S608 (fixed text)
    rows: Iterable[tuple[Any, ...]] = connection.execute(sql, [str(path)] * 2).fetchall()
    return [str(attempt) for (attempt,) in rows]
