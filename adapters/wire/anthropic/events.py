"""Events of a streamed message.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from guardrail.adapters.wire.anthropic.blocks import Voice, read_block, read_fields
from guardrail.adapters.wire.content import Content, get
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.strict import answered
from guardrail.records import Decision

_ANSWER = Voice("assistant", "output", strict=False)
_DELTAS = {
    "text_delta": ("text", "content"),
    "thinking_delta": ("thinking", "reasoning"),
    "input_json_delta": ("partial_json", "tool"),
}


@dataclass(frozen=True, slots=True)
class Ending(Event):
    """Several events that are released as one."""

    last: tuple[Event, ...] = ()

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes, self.last))


class MessageEvents:
    """Reads the events of one message; keeps count of what is open, to close it after a stop."""

    def __init__(self) -> None:
        self._begun = False
        self._started: dict[int, None] = {}
        self._stopped: set[int] = set()
        self._said = 0
        self._whole: list[str] = []
        self._model: object = ""

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs. Raises ValueError for one unreadable."""
        self._whole = []
        if not event.data:
            return ()
        value, kind, index = _parsed(event)
        if kind == "content_block_delta":
            return list(self._delta(value.get("delta"), index))
        if kind == "content_block_start":
            self._started[index] = None
            return list(self._block(value.get("content_block"), index))
        if kind == "content_block_stop":
            self._stopped.add(index)
        elif kind == "message_start":
            self._begun = True
            self._model = get(value.get("message"), "model")
        return list(self._texts(kind, value))

    def ended(self, event: Event) -> Sequence[str]:
        """The channels of the block that this event ends, and those it has told as a whole."""
        if event.data:
            _, kind, index = _parsed(event)
            if kind == "content_block_stop":
                return [*self._whole, *(f"{channel}:{index}" for _, channel in _DELTAS.values())]
        return self._whole

    def failed(self, event: Event) -> bool:
        """Whether the server tells of an error within the stream."""
        return bool(event.data) and _parsed(event)[1] == "error"

    def head(self, event: Event, keep: int) -> Event | None:
        """The event with the first `keep` code points of its text, where it tells one piece."""
        value, kind, index = _parsed(event)
        cut = None
        if kind == "content_block_delta":
            cut = _cut_delta(value["delta"], keep)
        elif kind == "content_block_start":
            cut = _cut_block(value.get("content_block"), keep)
        return (
            replace(event, data=json.dumps({"type": kind, "index": index, **cut})) if cut else None
        )

    def recall(self, unreleased: Sequence[Event]) -> None:
        """Forget events that were read and never released."""
        for event in unreleased:
            if not event.data:
                continue
            _, kind, index = _parsed(event)
            if kind == "content_block_start":
                self._started.pop(index, None)
            elif kind == "content_block_stop":
                self._stopped.discard(index)
            elif kind == "message_start":
                self._begun = False

    def stop(self, decision: Decision) -> Event:
        """The last events of a stopped stream: open blocks end, and the message is refused."""
        return Ending(last=tuple(self._end(decision)))

    def _end(self, decision: Decision) -> Iterator[Event]:
        if not self._begun:
            yield _event("message_start", message=_empty(self._model))
        for index in self._started:
            if index not in self._stopped:
                yield _event("content_block_stop", index=index)
        details = {"type": "refusal", "category": None, "explanation": decision.reason}
        delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
        yield _event("message_delta", delta=delta, usage={"output_tokens": 0})
        yield _event("message_stop")

    def _delta(self, delta: object, index: int) -> Iterator[tuple[str, str]]:
        if not isinstance(delta, Mapping):
            raise ValueError("an event without a delta")  # noqa: TRY004  its shape
        name, channel = _DELTAS.get(str(delta.get("type")), ("", ""))
        if name:
            said = delta.get(name)
            if not isinstance(said, str):
                raise ValueError(f"a delta given as {type(said).__name__}")
            yield f"{channel}:{index}", said
        rest = {key: value for key, value in delta.items() if key != name}
        yield from self._texts(f"delta:{index}", rest)

    def _block(self, block: object, index: int) -> Iterator[tuple[str, str]]:
        content = Content(0)
        read_block(content, block, _ANSWER)
        text = get(block, "text") or get(block, "thinking")
        for said in _all_texts(content):
            kind = "content" if get(block, "text") else "reasoning"
            yield self._channel(f"block:{index}") if said != text else f"{kind}:{index}", said

    def _texts(self, kind: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        content = Content(0)
        read_fields(content, value, _ANSWER)
        for said in _all_texts(content):
            yield self._channel(kind), said

    def _channel(self, kind: str) -> str:
        self._said += 1
        self._whole.append(f"{kind}:{self._said}")
        return self._whole[-1]


def _parsed(event: Event) -> tuple[Mapping[str, Any], str, int]:
    value = answered(event.data)
    kind, index = get(value, "type"), get(value, "index")
    if not isinstance(value, Mapping) or not isinstance(kind, str):
        raise ValueError("an event without a type")  # noqa: TRY004  its shape
    return value, kind, index if isinstance(index, int) else 0


def _cut_delta(delta: Mapping[str, Any], keep: int) -> dict[str, Any] | None:
    name, _ = _DELTAS.get(str(delta.get("type")), ("", ""))
    return {"delta": {"type": delta["type"], name: delta[name][:keep]}} if name else None


def _cut_block(block: object, keep: int) -> dict[str, Any] | None:
    """A block that begins with a text, which is what is read first of it."""
    name = next((name for name in ("text", "thinking") if get(block, name)), "")
    content = Content(0)
    read_block(content, block, _ANSWER)
    if not name or content.parts[0].text != get(block, name):
        return None
    signed = {"signature": ""} if name == "thinking" else {}
    cut = {"type": get(block, "type"), name: get(block, name)[:keep], **signed}
    return {"content_block": cut}


def _all_texts(content: Content) -> list[str]:
    if content.images or content.problem:
        raise ValueError(content.problem or "a picture in a stream cannot be screened")
    return [part.text for part in content.parts]


def _event(kind: str, **fields: object) -> Event:
    return Event(json.dumps({"type": kind, **fields}), kind)


def _empty(model: object) -> dict[str, object]:
    usage = {"input_tokens": 0, "output_tokens": 0}
    ends = {"stop_reason": None, "stop_sequence": None}
    head = {"id": "msg_stopped", "type": "message", "role": "assistant", "content": []}
    return {**head, "model": model or "", **ends, "usage": usage}
