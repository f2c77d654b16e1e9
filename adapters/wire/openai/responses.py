"""The Responses API: `POST .../responses`, and what is stored of it.

A stored response is judged as an output of its own: what was asked is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from guardrail.adapters.wire.asked import responses_content
from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content, items
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.fields import Known, is_on
from guardrail.adapters.wire.openai.items import ResponseEvents, response_rest
from guardrail.adapters.wire.replied import LIMIT_BYTES, responses_output
from guardrail.adapters.wire.strict import json_object, reply_object
from guardrail.records import Operation, Output, Request

SETTINGS = frozenset(
    {
        "background", "context_management", "conversation", "include", "max_output_tokens",
        "max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls",
        "previous_response_id", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store",
        "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs",
        "top_p", "truncation", "user",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""

_NO_PICTURES = "a streamed picture cannot be screened: ask for it without `stream`"


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = responses_content(body, limit_bytes)
    if is_on(body.get("stream")) and any(map(_shows_partial, items(body.get("tools")))):
        content.unreadable(_NO_PICTURES)
    read = ("input", "instructions", "prompt")
    return Known(Operation.CHAT, read, SETTINGS).asked(content, call, body)


def _shows_partial(tool: object) -> bool:
    return isinstance(tool, Mapping) and bool(tool.get("partial_images"))


def _output(reply: Reply) -> Output:
    body = reply_object(reply)
    return response_rest(responses_output(body), body)


def _stored(call: Call, limit_bytes: int) -> Asked:
    """Nothing is asked but what is stored: the query says whether as a stream."""
    del limit_bytes
    asked = parse_qs(call.query).get("stream", [""])
    return Asked(Request(Operation.CHAT), streams=any(map(is_on, asked)))


def _listed(reply: Reply) -> Output:
    body: Mapping[str, Any] = reply_object(reply)
    if not isinstance(body.get("data"), list):
        raise ValueError("a list without data")  # noqa: TRY004  its shape
    content = Content(LIMIT_BYTES)
    content.everything(body["data"], "assistant", "output")
    problem = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or problem)


def _cancelled(call: Call, limit_bytes: int) -> Asked:
    del limit_bytes
    if call.body.whole().strip():
        content = Content(0)
        content.everything(json_object(call))
        return Asked(content.request(Operation.CHAT))
    return Asked(Request(Operation.CHAT))


RESPONSES = Codec("openai.responses", Operation.CHAT, DIALECT, _read, _output, ResponseEvents)
STORED = Codec("openai.responses.stored", Operation.CHAT, DIALECT, _stored, _output, ResponseEvents)
CANCELLED = Codec("openai.responses.cancel", Operation.CHAT, DIALECT, _cancelled, _output)
LISTED = Codec("openai.listed", Operation.CHAT, DIALECT, _stored, _listed)
"""A list of stored items or messages: all of them are read as outputs."""
