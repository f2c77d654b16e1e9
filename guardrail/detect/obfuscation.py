"""The detector `text.obfuscation`: which disguises had to be undone to read a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from guardrail.detect.base import Document
from guardrail.records import FactName, Finding


class Obfuscation:
    """Reports one `obfuscated` finding for each kind of disguise; ordinary width is none."""

    name: ClassVar[str] = "text.obfuscation"
    version: ClassVar[str] = "1"
    provides: ClassVar[frozenset[FactName]] = frozenset({"obfuscated"})
    cost: ClassVar[float] = 15.0
    inline: ClassVar[bool] = True

    def detect(self, document: Document) -> Iterable[Finding]:
        """Report every disguise in the parts not seen before, each once."""
        undone: set[str] = set()
        for part, _, views in document.new_parts():
            reading = document.reading(part)
            undone |= reading.undone if reading else views.undone
        return [
            Finding(detector=self.name, version=self.version, label="obfuscated", value=trick)
            for trick in sorted(undone)
        ]
