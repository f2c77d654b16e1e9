"""Chunks of OpenAI's streams as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from guardrail.adapters.wire.chunks import ChunkReader, says_content_only
from guardrail.adapters.wire.content import IDENTIFIER, Content, get, items
from guardrail.adapters.wire.openai.rest import CALL, CHOICE, REPLY
from guardrail.adapters.wire.pieces import delta_rest
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.strict import answered
from guardrail.records import Decision

DONE = "[DONE]"
_KNOWN = REPLY | {"error"}
_HEAD = ("id", "object", "created", "model")


class ChunkEvents:
    """Reads events that hold the chunks of a chat or a legacy completion.

    An error that the server reports within the stream is read as a text, and released as one: the
    client's SDK then raises it. What comes with no text (usage, `[DONE]`, comments) is released in
    its turn.

    end: what one choice of the last chunk of a stopped stream says, by its index.
    """

    def __init__(self, end: Callable[[int], Mapping[str, Any]]) -> None:
        self._end = end
        self._errors: dict[str, str] = {}
        self._chunks = ChunkReader(self._stop, _chunk)
        self._newest: tuple[Event, Mapping[str, Any] | None] = (Event(), None)

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs.

        Raises ValueError for one unreadable: pictures and sound are, in a stream.
        """
        chunk = loaded(event)
        self._newest = event, chunk
        if chunk is None:
            return ()
        rest = [pair for choice in items(chunk.get("choices")) for pair in _rest(choice)]
        rest.extend(delta_rest(chunk, _KNOWN, "other:", spare=IDENTIFIER))
        error = chunk.get("error")
        if error is None:
            return [*self._chunks.read(chunk), *rest]
        said = self._chunks.read(chunk) if chunk.get("choices") is not None else ()
        told = [(f"error:{n}", text) for n, text in enumerate(_strings(error))]
        self._errors.update(dict(told))
        return [*said, *rest, *told]

    def ended(self, event: Event) -> Sequence[str]:
        """The channels that end with this event."""
        chunk = self._loaded(event)
        return [] if chunk is None else [*self._chunks.ended(chunk), *self._errors]

    def head(self, event: Event, keep: int) -> Event | None:
        """The event with the first `keep` code points of its texts, and nothing else."""
        chunk = loaded(event)
        head = self._chunks.head(chunk, keep) if chunk is not None else None
        return None if head is None else replace(event, data=head, then="")

    def failed(self, event: Event) -> bool:
        """Whether the server tells of an error within the stream."""
        chunk = self._loaded(event)
        return chunk is not None and chunk.get("error") is not None

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream."""
        chunk: Event = self._chunks.stop(decision)
        return chunk

    def _loaded(self, event: Event) -> Mapping[str, Any] | None:
        """As `loaded`; what was read last is not read again."""
        newest, chunk = self._newest
        return chunk if newest is event else loaded(event)

    def _stop(self, last: Mapping[str, Any] | None, choices: Sequence[int]) -> Event:
        ends = [{"index": index, **self._end(index)} for index in choices]
        return Event(json.dumps({**_identity(last or {}), "choices": ends}), then=DONE)


def loaded(event: Event) -> Mapping[str, Any] | None:
    """The JSON object in an event; None where it has none. Raises ValueError for another."""
    if not event.data or event.data == DONE:
        return None
    value = answered(event.data)
    if not isinstance(value, dict):
        raise ValueError("an event that is no object")  # noqa: TRY004  its shape
    return value


def _rest(choice: object) -> Iterator[tuple[str, str]]:
    """What stands beside the delta, and beside what is read of its calls."""
    if says_content_only(choice):
        return
    delta = get(choice, "delta")
    if get(delta, "images") or get(get(delta, "audio"), "data"):
        raise ValueError("a picture or sound in a stream cannot be screened")
    where = str(get(choice, "index") or 0)
    yield from delta_rest(choice, CHOICE, f"other:{where}", spare=IDENTIFIER)
    for call in (get(delta, "function_call"), *items(get(delta, "tool_calls"))):
        for part in (call, get(call, "function"), get(call, "custom")):
            yield from delta_rest(part, CALL, f"call:{where}", spare=IDENTIFIER)


def _chunk(chunk: Mapping[str, Any], choices: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({**_identity(chunk), "choices": choices})


def _identity(chunk: Mapping[str, Any]) -> dict[str, Any]:
    return {name: chunk[name] for name in _HEAD if chunk.get(name) is not None}


def _strings(error: object) -> list[str]:
    content = Content(LIMIT_BYTES)
    content.everything(error, "assistant", "output")
    if content.problem:
        raise ValueError(content.problem)
    return [part.text for part in content.parts]
