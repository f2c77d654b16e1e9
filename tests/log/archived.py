"""A log of several months, and archives of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from guardrail.chain.keys import VerifierKey
from guardrail.log import locate, open_log, parse_time
from guardrail.log.archive import ArchiveVerification, Manifest, Source, write_archive
from guardrail.log.archive import verify_archive as verify
from guardrail.log.archive.folder import hash_file
from guardrail.log.archive.manifest import SUFFIX
from guardrail.log.verify import Given
from tests.log.support import GATE, HOUR, REFUSE, closed, opened

DAY = 24 * HOUR
START = parse_time("2026-01-20")
NOW = parse_time("2026-04-15")
MONTHS = ["2026-01", "2026-02", "2026-03"]
COUNT = 240
PLACES = ("JP", "US-CA", "DE")


def fill(url: str, count: int = COUNT, start: int = START) -> None:
    """Attempts a third of a day apart, each ending after the next one began."""
    with open_log(url) as log:
        before = None
        for number in range(count):
            at = start + number * DAY // 3
            entry = opened(
                (REFUSE, GATE)[number % 2],
                id=f"{start % 997:03d}{number:05d}abcdef",
                at=at,
                user=f"u{number % 7}",
                where=PLACES[number % 3],
            )
            log.open(entry)
            log.open(opened(at=at, where=PLACES[number % 3]))
            if before is not None:
                log.close(closed(before, at=at + 1))
            before = entry


@dataclass(frozen=True, slots=True)
class Archived:
    """A log at `url`, its archive in `folder`, and its public key."""

    url: str
    folder: Path
    key: VerifierKey

    @classmethod
    def of(cls, url: str, folder: Path) -> Archived:
        """Fill and archive a log."""
        fill(url)
        write(url, folder)
        source = Source(locate(url))
        source.close()
        return cls(url, folder, source.key)

    def verify(self) -> ArchiveVerification:
        """With the key alone."""
        return verify(self.folder, Given(self.key))

    def told(self) -> list[str]:
        """What is wrong, in words."""
        return [str(found) for found in self.verify().faults]

    def rewrite(self, name: str, select: str) -> None:
        """Replace a Parquet file by what `select` makes of it, which it calls `old`."""
        path, draft = self.folder / name, self.folder / "draft"
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW old AS FROM '{path}'")
            connection.execute(f"COPY ({select}) TO '{draft}' (FORMAT parquet)")
        draft.replace(path)

    def forge(self, month: str, change: Callable[[str], str] = str) -> None:
        """Change a manifest, and let it name its files as they are now."""
        path = self.folder / f"{month}{SUFFIX}"
        manifest = Manifest.decode(path.read_bytes())
        text = path.read_text()
        for name, written in manifest.files.items():
            found = hash_file(self.folder / name)
            text = text.replace(written.sha256, found.sha256)
            text = text.replace(f'"bytes": {written.size},', f'"bytes": {found.size},')
        path.write_text(change(text))


def write(url: str, folder: Path, now: int = NOW) -> list[Manifest]:
    return list(write_archive(locate(url), folder, now=now))
