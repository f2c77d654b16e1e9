"""DuckDB, where it is installed: a connection that fetches nothing, and rows into tables."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@contextmanager
def connected(database: Path | None = None) -> Iterator[DuckDBPyConnection]:
    """A connection, in memory unless `database` says where; large work spills to a folder.

    Raises ConfigurationError when DuckDB is not installed.
    """
    duckdb = _imported()
    with tempfile.TemporaryDirectory(prefix="guardrail-") as spill:
        name = ":memory:" if database is None else str(database)
        connection = duckdb.connect(name, config={**_CONFIG, "temp_directory": spill})
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def explained(what: Path | str) -> Iterator[None]:
    """Say in one line what DuckDB cannot do with `what`; raises ConfigurationError."""
    duckdb = _imported()
    try:
        yield
    except duckdb.Error as error:
        raise ConfigurationError(f"{what}: {first_line(error)}") from None


def errors() -> type[Exception]:
    """What DuckDB raises."""
    found: type[Exception] = _imported().Error
    return found


def first_line(error: Exception) -> str:
    """What DuckDB says, without its hints."""
    return str(error).strip().partition("\n")[0]


def append(connection: DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows to a table; their values in the order of its columns."""
    if rows:
        with connection.appender(table) as appender:
            appender.append_rows(rows)


def quoted(path: Path) -> str:
    """A path as it stands in SQL that takes no parameter."""
    text = str(path).replace("'", "''")
    return f"'{text}'"


def _imported() -> Any:
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError(
            "an archive needs DuckDB: pip install 'likeness-guardrail[archive]'"
        ) from None
    return duckdb
