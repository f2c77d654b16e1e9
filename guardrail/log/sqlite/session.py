"""Reading and writing over one SQLite connection."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from guardrail.log.session import StoreBusy, StoreDamaged, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from guardrail.log.session import Unit, Values

T = TypeVar("T")
DAMAGED = (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, UnicodeDecodeError)
_KNOWN = "SELECT attempt, opened_seq, closed_seq FROM attempts WHERE attempt = ?"
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
        if rows:
            places = ", ".join("?" * len(rows[0]))
            self.connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608

    def known(self, attempts: Iterable[str]) -> list[tuple[str, int | None, int | None]]:
        """See WriteSession."""
        found = (self.connection.execute(_KNOWN, (name,)).fetchone() for name in attempts)
        return [row for row in found if row is not None]
