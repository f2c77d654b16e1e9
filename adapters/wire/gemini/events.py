"""Replies of `generateContent`, whole or as the events of a stream: both have one shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.gemini.parts import Voice, field, fields, read_fields, several, spelled
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.strict import answered
from guardrail.records import Decision

_ANSWER = Voice("assistant", "output", strict=False)
_SAYS_NOTHING = frozenset({"candidates", "error", "promptfeedback", "usagemetadata"})


class ContentEvents:
    """Reads replies one after the other.

    content: takes in pictures; without it a picture counts as unreadable.
    """

    def __init__(self, content: Content | None = None) -> None:
        self._pictures = content
        self._said = 0
        self._candidates: dict[int, None] = {}
        self._head: dict[str, Any] = {}

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs. Raises ValueError for one unreadable."""
        return list(self.texts(answered(event.data))) if event.data else ()

    def texts(self, reply: object) -> Iterator[tuple[str, str]]:
        """The texts in one reply. Raises ValueError for one of another shape."""
        if not isinstance(reply, Mapping) or not _SAYS_NOTHING & {*map(spelled, reply)}:
            raise ValueError("a reply without candidates")
        self._head = {key: reply[key] for key in ("responseId", "modelVersion") if key in reply}
        for candidates in fields(reply, "candidates"):
            for place, candidate in enumerate(several(candidates)):
                yield from self._candidate(candidate, place)
        rest = {key: item for key, item in reply.items() if spelled(key) != "candidates"}
        yield from self._rest("reply", rest)

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream: every candidate ends for safety."""
        del decision
        ends = [{"index": n, "finishReason": "SAFETY"} for n in self._candidates or (0,)]
        return Event(json.dumps({"candidates": ends, **self._head}))

    def _candidate(self, candidate: object, place: int) -> Iterator[tuple[str, str]]:
        if not isinstance(candidate, Mapping):
            raise ValueError("a candidate that is no object")  # noqa: TRY004  its shape
        number = field(candidate, "index")
        number = number if isinstance(number, int) else place
        self._candidates[number] = None
        for said in fields(candidate, "content"):
            for parts in fields(said, "parts"):
                for part in several(parts):
                    yield from self._part(part, number)
        rest = {key: item for key, item in candidate.items() if spelled(key) != "content"}
        yield from self._rest(f"candidate:{number}", rest)

    def _part(self, part: object, number: int) -> Iterator[tuple[str, str]]:
        if not isinstance(part, Mapping):
            raise ValueError("a part that is no object")  # noqa: TRY004  its shape
        kind = "reasoning" if field(part, "thought") is True else "content"
        for text in fields(part, "text"):
            if isinstance(text, str):
                yield f"{kind}:{number}", text
            elif text is not None:
                raise ValueError(f"a text given as {type(text).__name__}")
        for call in fields(part, "functioncall"):
            yield from _partial(call, number)
        rest = {key: item for key, item in part.items() if spelled(key) != "text"}
        yield from self._rest(f"part:{number}", rest)

    def _rest(self, kind: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        content = self._pictures or Content(0)
        before = len(content.parts)
        read_fields(content, value, _ANSWER)
        if self._pictures is None and (content.images or content.problem):
            raise ValueError(content.problem or "a picture in a stream cannot be screened")
        for part in content.parts[before:]:
            self._said += 1
            name = "tool" if part.origin == "tool_arguments" else kind
            yield f"{name}:{self._said}", part.text


def _partial(call: object, number: int) -> Iterator[tuple[str, str]]:
    """Arguments that come piece by piece, each put together again under its path."""
    for pieces in fields(call, "partialargs"):
        for piece in several(pieces):
            said = field(piece, "stringvalue")
            if isinstance(said, str):
                yield f"tool:{number}:{field(piece, 'jsonpath')}", said
