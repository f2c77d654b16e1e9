"""Reading and writing over one PostgreSQL connection."""

from __future__ import annotations

import secrets
import time
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from guardrail.log.postgres.driver import identifier
from guardrail.log.postgres.months import month_of
from guardrail.log.postgres.server import StoreLost
from guardrail.log.session import StoreBusy, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from guardrail.log.postgres.server import Connection, Server
    from guardrail.log.session import Unit, Values

T = TypeVar("T")
RETRIED = 15.0
ASKED = 40.0
_SEQUENCER = 0x475244_4C4F47  # "GRDLOG"
_FIRST_DELAY, _LONGEST_DELAY = 0.05, 2.0
_FEW = 8
_AT = 3
_FORMATS = {"month": "YYYY-MM", "day": "YYYY-MM-DD", "hour": 'YYYY-MM-DD"T"HH24:00"Z"'}
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({_SEQUENCER})"
_COMMIT = """INSERT INTO writers VALUES ('{id}', {number}, {at}) ON CONFLICT (id)
 DO UPDATE SET number = excluded.number, at = excluded.at; COMMIT"""
_LAST = "SELECT coalesce(max(number), 0) FROM writers WHERE id = ?"
_KNOWN = "SELECT attempt, opened_seq, closed_seq FROM attempts WHERE attempt = ANY(%s)"


class Progress:
    """What one writing process committed last, as it says in the table `writers`.

    months: those that have a partition.
    """

    def __init__(self) -> None:
        self.id = secrets.token_hex(16)
        self.number = 0
        self.months: set[int] = set()


class PostgresSession:
    """See Session. One moment: a snapshot is taken with the first read, unless one writes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: Connection | None = None
        self._writes = False

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """See Session."""
        return self._run(sql, values).fetchall()

    def row(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """See Session."""
        return self._run(sql, values).fetchone()

    def value(self, sql: str, values: Values = ()) -> Any:
        """See Session."""
        found = self.row(sql, values)
        return None if found is None else found[0]

    def damage(self) -> list[str]:
        """See Session: a server that checks its pages itself says so when they are read."""
        return []

    def octets(self, column: str) -> str:
        """See Session."""
        return f"convert_to({column}, 'UTF8')"

    def clock(self, unit: Unit, hour: str) -> str:
        """See Session."""
        moment = f"to_timestamp((({hour}) * 3600)::double precision) AT TIME ZONE 'UTC'"
        return f"to_char({moment}, '{_FORMATS[unit]}')"

    def rollback(self) -> None:
        """See WriteSession."""
        connection, self._connection, self._writes = self._connection, None, False
        if connection is None or connection.closed:
            return
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            self._server.close()

    def _run(self, sql: str, values: Values) -> psycopg.Cursor[tuple[Any, ...]]:
        if self._connection is None:
            self._start(_SNAPSHOT)
        with self._server.translated():
            return self._within().execute(*_query(sql, values))

    def _start(self, sql: str) -> None:
        connection = self._server.connection()
        ending = "ROLLBACK; " if connection is self._connection else ""
        with self._server.translated():
            connection.execute(f"{ending}{sql}".encode(), prepare=False)
        self._connection = connection

    def _within(self) -> Connection:
        """The connection of the transaction that was begun, and no other."""
        if self._connection is None:
            raise StoreFailed("no transaction was begun")
        return self._connection


class PostgresWriteSession(PostgresSession):
    """See WriteSession. Every transaction holds the sequencer: one writer among all machines."""

    def __init__(self, server: Server, progress: Progress) -> None:
        super().__init__(server)
        self._progress = progress
        self._months: set[int] = set()

    def retried(self, run: Callable[[], T]) -> T:
        """See WriteSession."""
        for _ in waits(RETRIED):
            try:
                return run()
            except StoreLost:
                self.rollback()
        return run()

    def begin(self) -> None:
        """See WriteSession."""
        self._months = set()
        self._start(_BEGIN)
        self._writes = True

    def commit(self) -> None:
        """See WriteSession. An answer that was lost is asked for again."""
        progress, number = self._progress, self._progress.number + 1
        sql = _COMMIT.format(id=progress.id, number=number, at=time.time_ns())
        try:
            self._within().execute(sql.encode(), prepare=False)
        except psycopg.Error as error:
            if not self._server.is_lost(error):
                self._server.refuse(error)
            self._server.close()
            if not self._happened(number):
                raise StoreLost("the connection was lost before COMMIT") from None
        self._connection, self._writes = None, False
        progress.number = number
        progress.months |= self._months

    def execute(self, sql: str, values: Values = ()) -> None:
        """See WriteSession."""
        self._alone_or_within(lambda connection: connection.execute(*_query(sql, values)))

    def many(self, sql: str, rows: Sequence[Values]) -> None:
        """See WriteSession."""
        if len(rows) == 1:
            self.execute(sql, rows[0])
        elif rows:
            statement = _translated(sql)
            self._alone_or_within(lambda found: found.cursor().executemany(statement, rows))

    def insert(self, table: str, rows: Sequence[Values]) -> None:
        """See WriteSession: COPY, and one INSERT for a few rows."""
        if not rows:
            return
        if table == "entries":
            self._make_months(rows)
        self._alone_or_within(lambda connection: _insert(connection, table, rows))

    def known(self, attempts: Iterable[str]) -> list[tuple[str, int | None, int | None]]:
        """See WriteSession."""
        names = list(attempts)
        if not names:
            return []
        with self._server.translated():
            found: list[Any] = self._within().execute(_KNOWN, (names,)).fetchall()
        return found

    def _run(self, sql: str, values: Values) -> psycopg.Cursor[tuple[Any, ...]]:
        """What begins a moment may begin another: nothing was read of it yet."""
        if self._connection is None:
            return self.retried(partial(super()._run, sql, values))
        return super()._run(sql, values)

    def _alone_or_within(self, run: Callable[[Connection], object]) -> None:
        """In the transaction that was begun, or in one of its own."""
        alone = not self._writes
        if alone:
            self.begin()
        with self._server.translated():
            run(self._within())
        if alone:
            self.commit()

    def _make_months(self, rows: Sequence[Values]) -> None:
        missing = {month_of(row[_AT]): row[_AT] for row in rows}
        for month, at in missing.items():
            if month not in self._progress.months and month not in self._months:
                self.execute("SELECT make_month(?)", (at,))
                self._months.add(month)

    def _happened(self, number: int) -> bool:
        """Whether that transaction of ours was committed.

        The sequencer is free only once the server has ended it, one way or the other. Raises
        StoreFailed when the server cannot be asked.
        """
        for _ in waits(ASKED):
            try:
                self.begin()
                done: int = self.value(_LAST, (self._progress.id,))
            except StoreBusy:
                continue
            self.rollback()
            return done >= number
        raise StoreFailed("the connection was lost at COMMIT, and the server cannot be asked")


def _insert(connection: Connection, table: str, rows: Sequence[Values]) -> None:
    cursor = connection.cursor()
    if len(rows) > _FEW:
        copy_from = psycopg.sql.SQL("COPY {} FROM STDIN").format(identifier(table))
        with cursor.copy(copy_from) as copy:
            for row in rows:
                copy.write_row(row)
        return
    places = f"({', '.join(['%s'] * len(rows[0]))})"
    values = psycopg.sql.SQL(", ".join([places] * len(rows)))
    into = psycopg.sql.SQL("INSERT INTO {} VALUES ").format(identifier(table))
    cursor.execute(into + values, [value for row in rows for value in row])


def waits(seconds: float) -> Iterator[None]:
    """Once at once, then after pauses that double, until `seconds` are over."""
    end = time.monotonic() + seconds
    delay = _FIRST_DELAY
    while True:
        yield
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(delay, left))
        delay = min(2 * delay, _LONGEST_DELAY)


def _query(sql: str, values: Values) -> tuple[bytes, Values | None]:
    """Without values a text is sent as it is, and may be many statements."""
    return (_translated(sql), values) if values else (sql.encode(), None)


@cache
def _translated(sql: str) -> bytes:
    """Places of values as psycopg writes them."""
    return sql.replace("%", "%%").replace("?", "%s").encode()
