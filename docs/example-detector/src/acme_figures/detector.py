"""The detector `acme.figures`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from guardrail.detect import Document
from guardrail.records import FactName, Finding, Kind, Role, Span

from acme_figures.register import Entry, read_register

REGISTER = "ACME_FIGURES"
"""The environment variable with the register's path; without it the one of the package counts."""

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f"
"""Kana, Chinese characters, Thai: a word there has no visible end."""


class Figures:
    """Reports each figure of a register where it is named.

    A mascot is a label of our own, `acme.mascot`. A person is a `person` who is `protected`:
    depicted in pictures and films, mentioned in text (Guardrail makes a mention in a sexual text
    a depiction by itself).
    """

    name = "acme.figures"
    version = "1.0.0"
    provides: frozenset[FactName] = frozenset({"labels", "persons"})
    cost = 5.0
    inline = True

    def __init__(self, entries: Sequence[Entry] | None = None) -> None:
        found = _installed() if entries is None else entries
        self._kinds = {entry.name: entry.kind for entry in found}
        self._pattern = _pattern(self._kinds)

    def detect(self, document: Document) -> Iterable[Finding]:
        """Report the figures in the parts not seen before."""
        visual = document.operation.visual
        for part, _, views in document.new_parts():
            for start, end, name in self._named(views.canonical.text):
                span = Span(part, *views.canonical.span(start, end))
                yield self._finding(name, span, visual=visual)

    def _named(self, text: str) -> Iterator[tuple[int, int, str]]:
        for found in self._pattern.finditer(text):
            yield *found.span(), found[0]

    def _finding(self, name: str, span: Span, *, visual: bool) -> Finding:
        if self._kinds[name] == "mascot":
            return Finding(detector=self.name, version=self.version, label="acme.mascot", span=span)
        return Finding(
            detector=self.name,
            version=self.version,
            label="person",
            value=Kind.PRIVATE,
            role=Role.DEPICTED if visual else Role.MENTIONED,
            span=span,
            name=True,
            protected=True,
        )


def _installed() -> tuple[Entry, ...]:
    path = os.environ.get(REGISTER)
    if path:
        return read_register(Path(path))
    with as_file(files("acme_figures") / "register.tsv") as shipped:
        return read_register(shipped)


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """All names, the longest first; letters of spaced scripts may not go on at either end."""
    whole = [_whole(name) for name in sorted(names, key=len, reverse=True)]
    return re.compile("|".join(whole) or r"(?!)")


def _whole(name: str) -> str:
    word = rf"[^\W{_UNSPACED}]"
    before = rf"(?<!{word})" if re.match(word, name[0]) else ""
    after = rf"(?!{word})" if re.match(word, name[-1]) else ""
    return f"{before}{re.escape(name)}{after}"
