"""Legacy text completions: `POST .../complete`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from guardrail.adapters.wire.anthropic.dialect import DIALECT
from guardrail.adapters.wire.asked import add_the_rest
from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content, get, word
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.sse import Event
from guardrail.adapters.wire.strict import answered, json_object
from guardrail.records import Decision, Operation, Output

SETTINGS = frozenset(
    {
        "max_tokens_to_sample", "metadata", "model", "stop_sequences", "stream", "temperature",
        "top_k", "top_p",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""


class CompletionEvents:
    """Reads the events of a completion."""

    def read(self, event: Event) -> Sequence[tuple[str, str]]:
        """The text in an event. Raises ValueError for one unreadable."""
        value = _told(event)
        if value.get("type") == "completion":
            return (("content:0", _said(value)),)
        message = get(value.get("error"), "message")
        return (("error", message),) if isinstance(message, str) else ()

    def ended(self, event: Event) -> Sequence[str]:
        """The channels that end with this event."""
        return ("content:0", "error") if _told(event).get("stop_reason") else ("error",)

    def failed(self, event: Event) -> bool:
        """Whether the server tells of an error within the stream."""
        return _told(event).get("type") == "error"

    def head(self, event: Event, keep: int) -> Event | None:
        """The event with the first `keep` code points of its text, and no end."""
        value = _told(event)
        if value.get("type") != "completion":
            return None
        cut = {**value, "completion": _said(value)[:keep], "stop_reason": None, "stop": None}
        return replace(event, data=json.dumps(cut))

    def stop(self, decision: Decision) -> Event:
        """The last event of a stopped stream."""
        del decision
        end = {"type": "completion", "completion": "", "stop_reason": "refusal", "stop": None}
        return Event(json.dumps(end), "completion")


def _told(event: Event) -> Mapping[str, Any]:
    value = answered(event.data) if event.data else {}
    if not isinstance(value, Mapping):
        raise ValueError("an event that is no object")  # noqa: TRY004  its shape
    return value


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = Content(limit_bytes)
    content.text(body.get("prompt"), origin="prompt")
    add_the_rest(content, body, ("prompt",), SETTINGS.__contains__)
    request = content.request(Operation.TEXT, model=word(body.get("model")))
    return Asked(request, streams=body.get("stream") is True)


def _output(reply: Reply) -> Output:
    content = Content(0)
    content.text(_said(answered(reply.body.decode("utf-8"))), "assistant", "output")
    return Output(tuple(content.parts))


def _said(value: object) -> str:
    said = get(value, "completion")
    if not isinstance(said, str):
        raise ValueError("a reply without a completion")  # noqa: TRY004  its shape
    return said


COMPLETE = Codec("anthropic.complete", Operation.TEXT, DIALECT, _read, _output, CompletionEvents)
