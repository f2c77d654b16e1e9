"""`guardrail log stats` over columns: the same counting, by DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.log.archive.cache import Cache
from guardrail.log.archive.columns import columns
from guardrail.log.archive.duck import explained
from guardrail.log.archive.source import Source
from guardrail.log.stats import Stats, read_stats
from guardrail.log.times import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from guardrail.log.location import Location
    from guardrail.log.session import Unit, Values

    Watch = Callable[[int, int], None]

_EVER = 1 << 40
_EPOCH = "DATE '1970-01-01' + CAST(({}) // 24 AS INTEGER)"
_CLOCK = {
    "month": f"strftime({_EPOCH}, '%Y-%m')",
    "day": f"CAST({_EPOCH} AS VARCHAR)",
    "hour": "strftime(TIMESTAMP '1970-01-01' + to_hours({}), '%Y-%m-%dT%H:00Z')",
}


class DuckSession:
    """Reading over a DuckDB connection, in the SQL that reads a log. See Session."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute("SET integer_division = true")

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """See Session."""
        return self._connection.execute(sql, list(values)).fetchall()

    def row(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """See Session."""
        return self._connection.execute(sql, list(values)).fetchone()

    def value(self, sql: str, values: Values = ()) -> Any:
        """See Session."""
        found = self.row(sql, values)
        return None if found is None else found[0]

    def damage(self) -> list[str]:
        """Nothing: these tables were made a moment ago. See Session."""
        return []

    def octets(self, column: str) -> str:
        """See Session."""
        return f"CAST({column} AS BLOB)"

    def clock(self, unit: Unit, hour: str) -> str:
        """See Session."""
        return _CLOCK[unit].format(hour)


def count_columns(  # noqa: PLR0913 (where, what and how)
    location: Location | None,
    archive: Path | None,
    since: int | None = None,
    until: int | None = None,
    by: Iterable[str] = (),
    *,
    cached: bool = True,
    watch: Watch | None = None,
) -> Stats:
    """Count attempts opened in [since, until) (ns, UTC, rounded out to hours), grouped.

    location: the log in use; archive: the folder of its archive; at least one of them. What both
    hold counts once. cached: whether to keep columns of the log in use for the next time.

    Raises InputError for an unknown dimension, ConfigurationError when log and archive do not
    belong together or cannot be read, LogUnavailable.
    """
    if location is None and archive is None:
        raise ConfigurationError("nothing to count: neither a log nor an archive")
    source = None if location is None else Source(location)
    cache = Cache.of(source.origin) if source is not None and cached else None
    first = -_EVER if since is None else since // HOUR
    end = _EVER if until is None else -(-until // HOUR)
    try:
        with columns(source, archive, cache, watch) as found, explained("counting"):
            found.count_hours(first, end)
            return read_stats(DuckSession(found.connection), since, until, by)
    finally:
        if source is not None:
            source.close()
