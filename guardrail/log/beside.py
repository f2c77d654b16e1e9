"""Files that belong to a log and lie beside it, each whole or not there."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError
from guardrail.log.files import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.log.location import Location


def beside(location: Location, suffix: str) -> Path:
    """`attempts.db` and a suffix such as `.cosigned`, where the log's checkpoint lies."""
    last = location.checkpoint
    return last.with_name(last.name.removesuffix(".checkpoint") + suffix)


def keep_file(path: Path, data: bytes) -> None:
    """Write a file, durable and as a whole; its folder is made. Raises ConfigurationError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None


def read_file(path: Path, limit: int) -> bytes:
    """At most `limit` bytes and one more; raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None


def list_files(folder: Path, suffix: str) -> list[Path]:
    """Finished files of that suffix; none where there is no folder. Raises ConfigurationError."""
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(suffix)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"cannot read {folder}: {error.strerror}") from None
    return [path for path in found if not path.name.startswith(".")]
