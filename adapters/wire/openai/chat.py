"""Chat completions: `POST .../chat/completions`."""

from __future__ import annotations

import json

from guardrail.adapters.wire.asked import add_the_rest, chat_content
from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.events import ChunkEvents
from guardrail.adapters.wire.replied import chat_output
from guardrail.adapters.wire.strict import json_object
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.records import Operation, Output

SETTINGS = frozenset(
    {
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
        "max_completion_tokens", "max_tokens", "metadata", "modalities", "model", "n",
        "parallel_tool_calls", "presence_penalty", "prompt_cache_key", "prompt_cache_retention",
        "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop",
        "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs",
        "top_p", "user", "verbosity", "web_search_options",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = chat_content(body, limit_bytes)
    add_the_rest(content, body, ("messages",), SETTINGS.__contains__)
    model = str(body.get("model") or "")
    content.pictures = content.pictures or makes_pictures(model)
    return Asked(content.request(Operation.CHAT, model=model), streams=body.get("stream") is True)


def _output(reply: Reply) -> Output:
    return chat_output(json.loads(reply.body))


def _reader() -> ChunkEvents:
    return ChunkEvents(lambda _: {"delta": {}, "finish_reason": "content_filter"})


CHAT = Codec("openai.chat", Operation.CHAT, DIALECT, _read, _output, _reader)
