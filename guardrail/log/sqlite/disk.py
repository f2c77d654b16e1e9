"""Whether the file system under a log still takes what it is given."""

from __future__ import annotations

import os

from guardrail.log.session import StoreFailed


def check_disk(path: str) -> None:
    """Raise StoreFailed where the file system of `path` has given up, however lately.

    ext4 may report a sync as done after an error of its own, for as long as it takes to note the
    error on the disk, and `statvfs` never tells. A file's times go through its journal: the first
    change waits until the error is noted, the second is refused.
    """
    try:
        os.utime(path)
        os.utime(path)
    except OSError as error:
        raise StoreFailed(f"its file system takes no more: {error.strerror}") from None
