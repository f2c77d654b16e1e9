"""The lock that processes take in turn: `flock` on a file, with an end to waiting."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

WAIT = 5.0
_LOCKS = Path("/proc/locks")


class LockHeld(Exception):
    """Another process kept the lock all the time that was waited for it; the message says who."""


class FileLock:
    """One thread at a time may use it. What holds it is let go when its process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)
        self._file = -1
        self._identity = (0, 0)

    def acquire(self, wait: float | None = None) -> None:
        """Take the lock; raises OSError, and LockHeld after `wait` seconds (None: WAIT).

        Nobody polls: where the lock is taken, a thread sleeps in the kernel until it is free.
        """
        while True:
            if self._file < 0:
                self._open()
            if not _taken(self._file):
                self._wait(WAIT if wait is None else wait)
            if self._is_in_place():
                return
            self.close()  # somebody removed the file: who comes later locks another one

    def release(self) -> None:
        """Let others have it; nothing to do once closed."""
        if self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of lock and file; both are taken anew when needed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        self._file = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        found = os.fstat(self._file)
        self._identity = (found.st_dev, found.st_ino)

    def _wait(self, seconds: float) -> None:
        waiting = _Waiting(self._file)
        try:
            if waiting.ended(seconds):
                return
        except BaseException:
            if not waiting.abandoned:
                self.close()
            raise
        finally:
            if waiting.abandoned:
                self._file = -1  # the thread's now, which lets it go once it has it
        raise LockHeld(f"held by {_holder(self.path)} for {seconds:g} s")

    def _is_in_place(self) -> bool:
        try:
            there = os.stat(self._name)  # noqa: PTH116 (a third of the time of Path.stat)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == self._identity


class _Waiting:
    """A thread that sleeps in `flock`. Once nobody waits any more, it gives the lock back.

    At the end of the interpreter no thread starts: then the wait has no end.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._mutex = threading.Lock()
        self._done = threading.Event()
        self._error: OSError | None = None
        self.abandoned = False
        try:
            threading.Thread(target=self._lock, name="attempt-log-lock", daemon=True).start()
        except RuntimeError:
            self._lock()

    def ended(self, seconds: float) -> bool:
        """Whether the lock is ours within so many seconds; raises OSError."""
        try:
            self._done.wait(seconds)
        finally:
            with self._mutex:
                self.abandoned = not self._done.is_set()
        if self._error is not None:
            raise self._error
        return not self.abandoned

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._mutex:
            self._done.set()
            if self.abandoned:
                fcntl.flock(self._file, fcntl.LOCK_UN)  # a forked child may have the file open too
                os.close(self._file)


def _taken(file: int) -> bool:
    """Take the lock if it is free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    """The process that has the lock, as the kernel lists it; Linux only."""
    try:
        inode = str(path.stat().st_ino)
        for line in _LOCKS.read_text("ascii").splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
                return f"process {fields[4]}"
    except (OSError, IndexError):
        pass
    return "another process"
