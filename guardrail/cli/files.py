"""Files as `guardrail screen` reads and writes them."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from guardrail.cli.lines import MAX_LINE_BYTES
from guardrail.errors import ConfigurationError
from guardrail.records import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD = "-"
_BOM = b"\xef\xbb\xbf"


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or stdin for `-`, to read bytes; ConfigurationError when it cannot be."""
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    with _opened(path, "rb", "read") as stream:
        yield stream


@contextmanager
def open_output(path: str, source: BinaryIO) -> Iterator[BinaryIO]:
    """Open a file, or stdout for `-`, to write bytes; ConfigurationError where it is the input."""
    if _same_file(path, source):
        raise ConfigurationError("input and output are the same file; write to another")
    if path == STANDARD:
        yield sys.stdout.buffer
        return
    with _opened(path, "wb", "write") as stream:
        yield stream


def _opened(path: str, mode: Literal["rb", "wb"], verb: str) -> BinaryIO:
    try:
        return Path(path).open(mode)
    except OSError as error:
        raise ConfigurationError(f"cannot {verb} {path}: {error.strerror}") from error


def _same_file(path: str, source: BinaryIO) -> bool:
    try:
        read = os.fstat(source.fileno())
        written = os.fstat(sys.stdout.fileno()) if path == STANDARD else Path(path).stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(read.st_mode) and os.path.samestat(read, written)


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank with its number from 1, without its end or a BOM.

    A line over the limit comes cut one byte past it, so that its reader can tell.
    """
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            _skip_line(stream)
        line = raw.removeprefix(_BOM) if number == 1 else raw
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def _skip_line(stream: BinaryIO) -> None:
    while rest := stream.readline(2**20):
        if rest.endswith(b"\n"):
            return


class ImageFolder:
    """Pictures by path, relative to the input file's folder first, then to the current one."""

    def __init__(self, folder: str, max_bytes: int) -> None:
        self.folder = Path(folder)
        self.max_bytes = max_bytes

    def __call__(self, path: str) -> Image:
        """Read a picture; one that cannot be read comes back with its problem."""
        try:
            return self._read(path)
        except (OSError, ValueError) as error:
            return Image(None, problem=f"cannot be read ({type(error).__name__})")

    def _read(self, path: str) -> Image:
        beside = self.folder / path
        found = beside if beside.exists() else Path(path)
        if not stat.S_ISREG(found.stat().st_mode):
            return Image(None, problem="not a file")
        with found.open("rb") as stream:
            data = stream.read(self.max_bytes + 1)
        if len(data) > self.max_bytes:
            return Image(None, problem=f"larger than {self.max_bytes} bytes")
        return Image(data)
