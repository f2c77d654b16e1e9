"""Ctrl-C that stops between two lines of output, never within one."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Interrupts:
    """While entered, SIGINT raises KeyboardInterrupt, but only after a `whole` block has ended.

    A second SIGINT does not wait. Does nothing outside the main thread.
    """

    def __init__(self) -> None:
        self._previous: Any = None
        self._writing = False
        self._pending = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Hold an interrupt back until the block is done."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    def _caught(self, _number: int, _frame: FrameType | None) -> None:
        if self._writing and not self._pending:
            self._pending = True
            return
        raise KeyboardInterrupt


@contextmanager
def ignored() -> Iterator[None]:
    """Ignore SIGINT, so that processes started meanwhile inherit that; main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
