"""The folder of an archive: its names, what is in it, and files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chain.errors import Malformed
from guardrail.errors import ConfigurationError, InputError
from guardrail.log.archive.manifest import FORMAT, SUFFIX, FileHash, Manifest
from guardrail.log.archive.months import Month
from guardrail.log.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = "archive.json"
ENTRIES, ATTEMPTS, COUNTS = ".parquet", ".attempts.parquet", ".counts.parquet"
LEAVES = ".leaves"  # hashes of the entries, 32 bytes each, in their order
_DRAFT = ".draft-"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Folder:
    """An archive on a disk. `2026-11.parquet` holds a month's entries; see the other suffixes."""

    path: Path

    def file(self, month: Month, suffix: str) -> Path:
        """One of a month's files."""
        return self.path / f"{month}{suffix}"

    def months(self) -> list[Month]:
        """Months that have a manifest, in order."""
        names = (path.name.removesuffix(SUFFIX) for path in self.path.glob(f"*{SUFFIX}"))
        return sorted(month for name in names if (month := _month(name)) is not None)

    def traces(self) -> list[Month]:
        """Months that have any file, or that the list of months names, in order."""
        names = (path.name.partition(".")[0] for path in self.path.glob("*.*"))
        found = {month for name in names if (month := _month(name)) is not None}
        return sorted({*found, *self.listed()})

    def listed(self) -> list[Month]:
        """Months that were archived here, as the list of months says; none if it cannot be read."""
        try:
            fields = json.loads((self.path / INDEX).read_bytes())
            return [Month.parse(name) for name in fields["months"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError):
            return []

    def manifest(self, month: Month) -> Manifest:
        """A month's manifest. Raises Malformed, and ConfigurationError when it cannot be read."""
        path = self.file(month, SUFFIX)
        try:
            found = Manifest.decode(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
        if found.month != month:
            raise Malformed("manifest", f"is of {found.month}, not of {month}")
        return found

    def manifests(self) -> list[Manifest]:
        """All of them, in order. Raises ConfigurationError when one cannot be read."""
        if not self.path.is_dir():
            raise ConfigurationError(f"no archive at {self.path}")
        try:
            return [self.manifest(month) for month in self.months()]
        except Malformed as error:
            raise ConfigurationError(
                f"the archive {self.path} is damaged ({error}); `guardrail log verify --archive` "
                "says what is wrong"
            ) from None

    def put(self, name: str, data: bytes) -> None:
        """Write a small file, durable when this returns; raises OSError."""
        draft = self.path / f"{_DRAFT}{name}"
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / name)
        sync_folder(self.path)

    def list_months(self, origin: str) -> None:
        """Write the list of months; raises OSError."""
        months = [str(month) for month in sorted({*self.months(), *self.listed()})]
        fields = {"format": FORMAT, "origin": origin, "months": months}
        self.put(INDEX, json.dumps(fields, indent=2).encode() + b"\n")

    @contextmanager
    def drafts(self, month: Month) -> Iterator[Path]:
        """A folder for a month's files while they are made; gone afterwards."""
        draft = self.path / f"{_DRAFT}{month}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def publish(self, draft: Path) -> FileHash:
        """Move a finished file out of the drafts, durable when this returns; raises OSError."""
        draft.chmod(0o600)
        handle = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        found = hash_file(draft)
        draft.replace(self.path / draft.name)
        sync_folder(self.path)
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs out; raises ConfigurationError while one is at work."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ConfigurationError(f"another run writes the archive {self.path}") from None
        finally:
            os.close(handle)


def hash_file(path: Path) -> FileHash:
    """Size and SHA-256 of a file; raises OSError."""
    found = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
    return FileHash(size, found.hexdigest())


def _month(name: str) -> Month | None:
    try:
        return Month.parse(name)
    except InputError:
        return None
