"""Messages: `POST .../messages`, and the same body on Vertex AI (`:rawPredict`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from guardrail.adapters.wire.anthropic.blocks import Voice, read_block, read_blocks, read_fields
from guardrail.adapters.wire.anthropic.dialect import DIALECT
from guardrail.adapters.wire.anthropic.events import MessageEvents
from guardrail.adapters.wire.asked import add_the_rest
from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content, items, word
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.strict import answered, json_object
from guardrail.adapters.wire.tools import makes_pictures, offers_pictures
from guardrail.records import Operation, Output

SETTINGS = frozenset(
    {
        "anthropic_beta", "anthropic_version", "billing_policy", "cache_control", "compaction",
        "container", "context_management", "diagnostics", "inference_geo", "max_tokens",
        "mcp_servers", "metadata", "model", "output_config", "output_format", "service_tier",
        "speed", "stop_sequences", "stream", "temperature", "thinking", "tool_choice", "tools",
        "top_k", "top_p", "user_profile_id", "workspace_id", "fallback_credit_token",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content; every other is read."""

_ANSWER = Voice("assistant", "output", strict=False)
_VERTEX = re.compile(r"/models/([^/:]+):")


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = Content(limit_bytes)
    read_blocks(content, body.get("system"), Voice("system", "prompt"))
    messages = body.get("messages")
    if not isinstance(messages, list):
        content.unreadable("the messages are not a list")
    for turn, message in enumerate(items(messages)):
        _message(content, message, turn)
    if (body.get("thread") or {"type": "create"}) != {"type": "create"}:
        content.unreadable("thread: what the provider keeps cannot be screened")
    add_the_rest(content, body, ("messages", "system", "thread"), SETTINGS.__contains__)
    return Asked(_request(content, call, body), streams=_streams(call, body))


def _message(content: Content, message: object, turn: int) -> None:
    if not isinstance(message, Mapping):
        content.unreadable(f"a message given as {type(message).__name__} cannot be screened")
        return
    voice = Voice(word(message.get("role")) or "user", "message", turn)
    read_blocks(content, message.get("content"), voice)
    rest = {name: value for name, value in message.items() if name != "content"}
    read_fields(content, rest, voice)


def _request(content: Content, call: Call, body: Mapping[str, Any]) -> Any:
    on_vertex = _VERTEX.search(call.path)
    model = on_vertex[1] if on_vertex else word(body.get("model"))
    content.pictures = offers_pictures(body) or makes_pictures(model)
    return content.request(Operation.CHAT, model=model)


def _streams(call: Call, body: Mapping[str, Any]) -> bool:
    return body.get("stream") is True or call.path.rstrip("/").endswith(":streamRawPredict")


def _output(reply: Reply) -> Output:
    value = answered(reply.body.decode("utf-8"))
    blocks = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(blocks, list):
        raise ValueError("a reply without content")  # noqa: TRY004  its shape
    content = Content(LIMIT_BYTES)
    for block in blocks:
        read_block(content, block, _ANSWER)
    read_fields(content, {key: item for key, item in value.items() if key != "content"}, _ANSWER)
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


MESSAGES = Codec("anthropic.messages", Operation.CHAT, DIALECT, _read, _output, MessageEvents)
