"""Reading and writing over one SQLite connection."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from guardrail.log.session import StoreBusy, StoreDamaged, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from guardrail.log.session import Unit, Values

T = TypeVar("T")
P = TypeVar("P")
DAMAGED = (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, UnicodeDecodeError)
_KNOWN = "SELECT attempt, opened_seq, closed_seq FROM attempts WHERE attempt IN ({places})"
_MOST_ROWS = 64
_FORMATS = {"month": "%Y-%m", "day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H:00Z"}


@contextmanager
def translated() -> Iterator[None]:
    """Raise what SQLite says as StoreBusy, StoreDamaged or StoreFailed."""
    try:
        yield
    except apsw.BusyError as error:
        raise StoreBusy(str(error)) from None
    except (*DAMAGED, UnicodeDecodeError) as error:
        raise StoreDamaged(f"{type(error).__name__}: {error}") from None
    except apsw.Error as error:
        raise StoreFailed(f"{type(error).__name__}: {error}") from None


class SqliteSession:
    """See WriteSession; errors are those of apsw until `translated` turns them."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """See Session."""
        found: list[tuple[Any, ...]] = self.connection.execute(sql, values).fetchall()
        return found

    def row(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """See Session."""
        found: tuple[Any, ...] | None = self.connection.execute(sql, values).fetchone()
        return found

    def value(self, sql: str, values: Values = ()) -> Any:
        """See Session."""
        found = self.connection.execute(sql, values).fetchone()
        return None if found is None else found[0]

    def damage(self) -> list[str]:
        """See Session."""
        found = self.connection.execute("PRAGMA integrity_check(5)").fetchall()
        return [str(text) for (text,) in found if text != "ok"]

    def octets(self, column: str) -> str:
        """See Session."""
        return f"CAST({column} AS BLOB)"

    def clock(self, unit: Unit, hour: str) -> str:
        """See Session."""
        return f"strftime('{_FORMATS[unit]}', ({hour}) * 3600, 'unixepoch')"

    def retried(self, run: Callable[[], T]) -> T:
        """See WriteSession: there is no connection to lose."""
        return run()

    def begin(self) -> None:
        """See WriteSession."""
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """See WriteSession."""
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """See WriteSession."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def execute(self, sql: str, values: Values = ()) -> None:
        """See WriteSession."""
        self.connection.execute(sql, values)

    def many(self, sql: str, rows: Sequence[Values]) -> None:
        """See WriteSession."""
        self.connection.executemany(sql, rows)

    def insert(self, table: str, rows: Sequence[Values]) -> None:
        """See WriteSession."""
        for part in _parts(rows):
            row = f"({', '.join('?' * len(part[0]))})"
            sql = f"INSERT INTO {table} VALUES {', '.join([row] * len(part))}"  # noqa: S608
            self.connection.execute(sql, [*chain.from_iterable(part)])

    def known(self, attempts: Iterable[str]) -> list[tuple[str, int | None, int | None]]:
        """See WriteSession."""
        found: list[tuple[Any, ...]] = []
        for part in _parts([*attempts]):
            found += self.rows(_KNOWN.format(places=", ".join("?" * len(part))), part)
        return [(name, opened, closed) for name, opened, closed in found]


def _parts(rows: Sequence[P]) -> Iterator[Sequence[P]]:
    """Of few lengths, the powers of two, so that SQLite keeps their statements ready.

    One statement for many rows, as each gives the interpreter's lock away, and a busy thread may
    take 5 ms to give it back, while the lock between processes is held.
    """
    start = 0
    while left := len(rows) - start:
        size = min(_MOST_ROWS, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size
