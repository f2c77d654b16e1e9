"""Replies of `generateContent`, whole or as the events of a stream: both have one shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.gemini.parts import (
    Voice,
    field,
    fields,
    is_identifier,
    read_fields,
    several,
    spelled,
)
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.strict import answered
from guardrail.records import Decision

_ANSWER = Voice("assistant", "output", strict=False)
_SAYS_NOTHING = frozenset({"candidates", "error", "promptfeedback", "usagemetadata"})


_PATH = re.compile(r"[\w.$\[\]-]*", re.ASCII)

Make = Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Said:
    """A text, and the candidate it stands in. part: makes a part that says a text instead of it."""

    channel: str
    text: str
    number: int = 0
    part: Make | None = None


class ContentEvents:
    """Reads replies one after the other.

    content: takes in pictures; without it a picture counts as unreadable.
    """

    def __init__(self, content: Content | None = None) -> None:
        self._pictures = content
        self._said = 0
        self._channels: dict[int, dict[str, None]] = {}
        self._over: list[str] = []
        self._head: dict[str, Any] = {}

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs. Raises ValueError for one unreadable."""
        self._over = []
        return list(self.texts(answered(event.data))) if event.data else ()

    def ended(self, event: Event) -> Sequence[str]:
        """The channels of candidates that end with this event, and those it has told as a whole."""
        reply = json.loads(event.data) if event.data else {}
        return [*self._over, *(name for n in _finished(reply) for name in self._channels[n])]

    def failed(self, event: Event) -> bool:
        """Whether the server tells of an error within the stream."""
        return bool(event.data) and field(json.loads(event.data), "error") is not None

    def head(self, event: Event, keep: int) -> Event | None:
        """The event with the first `keep` code points of its texts, and nothing else."""
        parts: dict[int, list[dict[str, Any]]] = {}
        for said in self._said_in(json.loads(event.data)):
            if not keep or said.part is None:
                break
            parts.setdefault(said.number, []).append(said.part(said.text[:keep]))
            keep -= min(keep, len(said.text))
        candidates = [
            {"index": n, "content": {"role": "model", "parts": one}} for n, one in parts.items()
        ]
        return Event(json.dumps({"candidates": candidates, **self._head})) if parts else None

    def texts(self, reply: object) -> Iterator[tuple[str, str]]:
        """The texts in one reply. Raises ValueError for one of another shape."""
        return ((said.channel, said.text) for said in self._said_in(reply))

    def _said_in(self, reply: object) -> Iterator[_Said]:
        if not isinstance(reply, Mapping) or not _SAYS_NOTHING & {*map(spelled, reply)}:
            raise ValueError("a reply without candidates")
        self._head = {key: reply[key] for key in ("responseId", "modelVersion") if key in reply}
        for candidates in fields(reply, "candidates"):
            for place, candidate in enumerate(several(candidates)):
                yield from self._candidate(candidate, place)
        rest = {key: item for key, item in reply.items() if spelled(key) != "candidates"}
        yield from self._rest("reply", rest)

    def _known(self, pieces: Iterator[_Said]) -> Iterator[_Said]:
        for said in pieces:
            self._channels[said.number][said.channel] = None
            yield said

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream: every candidate ends for safety."""
        del decision
        ends = [{"index": n, "finishReason": "SAFETY"} for n in self._channels or (0,)]
        return Event(json.dumps({"candidates": ends, **self._head}))

    def _candidate(self, candidate: object, place: int) -> Iterator[_Said]:
        if not isinstance(candidate, Mapping):
            raise ValueError("a candidate that is no object")  # noqa: TRY004  its shape
        number = _number(candidate, place)
        self._channels.setdefault(number, {})
        for said in fields(candidate, "content"):
            for parts in fields(said, "parts"):
                for part in several(parts):
                    yield from self._known(_pieces(part, number))
                    rest = {key: item for key, item in part.items() if spelled(key) != "text"}
                    yield from self._rest(f"part:{number}", rest)
        rest = {key: item for key, item in candidate.items() if spelled(key) != "content"}
        yield from self._rest(f"candidate:{number}", rest)

    def _rest(self, kind: str, value: Mapping[str, Any]) -> Iterator[_Said]:
        content = self._pictures or Content(0)
        before = len(content.parts)
        read_fields(content, value, _ANSWER)
        if self._pictures is None and (content.images or content.problem):
            raise ValueError(content.problem or "a picture in a stream cannot be screened")
        for part in content.parts[before:]:
            self._said += 1
            name = "tool" if part.origin == "tool_arguments" else kind
            self._over.append(f"{name}:{self._said}")
            yield _Said(self._over[-1], part.text)


def _pieces(part: object, number: int) -> Iterator[_Said]:
    """What a part says of a text that goes on from event to event."""
    if not isinstance(part, Mapping):
        raise ValueError("a part that is no object")  # noqa: TRY004  its shape
    thought = field(part, "thought") is True
    kind = "reasoning" if thought else "content"
    for text in fields(part, "text"):
        if isinstance(text, str):
            yield _Said(f"{kind}:{number}", text, number, _thought if thought else _plain)
        elif text is not None:
            raise ValueError(f"a text given as {type(text).__name__}")
    for call in fields(part, "functioncall"):
        yield from _partial(call, number)


def _plain(text: str) -> dict[str, Any]:
    return {"text": text}


def _thought(text: str) -> dict[str, Any]:
    return {"text": text, "thought": True}


def _partial(call: object, number: int) -> Iterator[_Said]:
    """Arguments that come piece by piece, each put together again under its path."""
    for pieces in fields(call, "partialargs"):
        for piece in several(pieces):
            said, path = field(piece, "stringvalue"), field(piece, "jsonpath")
            if isinstance(said, str):
                make = partial(_argument, call, path) if _PATH.fullmatch(str(path)) else None
                yield _Said(f"tool:{number}:{path}", said, number, make)


def _argument(call: object, path: object, text: str) -> dict[str, Any]:
    named = {name: field(call, name) for name in ("id", "name") if field(call, name) is not None}
    if not all(map(is_identifier, named.values())):
        named = {}
    piece = {"jsonPath": path, "stringValue": text, "willContinue": True}
    return {"functionCall": {**named, "partialArgs": [piece]}}


def _number(candidate: object, place: int) -> int:
    number = field(candidate, "index")
    return number if isinstance(number, int) else place


def _finished(reply: object) -> Iterator[int]:
    for candidates in fields(reply, "candidates"):
        for place, candidate in enumerate(several(candidates)):
            if field(candidate, "finishreason"):
                yield _number(candidate, place)
