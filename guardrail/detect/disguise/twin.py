"""A detector's answer on a document and on what the document says undisguised."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.detect.base import Document
from guardrail.records import Finding, Kind, Role, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from guardrail.detect.base import Detector
    from guardrail.detect.disguise.reading import Reading
    from guardrail.records import TextPart
    from guardrail.text import Views


def answers(detector: Detector, document: Document) -> tuple[Finding, ...]:
    """What an inline detector finds in a document, its disguises undone.

    Spans lie in the text as received. What stands there for everybody to read is judged where the
    undisguised text has it, among the words around it; the rest of both answers is added up.
    """
    twin = Twin.of(document)
    found = tuple(detector.detect(document))
    if twin is None:
        return found
    again = tuple(twin.placed(detector.detect(twin)))
    return _merged([f for f in found if not twin.answers_for(f, again)], again)


class Twin(Document):
    """The disguised parts of a document as they read."""

    __slots__ = ("_changed", "_joined")

    @classmethod
    def of(cls, document: Document) -> Twin | None:
        """The twin of a document; None where nothing in it is disguised."""
        changed = {
            part: reading
            for part in range(document.fresh, len(document.parts))
            if (reading := document.reading(part)) is not None
        }
        return cls(document, changed) if changed else None

    def __init__(self, document: Document, changed: Mapping[int, Reading]) -> None:
        for name in Document.__slots__:
            setattr(self, name, getattr(document, name))
        self._changed = changed
        self._joined = {
            max(i for i in range(part) if document.parts[i].role == document.parts[part].role)
            for part, reading in changed.items()
            if reading.joined
        }
        parts = enumerate(document.parts)
        self.parts = tuple(
            replace(part, text=changed[i].text) if i in changed else part for i, part in parts
        )
        self._views = {}
        self._readings = dict.fromkeys(range(len(self.parts)))

    def new_parts(self) -> Iterator[tuple[int, TextPart, Views]]:
        """The disguised parts."""
        for index in self._changed:
            yield index, self.parts[index], self.views(index)

    def answers_for(self, finding: Finding, again: Iterable[Finding]) -> bool:
        """Whether a finding is of what the twin reads better.

        Either it is a name where the text says something else than is written, or it is about
        words that the twin has as well, and the twin says what it makes of them. What a message
        says that the next one goes on with is said there.
        """
        span = finding.span
        if span is not None and span.part in self._joined and finding.label == "sexual":
            return True
        reading = self._changed.get(span.part) if span else None
        if span is None or reading is None:
            return False
        if any(start < span.end and span.start < end for start, end in reading.rewritten):
            if finding.label == "sexual":
                return any(s <= span.start and span.end <= e for s, e in reading.translated)
            return finding.label == "person"
        return finding.label == "sexual" and any(f.label == "sexual" for f in again)

    def placed(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Findings with spans in the text as received."""
        for finding in findings:
            span = finding.span
            reading = self._changed.get(span.part) if span else None
            if span is None or reading is None:
                yield finding
            else:
                start, end = reading.span(span.start, span.end)
                yield replace(finding, span=Span(span.part, start, end))


def _merged(found: Sequence[Finding], again: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Both answers; of two names in one place the longer, where it is as strict as the other."""
    more = [f for f in again if not any(_covers(old, f) for old in found)]
    kept = [f for f in found if not any(_covers(new, f) for new in more)]
    return (*kept, *more)


def _covers(one: Finding, other: Finding) -> bool:
    """Whether `other` says nothing that `one` does not."""
    a, b = one.span, other.span
    if one.label != other.label or a is None or b is None or a.part != b.part:
        return one == other
    if one.label != "person" or one.name != other.name:
        return one == other
    inside = a.start <= b.start and b.end <= a.end
    fictional = one.value == Kind.FICTIONAL and other.value != Kind.FICTIONAL
    stricter = other.role is Role.DEPICTED and one.role is not Role.DEPICTED
    return inside and not fictional and not stricter
