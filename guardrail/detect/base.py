"""What a detector is, and what it reads."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from guardrail.records import FactName, Finding, Image, Operation, Request, Stage, TextPart
from guardrail.text import Views

if TYPE_CHECKING:
    from guardrail.detect.disguise import Reading
    from guardrail.records import Output


class Document:
    """One stage of a request as detectors read it; normalised views are made once and shared.

    parts: the request's text parts; at the output stage followed by the output's.
    fresh: index of the first part that the detector has not seen at an earlier stage.
    images: uploaded with the request. output_images: given back by the model.
    """

    __slots__ = (
        "_readings",
        "_views",
        "fresh",
        "images",
        "operation",
        "output_images",
        "parts",
        "stage",
    )

    def __init__(self, request: Request, output: Output | None = None, fresh: int = 0) -> None:
        self.operation: Operation = request.operation
        self.stage = Stage.INPUT if output is None else Stage.OUTPUT
        self.fresh = fresh
        self.parts: tuple[TextPart, ...] = request.parts + (output.parts if output else ())
        self.images: tuple[Image, ...] = request.images
        self.output_images: tuple[Image, ...] = output.images if output else ()
        self._views: dict[int, Views] = {}
        self._readings: dict[int, Reading | None] = {}

    def views(self, part: int) -> Views:
        """The normalised views of one part."""
        found = self._views.get(part)
        if found is None:
            found = self._views[part] = Views(self.parts[part].text)
        return found

    def new_parts(self) -> Iterator[tuple[int, TextPart, Views]]:
        """The parts not seen before, each with its index and views."""
        for index in range(self.fresh, len(self.parts)):
            yield index, self.parts[index], self.views(index)

    def reading(self, part: int) -> Reading | None:
        """What one part says once its disguises are undone; None where it has none.

        Its views show no skeleton any more: all that it says is in the reading.
        """
        if part not in self._readings:
            from guardrail.detect.disguise import read

            before, close = self._before(part)
            self._readings[part] = found = read(self.views(part), before, close=close)
            if found:
                self.views(part).read_elsewhere()
        return self._readings[part]

    def _before(self, part: int) -> tuple[str, bool]:
        """The text of the message by the same speaker that this part may go on with.

        The truth value: whether nobody spoke in between.
        """
        role = self.parts[part].role
        if not part or role != "user":
            return "", False
        earlier = (p.text for p in reversed(self.parts[:part]) if p.role == role)
        return next(earlier, ""), self.parts[part - 1].role == role

    def since(self, part: int) -> Document:
        """The same document for a detector that has already seen the parts before `part`."""
        if part == self.fresh:
            return self
        twin = copy.copy(self)
        twin.fresh = part
        return twin


@runtime_checkable
class Detector(Protocol):
    """Reads a document and reports what it saw.

    name: dotted and unique, such as `sexual.text`. version: changes when findings may.
    provides: the facts its findings bear on; a fact is complete when all its providers answered.
    cost: typical microseconds for a 40-word prompt; cheap detectors are asked first.
    inline: promises time linear in the (capped) text, so it runs in the caller's thread;
        any other runs in a worker thread under the policy's time limit.
    """

    name: str
    version: str
    provides: frozenset[FactName]
    cost: float
    inline: bool

    def detect(self, document: Document) -> Iterable[Finding]:
        """Report findings with spans into `document.parts`; raise when it cannot tell.

        Must be safe to call from several threads and must not keep the text.
        """
        ...
