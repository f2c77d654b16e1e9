"""Chunks of OpenAI's streams as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from guardrail.adapters.wire.content import IDENTIFIER, get, items
from guardrail.adapters.wire.openai.rest import CALL, CHOICE, MESSAGE, REPLY, delta_rest
from guardrail.adapters.wire.replied import ChunkReader
from guardrail.adapters.wire.sse import Event
from guardrail.records import Decision

DONE = "[DONE]"


class ChunkEvents:
    """Reads events that hold the chunks of a chat or a legacy completion.

    end: what one choice of the last chunk of a stopped stream says, by its index.
    """

    def __init__(self, end: Callable[[int], Mapping[str, Any]]) -> None:
        self._end = end
        self._chunks = ChunkReader(self._stop)

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs.

        Raises ValueError for one unreadable: pictures and sound are, in a stream.
        """
        chunk = loaded(event)
        if chunk is None:
            return ()
        rest = [pair for choice in items(chunk.get("choices")) for pair in _rest(choice)]
        rest.extend(delta_rest(chunk, REPLY, "", spare=IDENTIFIER))
        if chunk.get("error") is not None and "choices" not in chunk:
            return rest
        return [*self._chunks.read(chunk), *rest]

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream."""
        chunk: Event = self._chunks.stop(decision)
        return chunk

    def _stop(self, last: Mapping[str, Any] | None, choices: Sequence[int]) -> Event:
        head = {key: (last or {}).get(key) for key in ("id", "object", "created", "model")}
        ends = [{"index": index, **self._end(index)} for index in choices]
        chunk = {name: value for name, value in head.items() if value is not None}
        return Event(json.dumps({**chunk, "choices": ends}), then=DONE)


def loaded(event: Event) -> Mapping[str, Any] | None:
    """The JSON object in an event; None where it has none. Raises ValueError for another."""
    if not event.data or event.data == DONE:
        return None
    value = json.loads(event.data)
    if not isinstance(value, dict):
        raise ValueError("an event that is no object")  # noqa: TRY004  its shape
    return value


def _rest(choice: object) -> Iterator[tuple[str, str]]:
    delta = get(choice, "delta")
    if get(delta, "images") or get(get(delta, "audio"), "data"):
        raise ValueError("a picture or sound in a stream cannot be screened")
    where = str(get(choice, "index") or 0)
    yield from delta_rest(choice, CHOICE, where, spare=IDENTIFIER)
    yield from delta_rest(delta, MESSAGE, where)
    for call in (get(delta, "function_call"), *items(get(delta, "tool_calls"))):
        for part in (call, get(call, "function"), get(call, "custom")):
            yield from delta_rest(part, CALL, f"call:{where}", spare=IDENTIFIER)
