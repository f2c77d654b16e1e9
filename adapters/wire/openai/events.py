"""Chunks of OpenAI's streams as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
        """The texts in an event as (channel, delta) pairs. Raises ValueError for one unreadable."""
        if not event.data or event.data == DONE:
            return ()
        return self._chunks.read(json.loads(event.data))

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream."""
        chunk: Event = self._chunks.stop(decision)
        return chunk

    def _stop(self, last: Mapping[str, Any] | None, choices: Sequence[int]) -> Event:
        head = {key: (last or {}).get(key) for key in ("id", "object", "created", "model")}
        ends = [{"index": index, **self._end(index)} for index in choices]
        chunk = {name: value for name, value in head.items() if value is not None}
        return Event(json.dumps({**chunk, "choices": ends}), then=DONE)
