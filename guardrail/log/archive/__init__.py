"""Sealed months of the attempt log as Parquet, and counting over them and the log in use.

Needs DuckDB (`likeness-guardrail[archive]`), which is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.log.archive.manifest import Manifest
from guardrail.log.archive.months import Month
from guardrail.log.archive.source import Source
from guardrail.log.archive.verify import ArchiveVerification, verify_archive
from guardrail.log.archive.write import Archiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from guardrail.log.location import Location


def write_archive(
    location: Location,
    path: Path,
    *,
    until: Month | None = None,
    now: int | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Iterator[Manifest]:
    """Seal every complete month of the log at `location` into the folder `path`, one at a time.

    Months that are there stay as they are. until: the last month to seal. now: ns since the epoch,
    UTC; default the clock's. watch: called with entries done, and their number.

    Raises ConfigurationError when the folder is of another log, the log cannot prove what it
    signed, or DuckDB is missing; LogUnavailable when a month is not signed yet, or a disk gives
    out.
    """
    source = Source(location)
    try:
        yield from Archiver(source, path, now=now).run(until, watch)
    finally:
        source.close()


__all__ = [
    "ArchiveVerification",
    "Archiver",
    "Manifest",
    "Month",
    "Source",
    "verify_archive",
    "write_archive",
]
