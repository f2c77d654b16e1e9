"""The log as an inquiry uses it: reading, its keys, and the entry that says somebody looked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from guardrail.log.setup import open_for_reading
from guardrail.log.signing import load_signing_key
from guardrail.log.sqlite import SqliteLog
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from guardrail.chain.keys import SigningKey, VerifierKey
    from guardrail.log.location import Location


class _Session:
    def __init__(self, connection: apsw.Connection) -> None:
        self.c = connection

    def execute(self, sql, values=()):
        return self.c.execute(sql, values)

    def rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return list(self.c.execute(sql, tuple(values)))

    def row(self, sql: str, values: Any = ()) -> tuple[Any, ...] | None:
        return self.c.execute(sql, tuple(values)).fetchone()

    def value(self, sql: str, values: Any = ()) -> Any:
        return self.c.execute(sql, tuple(values)).get


class Source:
    def __init__(self, location: Location) -> None:
        self.location = location
        self._log = SqliteLog(location, readonly=True)
        self.key: VerifierKey = log_key(open_for_reading(location))

    @contextmanager
    def reading(self) -> Iterator[Any]:
        database = open_for_reading(self.location)
        with database.lock, database.connection() as connection:
            yield _Session(connection)

    def signing_key(self) -> SigningKey:
        return load_signing_key(self.location.signing_key)

    def excerpt(self, attempt: str) -> str | None:
        return self._log.excerpt(attempt)

    def access(self, what: str, why: str) -> None:
        pass

    def close(self) -> None:
        self._log.shutdown()
