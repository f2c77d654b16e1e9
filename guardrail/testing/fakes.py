"""Stand-ins for a detector and a log, for tests of one's own rules and adapters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from guardrail.detect.base import Document
from guardrail.errors import LogUnavailable
from guardrail.records import AttemptClosed, AttemptOpened, FactName, Finding

T = TypeVar("T")


@dataclass
class ScriptedDetector:
    """Answers with what `script` returns for a document, and counts how often it was asked."""

    name: str
    provides: frozenset[FactName]
    script: Callable[[Document], Iterable[Finding]] = lambda _: ()
    version: str = "1"
    cost: float = 1.0
    inline: bool = True
    asked: int = 0

    def detect(self, document: Document) -> Iterable[Finding]:
        """Run the script; whatever it raises is the detector's failure."""
        self.asked += 1
        return self.script(document)


@dataclass
class MemoryLog:
    """Keeps entries in lists; `full` makes it refuse every further entry, as a full disk does."""

    opened: list[AttemptOpened] = field(default_factory=list)
    closed: list[AttemptClosed] = field(default_factory=list)
    full: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, entry: AttemptOpened) -> None:
        """Keep the entry."""
        self._keep(self.opened, entry)

    def close(self, entry: AttemptClosed) -> None:
        """Keep the entry."""
        self._keep(self.closed, entry)

    def _keep(self, entries: list[T], entry: T) -> None:
        if self.full:
            raise LogUnavailable("the attempt log is full")
        with self._lock:
            entries.append(entry)
