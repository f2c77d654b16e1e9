"""Attempts as columns for DuckDB: sealed months, then a cache of the log in use, then its end.

Each part of the log says of its own entries what attempts they opened and what attempts they
ended, and no entry is in two parts. An attempt that a later part ended is put together again here.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.log.archive.duck import append, connected, explained, quoted
from guardrail.log.archive.folder import ATTEMPTS, COUNTS, Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from guardrail.log.archive.cache import Cache
    from guardrail.log.archive.manifest import Manifest
    from guardrail.log.archive.months import Month
    from guardrail.log.archive.source import Source, Touched

    Watch = Callable[[int, int], None]

_OPENING = ("at", "operation", "jurisdiction", "tier", "policy", "user")
_ENDING = ("stage", "action", "rule", "reason", "outcome")
FIELDS = ", ".join(f'"{name}"' for name in ("attempt", *_OPENING, *_ENDING))
TYPED = ", ".join(
    f'"{name}" {"BIGINT" if name == "at" else "VARCHAR"}'
    for name in ("attempt", *_OPENING, *_ENDING)
)
_MENDED = ", ".join(
    ["p.attempt"]
    + [f'p."{name}"' for name in _OPENING]
    + [f'coalesce(l."{name}", p."{name}") AS "{name}"' for name in _ENDING]
)
_ATTEMPTS = f"""CREATE VIEW attempts AS
 SELECT {FIELDS} FROM parts WHERE "at" IS NOT NULL AND outcome <> ''
 UNION ALL SELECT {_MENDED} FROM parts AS p
 LEFT JOIN (SELECT * FROM parts WHERE "at" IS NULL) AS l ON l.attempt = p.attempt
 WHERE p."at" IS NOT NULL AND p.outcome = ''"""  # noqa: S608 (fixed names)
_KEY = "hour, operation, jurisdiction, tier, policy"
_NUMBERS = ("opened", "released", "refused", "gated", "failed", "cancelled")
_COUNTED = ", ".join(f"max({name}) AS {name}" for name in _NUMBERS)


@dataclass(frozen=True, slots=True)
class Columns:
    """All attempts as the view `attempts` of a DuckDB connection.

    `at`: of the opening, ns since the epoch, UTC; `user`: a pseudonym; `outcome`: empty while open.
    """

    connection: DuckDBPyConnection
    source: Source | None
    counted: Sequence[Path]

    def count_hours(self, first: int, end: int) -> None:
        """Make the table `counts` of the hours [first, end) since the epoch.

        Counts only grow, so of the log in use and its archive the larger one is the later one.
        """
        types = ", ".join(f"{name} BIGINT" for name in _NUMBERS)
        self.connection.execute(
            "CREATE TABLE live (hour BIGINT, operation VARCHAR, jurisdiction VARCHAR, "
            f"tier VARCHAR, policy VARCHAR, {types})"
        )
        rows = [] if self.source is None else self.source.counts(first, end)
        append(self.connection, "live", rows)
        self.connection.execute(
            f"CREATE TABLE counts AS SELECT {_KEY}, {_COUNTED} "  # noqa: S608 (fixed names)
            f"FROM (SELECT * FROM live {_union(self.counted)}) "
            f"WHERE hour >= {first} AND hour < {end} GROUP BY {_KEY}"
        )


@contextmanager
def columns(
    source: Source | None,
    archive: Path | None,
    cache: Cache | None,
    watch: Watch | None = None,
) -> Iterator[Columns]:
    """Columns over a log in use, an archive of it, or both; what both hold is there once.

    The log in use has every attempt, and alone says of whom (an archive holds no pseudonyms of
    schema 3), so that of both the archive is only held against it.

    watch: called with entries read into the cache, and their number.

    Raises ConfigurationError when they are not of one log, and LogUnavailable.
    """
    folder = None if archive is None else Folder(archive)
    manifests = [] if folder is None else _manifests(folder, source)
    with connected() as connection, explained("counting"):
        connection.execute(f"CREATE TABLE tail ({TYPED})")
        if source is None:
            files = _files(folder, manifests, ATTEMPTS)
        else:
            files = _live(connection, source, cache, watch)
        parts = f"SELECT {FIELDS} FROM tail" + _union(files, FIELDS)  # noqa: S608 (fixed names)
        connection.execute(f"CREATE VIEW parts AS {parts}")
        connection.execute(_ATTEMPTS)
        yield Columns(connection, source, _files(folder, manifests, COUNTS))


def part_row(attempt: Touched, after: int) -> tuple[Any, ...]:
    """An attempt's row in a part that follows entry `after`: of one opened before, its end only.

    The id is only needed where two parts are put together.
    """
    if attempt.opened_seq is not None and attempt.opened_seq <= after:
        return attempt.attempt, *[None] * len(_OPENING), *attempt[-len(_ENDING) :]
    return "" if attempt.outcome else attempt.attempt, *attempt[2:]


def joining_months(folder: Folder) -> list[Month]:
    """The months of an archive; raises ConfigurationError unless they join, from entry 1 on."""
    return [manifest.month for manifest in _manifests(folder, None)]


def _manifests(folder: Folder, source: Source | None) -> list[Manifest]:
    found = folder.manifests()
    if not found:
        raise ConfigurationError(f"no archive at {folder.path}")
    last = 0
    for manifest in found:
        if source is not None and manifest.origin != source.origin:
            raise ConfigurationError(
                f"{folder.path} holds an archive of {manifest.origin}, not of {source.origin}"
            )
        if manifest.segment.start.size != last:
            raise ConfigurationError(
                f"the archive {folder.path} lacks what stands before {manifest.month}; "
                "`guardrail log verify --archive` says what is missing"
            )
        last = manifest.segment.last
    return found


def _files(folder: Folder | None, manifests: Sequence[Manifest], suffix: str) -> list[Path]:
    return [] if folder is None else [folder.file(found.month, suffix) for found in manifests]


def _live(
    connection: DuckDBPyConnection,
    source: Source,
    cache: Cache | None,
    watch: Watch | None,
) -> list[Path]:
    """Every attempt: as far as it is cached as files, the rest into `tail`."""
    head = source.head
    files: list[Path] = []
    after = 0
    if cache is not None:
        files, after = cache.grown(source, after, head, watch)
    for page in source.touched(after, head):
        append(connection, "tail", [part_row(found, after) for found in page])
    return files


def _union(files: Sequence[Path], fields: str = "*") -> str:
    if not files:
        return ""
    names = ", ".join(quoted(path) for path in files)
    return f" UNION ALL SELECT {fields} FROM read_parquet([{names}])"  # noqa: S608
