"""Legacy completions: `POST .../completions`."""

from __future__ import annotations

from guardrail.adapters.wire.asked import text_content
from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.events import ChunkEvents
from guardrail.adapters.wire.openai.fields import Known
from guardrail.adapters.wire.openai.rest import read_with
from guardrail.adapters.wire.replied import text_output
from guardrail.adapters.wire.strict import json_object
from guardrail.records import Operation

SETTINGS = frozenset(
    {
        "bad_words", "best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens",
        "model", "n", "presence_penalty", "seed", "stop", "stream", "stream_options", "temperature",
        "top_p", "user",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = text_content(body, limit_bytes)
    return Known(Operation.TEXT, ("prompt", "suffix"), SETTINGS).asked(content, call, body)


def _reader() -> ChunkEvents:
    return ChunkEvents(lambda _: {"text": "", "logprobs": None, "finish_reason": "content_filter"})


COMPLETIONS = Codec(
    "openai.completions", Operation.TEXT, DIALECT, _read, read_with(text_output), _reader
)
