"""Chat completions: `POST .../chat/completions`."""

from __future__ import annotations

from guardrail.adapters.wire.asked import chat_content
from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import items
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.events import ChunkEvents
from guardrail.adapters.wire.openai.fields import Known, is_on
from guardrail.adapters.wire.openai.rest import read_with
from guardrail.adapters.wire.replied import chat_output
from guardrail.adapters.wire.strict import json_object
from guardrail.records import Operation

SETTINGS = frozenset(
    {
        "audio", "bad_words", "frequency_penalty", "function_call", "functions", "logit_bias",
        "logprobs", "max_completion_tokens", "max_tokens", "metadata", "modalities", "model",
        "moderation", "n", "parallel_tool_calls", "presence_penalty", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format",
        "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
        "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
        "web_search_options",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = chat_content(body, limit_bytes)
    if is_on(body.get("stream")) and "audio" in items(body.get("modalities")):
        content.unreadable("sound in a stream cannot be screened: ask for it without `stream`")
    return Known(Operation.CHAT, ("messages",), SETTINGS).asked(content, call, body)


def _reader() -> ChunkEvents:
    return ChunkEvents(lambda _: {"delta": {}, "finish_reason": "content_filter"})


CHAT = Codec("openai.chat", Operation.CHAT, DIALECT, _read, read_with(chat_output), _reader)
