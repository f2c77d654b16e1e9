"""The write-ahead log as a file: waiting until the disk has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Journal:
    """The write-ahead log of the database at `path`, kept open by the process that writes it.

    The kernel tells each open file of a failed write once: a file that is opened only to be synced
    might not hear of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = f"{path}-wal"
        self._file = -1
        self._identity = (0, 0)

    def watch(self) -> None:
        """Open it, if it is there and is not open."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 (a third of the time of Path.stat)
        except FileNotFoundError:
            return
        if self._file < 0 or (found.st_dev, found.st_ino) != self._identity:
            self.close()
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._identity = (found.st_dev, found.st_ino)

    def sync(self) -> None:
        """Wait for the disk. Raises OSError where it did not take all, or the file is gone."""
        self.watch()
        if self._file < 0:
            raise FileNotFoundError(f"{self._path} is not there")
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
