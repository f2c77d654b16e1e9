"""What pydantic-ai's messages, replies and events say; knows them by their kinds alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guardrail.adapters._loose import take
from guardrail.adapters.wire.asked import add_the_rest
from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.openai.chat import SETTINGS
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.records import Image, Operation, Origin, Output, Request

_ROLES = {
    "system-prompt": "system",
    "instruction": "system",
    "user-prompt": "user",
    "tool-return": "tool",
    "builtin-tool-return": "tool",
    "retry-prompt": "tool",
}
_CALLS = ("tool-call", "builtin-tool-call")
_SILENT = ("cache-point", "tool-availability-delta")
_TEXTS = ("text", "thinking", "compaction")


def request(
    messages: Sequence[Any],
    settings: Mapping[str, Any] | None,
    parameters: Any,
    limit_bytes: int,
    model: str,
) -> Request:
    """What is asked; caller and conversation are left to the application."""
    content = Content(limit_bytes)
    for turn, message in enumerate(messages):
        if getattr(message, "instructions", None):
            content.text(message.instructions, "system", "message", turn)
        for part in message.parts:
            _part(content, part, "message", turn)
    said = {part.text for part in content.parts}
    for part in getattr(parameters, "instruction_parts", None) or ():
        if part.content not in said:
            content.text(part.content, "system", "prompt")
    add_the_rest(content, settings or {}, (), SETTINGS.__contains__)
    names = [tool.name for tool in parameters.function_tools]
    names += [tool.kind for tool in parameters.native_tools]
    content.pictures = parameters.allow_image_output or any(map(makes_pictures, (*names, model)))
    return content.request(Operation.CHAT, model=model)


def output(reply: Any) -> Output:
    """What a ModelResponse says."""
    content = Content(LIMIT_BYTES)
    for part in reply.parts:
        _part(content, part, "output", 0)
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


def deltas(event: Any) -> Sequence[tuple[str, str]]:
    """The texts of one event as (channel, delta) pairs. Raises ValueError for a picture in one."""
    match event.event_kind:
        case "part_start":
            return _started(event.index, event.part)
        case "part_delta":
            return _added(event.index, event.delta)
        case "part_end" | "final_result":
            return ()
    raise ValueError("an event of an unknown kind cannot be screened")


def _started(index: int, part: Any) -> Sequence[tuple[str, str]]:
    kind = part.part_kind
    if kind in _TEXTS:
        said = part.content
    elif kind in _CALLS:
        said = part.args
    elif kind == "builtin-tool-return":
        said = part.content
    else:
        raise ValueError("a part of this kind in a stream cannot be screened")
    return _pairs("tool" if kind in _CALLS else kind, index, said)


def _added(index: int, delta: Any) -> Sequence[tuple[str, str]]:
    match delta.part_delta_kind:
        case "text":
            return _pairs("text", index, delta.content_delta)
        case "thinking":
            return _pairs("thinking", index, delta.content_delta)
        case "tool_call":
            return _pairs("tool", index, delta.args_delta)
    raise ValueError("a delta of an unknown kind cannot be screened")


def _pairs(kind: str, index: int, said: Any) -> Sequence[tuple[str, str]]:
    if isinstance(said, str):
        return [(f"{kind}:{index}", said)] if said else ()
    content = Content(LIMIT_BYTES)
    take(content, said, "assistant", "output")
    if content.images or content.problem:
        raise ValueError("a part of a stream cannot be screened")
    return [(f"{kind}:{index}:{n}", part.text) for n, part in enumerate(content.parts)]


def _part(content: Content, part: Any, origin: Origin, turn: int) -> None:
    kind = part.part_kind
    role = _ROLES.get(kind, "assistant")
    if kind in _CALLS:
        content.everything(part.args, "assistant", "tool_arguments", turn)
    elif kind in _TEXTS or kind in _ROLES or kind == "file":
        _said(content, part.content, role, origin, turn)
    elif kind not in _SILENT:
        content.unreadable("a part of an unknown kind cannot be screened")


def _said(content: Content, value: Any, role: str, origin: Origin, turn: int) -> None:
    kind = getattr(value, "kind", "")
    if isinstance(value, str):
        content.text(value, role, origin, turn)
    elif isinstance(value, list | tuple):
        for one in value:
            _said(content, one, role, origin, turn)
    elif isinstance(value, Mapping):
        _said(content, list(value.values()), role, origin, turn)
    elif kind == "text-content":
        content.text(value.content, role, origin, turn)
    elif kind == "image-url":
        content.picture(value.url)
    elif kind == "binary":
        _binary(content, value)
    elif kind in ("audio-url", "video-url", "document-url", "uploaded-file"):
        content.unreadable(f"content of type {kind} cannot be screened")
    elif kind not in _SILENT:
        take(content, value, role, origin)


def _binary(content: Content, value: Any) -> None:
    if str(value.media_type).startswith("image/"):
        content.images.append(Image(bytes(value.data)))
    elif str(value.media_type).startswith("text/"):
        content.text(bytes(value.data).decode("utf-8", "replace"))
    else:
        content.unreadable("a file that is no picture cannot be screened")
