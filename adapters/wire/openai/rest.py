"""What a reply says in fields that no reader knows: other servers add theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from guardrail.adapters.wire.content import Content, get, items
from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.strict import reply_object
from guardrail.records import Output

_FILTER = {"content_filter_result", "content_filter_results", "prompt_filter_results"}
_TOKENS = {"prompt_logprobs", "prompt_token_ids", "token_ids"}
REPLY = frozenset(
    {
        "choices", "created", "created_at", "id", "input_user", "metadata", "model", "object",
        "obfuscation", "request_id", "service_tier", "system_fingerprint", "tool_choice", "tools",
        "usage", *_FILTER, *_TOKENS,
    }
)  # fmt: skip
"""Fields around a reply that say nothing, or are read elsewhere."""
CHOICE = frozenset(
    {"delta", "finish_reason", "index", "logprobs", "message", "stop_reason", "text"}
    | _FILTER
    | _TOKENS
)
MESSAGE = frozenset(
    {"audio", "content", "images", "reasoning_content", "refusal", "role", "tool_calls"}
) | {"function_call"}
CALL = frozenset({"arguments", "custom", "function", "id", "index", "input", "type"})
PART = frozenset({"image_url", "logprobs", "refusal", "text", "thinking", "transcript", "type"})


def chat_rest(output: Output, reply: Mapping[str, Any]) -> Output:
    """The output with what the fields of a chat or legacy completion say that it does not know."""
    content = Content(LIMIT_BYTES)
    leftover(content, reply, REPLY)
    for choice in items(reply.get("choices")):
        leftover(content, choice, CHOICE)
        message = get(choice, "message")
        leftover(content, message, MESSAGE)
        leftover(content, get(message, "audio"), frozenset({"data", "transcript"}))
        for part in items(get(message, "content")):
            leftover(content, part, PART)
        for call in (get(message, "function_call"), *items(get(message, "tool_calls"))):
            for part in (call, get(call, "function"), get(call, "custom")):
                leftover(content, part, CALL)
    return with_content(output, content)


def with_content(output: Output, content: Content) -> Output:
    """The output, and what was collected besides."""
    problem = output.problem or content.problem
    problem = problem or next((image.problem for image in content.images if image.problem), "")
    images = (*output.images, *content.images)
    return replace(output, parts=(*output.parts, *content.parts), images=images, problem=problem)


def leftover(content: Content, value: object, known: frozenset[str]) -> None:
    """Read the fields of a mapping that have other names; of anything else nothing."""
    if isinstance(value, dict) and value.keys() - known:
        rest = {name: value[name] for name in value if name not in known}
        content.everything(rest, "assistant", "output")


def read_with(reader: Callable[[object], Output]) -> Callable[[Reply], Output]:
    """An output reader of JSON replies that also reads what `reader` does not know."""

    def read(reply: Reply) -> Output:
        body = reply_object(reply)
        return chat_rest(reader(body), body)

    return read
