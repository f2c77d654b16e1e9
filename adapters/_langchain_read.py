"""What LangChain's messages, replies and chunks say; knows them by their fields alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guardrail.adapters._loose import take
from guardrail.adapters.wire.asked import add_the_rest
from guardrail.adapters.wire.content import Content, get, items, word
from guardrail.adapters.wire.openai.chat import SETTINGS
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.tools import makes_pictures, offers_pictures
from guardrail.records import Operation, Origin, Output, Request

_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "function": "tool"}
_TEXTS = {"text": "text", "input_text": "text", "output_text": "text", "text-plain": "text"} | {
    "refusal": "refusal",
}
_THOUGHTS = ("reasoning", "thinking", "reasoning_content")
_MEDIA = ("audio", "video", "file", "document", "input_audio", "input_file", "media", "container")
_CALLS = ("call", "tool_use", "input_json_delta", "code_interpreter")
_SILENT = ("id", "type", "index", "signature", "name", "call_id", "status", "encrypted_content")
_OWN = {"ls_structured_output_format", "stop", "strict", "stream", "stream_usage", "tools"} | {
    "run_manager",
}


def request(messages: Sequence[Any], kwargs: Mapping[str, Any], limit: int, model: str) -> Request:
    """What is asked; caller and conversation are left to the application."""
    content = Content(limit)
    for turn, message in enumerate(messages):
        _message(content, message, "message", turn)
    add_the_rest(content, kwargs, (), (SETTINGS | _OWN).__contains__)
    content.pictures = offers_pictures(kwargs) or makes_pictures(model)
    return content.request(Operation.CHAT, model=model)


def output(reply: Any) -> Output:
    """What a ChatResult says in all its generations."""
    content = Content(LIMIT_BYTES)
    for generation in reply.generations:
        _message(content, generation.message, "output", 0)
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


def deltas(chunk: Any) -> Sequence[tuple[str, str]]:
    """The texts of one chunk as (channel, delta) pairs. Raises ValueError for a picture in one."""
    message = chunk.message
    pairs = [*_said(message.content)]
    calls = items(get(message, "tool_call_chunks"))
    for place, call in enumerate(calls):
        number = place if call.get("index") is None else call["index"]
        pairs.append((f"tool:{number}", call.get("args")))
    for name, value in message.additional_kwargs.items():
        if name in ("tool_calls", "function_call"):
            pairs.extend((f"tool:{name}:{n}", text) for n, text in enumerate(_texts(value)))
        elif name not in _SILENT:
            pairs.extend((f"reasoning:{name}:{n}", text) for n, text in enumerate(_texts(value)))
    return [(channel, text) for channel, text in pairs if text]


def _message(content: Content, message: Any, origin: Origin, turn: int) -> None:
    role = word(get(message, "role")) or _ROLES.get(message.type, message.type)
    _blocks(content, message.content, role, origin, turn)
    for call in (*items(get(message, "tool_calls")), *items(get(message, "invalid_tool_calls"))):
        content.everything(call.get("args"), "assistant", "tool_arguments", turn)
    for name, value in message.additional_kwargs.items():
        if name in ("tool_calls", "function_call"):
            content.everything(_texts(value), "assistant", "tool_arguments", turn)
        elif name == "audio":
            content.unreadable("audio cannot be screened")
        elif name not in _SILENT:
            content.everything(value, role, origin, turn)


def _blocks(content: Content, value: Any, role: str, origin: Origin, turn: int) -> None:
    if isinstance(value, str):
        content.text(value, role, origin, turn)
        return
    for block in items(value):
        if isinstance(block, str):
            content.text(block, role, origin, turn)
        elif isinstance(block, Mapping):
            _block(content, block, role, origin, turn)
        else:
            content.unreadable(f"content given as {type(block).__name__} cannot be screened")


def _block(
    content: Content, block: Mapping[str, Any], role: str, origin: Origin, turn: int
) -> None:
    kind = word(block.get("type"))
    if kind in _TEXTS:
        content.text(block.get(_TEXTS[kind]), role, origin, turn)
    elif kind in ("image", "image_url", "input_image", "image_generation_call"):
        _picture(content, block, origin)
    elif kind in _THOUGHTS:
        content.everything(_spoken(block), role, origin, turn)
    elif kind in _MEDIA:
        content.unreadable(f"content of type {kind} cannot be screened")
    elif kind.endswith(_CALLS):
        content.everything(_spoken(block), "assistant", "tool_arguments", turn)
    elif kind in ("tool_result", "function_call_output"):
        _blocks(content, block.get("content") or block.get("output"), "tool", origin, turn)
    elif origin == "output":
        take(content, _spoken(block), role, origin)
    else:
        content.unreadable("content of an unknown type cannot be screened")


def _picture(content: Content, block: Mapping[str, Any], origin: Origin) -> None:
    source = block.get("source")
    address = block.get("image_url") or block.get("url")
    address = get(address, "url") or address
    data = next((block[name] for name in ("base64", "data", "result") if block.get(name)), None)
    data = data or get(source, "data") or get(source, "url")
    is_remote = data is None and "://" in word(address)[:16]
    if not (origin == "output" and is_remote):
        content.picture(data or address)


def _said(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "content:0", value
        return
    for place, block in enumerate(items(value)):
        if isinstance(block, str):
            yield f"content:{place}", block
            continue
        kind = word(get(block, "type"))
        number = place if block.get("index") is None else block["index"]
        if kind.startswith(("image", "input_image")) or kind in _MEDIA:
            raise ValueError(f"a part of type {kind} in a stream cannot be screened")
        name = "content" if kind in _TEXTS else "tool" if kind.endswith(_CALLS) else "reasoning"
        texts = _texts(_spoken(block))
        yield from ((f"{name}:{number}:{n}", text) for n, text in enumerate(texts))


def _spoken(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in _SILENT}


def _texts(value: Any) -> list[str]:
    content = Content(LIMIT_BYTES)
    content.everything(value)
    if content.images or content.problem:
        raise ValueError("a part of a stream cannot be screened")
    return [part.text for part in content.parts]
