"""A judge as second stage: asked once about all places in doubt, and not trusted like a meter.

A judge reads instructions, and the text it judges may contain some. So an answer can only undo a
finding where the judge was shown the whole of a text in which nothing speaks to it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from guardrail.detect.second.opinion import BadAnswer
from guardrail.detect.second.stage import Asked, Backend, SecondOpinion, undisguised, whole
from guardrail.records import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guardrail.detect.base import Document
    from guardrail.detect.second.stage import Place
    from guardrail.policy.second import Judge, SecondStage
    from guardrail.records import FactName, Finding

IS_JUDGING: ContextVar[bool] = ContextVar("guardrail_is_judging", default=False)
"""Whether what runs now is a judge's own call: no judge is asked about that."""

_LEAST = 200
_GAP = "\n...\n"


class Court(Backend, Protocol):
    """A backend that can be spoken to by what it judges."""

    def believes(self, text: str) -> bool:
        """Whether nothing in the text speaks to a judge, so that a harmless verdict may count."""
        ...


class JudgeOpinion(SecondOpinion):
    """A judge, what it said before, and its budget."""

    keeps_floors = True

    def __init__(self, settings: SecondStage, judge: Judge, court: Court) -> None:
        super().__init__(settings, court, judge.cache_s)
        self.max_chars = judge.max_chars
        self.believes = court.believes

    def about(self, places: Sequence[Place], provides: frozenset[FactName]) -> Judged:
        """The detector that reads these places, for these facts."""
        return Judged(self, tuple(places), provides)


class Judged(Asked):
    """A judge asked about some places of one document, in one call."""

    def __init__(
        self, judge: JudgeOpinion, places: tuple[Place, ...], provides: frozenset[FactName]
    ) -> None:
        super().__init__(judge, places, provides)
        self._judge = judge
        self._within = IS_JUDGING.get()

    def detect(self, document: Document) -> Iterator[Finding]:
        """Report on the places, in order; on none where a harmless verdict does not count.

        Raises RecursionError within a judge's own call, BadAnswer where the places are too many.
        """
        if self._within:
            raise RecursionError
        if not self._places:
            return
        share = self._judge.max_chars // len(self._places)
        if share < _LEAST:
            raise BadAnswer("more places than a judge can be shown")
        texts = [undisguised(document, place.part) for place in self._places]
        shown = [
            excerpt(text, _middle(document, place, text), share)
            for place, text in zip(self._places, texts, strict=True)
        ]
        text = "\n\n".join(shown)
        found = self._judge.opinion(text)
        if found.severity < Severity.NUDITY and (shown != texts or not self._judge.believes(text)):
            return
        for place in self._places:
            yield from self._findings(found, place.span or whole(document, place.part))


def excerpt(text: str, middle: int, size: int) -> str:
    """The text; of one longer than `size` code points its ends and what is around `middle`."""
    if len(text) <= size:
        return text
    end = (size - 2 * len(_GAP)) // 4
    start = min(max(end, middle - end), len(text) - 3 * end)
    return _GAP.join((text[:end], text[start : start + 2 * end], text[-end:]))


def _middle(document: Document, place: Place, text: str) -> int:
    """About where in the undisguised text the doubt is."""
    span = place.span
    length = len(document.parts[place.part].text)
    return (span.start + span.end) * len(text) // (2 * length) if span and length else 0
