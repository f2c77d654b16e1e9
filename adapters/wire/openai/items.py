"""Items and events of the Responses API, read to the last field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from guardrail.adapters.wire.content import IDENTIFIER, Content, get, items
from guardrail.adapters.wire.item_events import EventReader, identity
from guardrail.adapters.wire.openai.events import loaded
from guardrail.adapters.wire.openai.rest import PART, leftover, with_content
from guardrail.adapters.wire.pieces import delta_rest
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.sse import Event
from guardrail.records import Decision, Output

_RESPONSE = frozenset(
    {
        "background", "completed_at", "conversation", "created_at", "frequency_penalty", "id",
        "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation",
        "object", "output", "parallel_tool_calls", "presence_penalty", "previous_response_id",
        "prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning",
        "safety_identifier", "service_tier", "status", "store", "temperature", "text",
        "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "usage", "user",
    }
)  # fmt: skip
_MARKS = {"agent", "call_id", "created_by", "encrypted_content", "fingerprint", "id", "namespace"}
_ITEM = frozenset(
    {
        "action", "arguments", "code", "content", "input", "output", "outputs", "phase", "results",
        "role", "status", "summary", "type", *_MARKS,
    }
)  # fmt: skip
_MADE = frozenset({"revised_prompt", "result"})
_EVENT = frozenset(
    {
        "annotation_index", "arguments", "code", "content_index", "delta", "input", "item",
        "item_id", "logprobs", "obfuscation", "output_index", "part", "partial_image_index",
        "refusal", "response", "sequence_number", "summary_index", "text", "type",
    }
)  # fmt: skip
_EMPTY = {
    "id": "", "object": "response", "created_at": 0, "model": "", "parallel_tool_calls": False,
    "tool_choice": "auto", "tools": [],
}  # fmt: skip


def response_rest(output: Output, response: Mapping[str, Any]) -> Output:
    """The output with what the fields of a response say that it does not know."""
    content = Content(LIMIT_BYTES)
    leftover(content, response, _RESPONSE)
    for item in items(response.get("output")):
        leftover(content, item, _known(item))
        for part in (*items(get(item, "content")), *items(get(item, "summary"))):
            leftover(content, part, PART)
    return with_content(output, content)


class ResponseEvents:
    """Reads the events of one stream of the Responses API."""

    def __init__(self) -> None:
        self._events = EventReader(self._stop)
        self._seen: set[str] = set()
        self._rest: list[str] = []
        self._next = 0

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs.

        Raises ValueError for one unreadable: pictures and sound are, in a stream.
        """
        body = loaded(event)
        if body is None:
            return ()
        plain = _is_plain_error(body)
        told = delta_rest(body, frozenset(), "", spare=IDENTIFIER) if plain else self._fresh(body)
        rest = list(told)
        self._rest = [channel for channel, _ in rest]
        if plain:
            return rest
        _refuse_pictures(body)
        number = body.get("sequence_number")
        self._next = number + 1 if isinstance(number, int) else self._next + 1
        return [*self._events.read(body), *rest]

    def ended(self, event: Event) -> Sequence[str]:
        """The channels that end with this event."""
        body = loaded(event)
        if body is None:
            return ()
        return self._rest if _is_plain_error(body) else [*self._events.ended(body), *self._rest]

    def failed(self, event: Event) -> bool:
        """Whether the server tells of an error within the stream."""
        body = loaded(event)
        return body is not None and (_is_plain_error(body) or self._events.failed(body))

    def head(self, event: Event, keep: int) -> Event | None:
        """The event with the first `keep` code points of its text, where it is a delta."""
        body = loaded(event)
        head = None if body is None or _is_plain_error(body) else self._events.head(body, keep)
        return None if head is None else replace(event, data=json.dumps(head))

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream: `response.incomplete`, reason `content_filter`."""
        event: Event = self._events.stop(decision)
        return event

    def _fresh(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for text in _rest(body):
            if text not in self._seen:
                self._seen.add(text)
                yield f"rest:{len(self._seen)}", text

    def _stop(self, first: Mapping[str, Any] | None, choices: Sequence[int]) -> Event:
        del choices
        response = {
            **_EMPTY,
            **identity(get(first, "response")),
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": [],
        }
        kind = "response.incomplete"
        body = {"type": kind, "response": response, "sequence_number": self._next}
        return Event(json.dumps(body), kind)


def _is_plain_error(body: Mapping[str, Any]) -> bool:
    return body.get("error") is not None and "type" not in body


def _rest(body: Mapping[str, Any]) -> Iterator[str]:
    response = body.get("response")
    known = [(body, _EVENT), (body.get("part"), PART), (response, _RESPONSE)]
    for item in (body.get("item"), *items(get(response, "output"))):
        known.append((item, _known(item)))
        known.extend((part, PART) for part in items(get(item, "content")))
        known.extend((part, PART) for part in items(get(item, "summary")))
    for value, names in known:
        for _, text in delta_rest(value, names, "", spare=IDENTIFIER):
            yield text


def _known(item: object) -> frozenset[str]:
    return _ITEM | _MADE if get(item, "type") == "image_generation_call" else _ITEM


def _refuse_pictures(body: Mapping[str, Any]) -> None:
    kind = body.get("type")
    made = [body.get("item"), *items(get(body.get("response"), "output"))]
    if (
        "partial_image_b64" in body
        or (isinstance(kind, str) and kind.startswith("response.audio."))
        or any(
            get(item, "type") == "image_generation_call" and get(item, "result") for item in made
        )
    ):
        raise ValueError("a picture or sound in a stream cannot be screened")
