"""OpenAI-shaped arguments turned into what is to be screened; pure but for reading given files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from guardrail.adapters.wire.content import (
    Content,
    get,
    image_of,
    is_iterable,
    items,
    odd_names,
    plain,
    word,
)
from guardrail.adapters.wire.tools import offers_pictures
from guardrail.records import Image

MAX_UPLOADS = 64
"""Pictures read from one request; the policy's own limit is lower."""

CARRIES_CONTENT = frozenset(
    {"messages", "prompt", "input", "instructions", "image", "images", "mask", "suffix", "system"}
)
"""Arguments that are content by name, wherever they stand."""

STORED_ELSEWHERE = ("prompt_id", "previous_response_id", "conversation")
"""Arguments that refer to text kept by the provider."""

CHOICES = frozenset({"transparent", "opaque", "auto", "vivid", "natural", "hd", "standard"})
"""Values of picture settings that are one of a few, not words of the user's."""

_UNSAID = frozenset(
    {"role", "name", "type", "id", "index", "status", "tool_call_id", "call_id", "annotations"}
) | {"cache_control", "provider_specific_fields", "prefix", "phase"}
_TEXT_PARTS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "summary_text": "text",
    "reasoning_text": "text",
    "refusal": "refusal",
    "thinking": "thinking",
}
_PICTURE_PARTS = frozenset({"image_url", "input_image"})


def chat_content(arguments: Mapping[str, Any], limit_bytes: int) -> Content:
    """Read the arguments of a chat completion."""
    content = Content(limit_bytes)
    messages = arguments.get("messages")
    if is_iterable(messages) and not isinstance(messages, list):
        messages = content.sent["messages"] = list(messages or ())
    if not isinstance(messages, list):
        content.unreadable("the messages are not a list")
    for turn, message in enumerate(items(messages)):
        _message(content, message, turn)
    content.pictures = offers_pictures(arguments)
    return content


def text_content(arguments: Mapping[str, Any], limit_bytes: int) -> Content:
    """Read the arguments of a legacy completion; prompts given as tokens cannot be read."""
    content = Content(limit_bytes)
    prompt = arguments.get("prompt")
    for one in [prompt] if isinstance(prompt, str) else _prompts(content, prompt):
        if isinstance(one, str):
            content.text(one, origin="prompt")
        else:
            content.unreadable("a prompt given as tokens cannot be screened")
    content.text(arguments.get("suffix"), origin="prompt")
    return content


def responses_content(arguments: Mapping[str, Any], limit_bytes: int) -> Content:
    """Read the arguments of the Responses API."""
    content = Content(limit_bytes)
    content.text(arguments.get("instructions"), "system", "prompt")
    given = arguments.get("input")
    if isinstance(given, str):
        content.text(given, origin="prompt")
    else:
        if is_iterable(given) and not isinstance(given, list):
            given = content.sent["input"] = list(given or ())
        if not isinstance(given, list):
            content.unreadable("the input is neither a text nor a list")
        for turn, item in enumerate(items(given)):
            _message(content, item, turn)
    if arguments.get("prompt") is not None:
        content.unreadable("a stored prompt cannot be screened")
    content.pictures = offers_pictures(arguments)
    return content


def image_content(arguments: Mapping[str, Any], limit_bytes: int) -> Content:
    """Read the arguments of image generation, edit or variation."""
    content = Content(limit_bytes)
    content.text(arguments.get("prompt"), origin="prompt")
    for name in ("image", "mask"):
        if arguments.get(name) is not None:
            _uploads(content, name, arguments[name])
    if arguments.get("stream"):
        content.unreadable("a streamed picture cannot be screened")
    return content


def add_the_rest(
    content: Content,
    arguments: Mapping[str, Any],
    read: Collection[str],
    ignored: Callable[[str], bool],
) -> Content:
    """Read what no reader above has: provider-specific arguments, and ways around the readers.

    read: names of the arguments read already.
    ignored: tells the names of arguments that never reach the model as content.
    """
    for name in STORED_ELSEWHERE:
        if arguments.get(name):
            content.unreadable(f"{name}: what the provider keeps cannot be screened")
    if arguments.get("background") is True:
        content.unreadable("background: a reply left with the provider cannot be screened")
    for override in (arguments.get("extra_body"), *items(arguments.get("fallbacks"))):
        if isinstance(override, Mapping) and CARRIES_CONTENT & override.keys():
            content.unreadable("extra_body and fallbacks may not replace what was screened")
    for name, value in arguments.items():
        known = name in read or (name not in CARRIES_CONTENT and ignored(name))
        if not known and not (isinstance(value, str) and value in CHOICES):
            content.everything(value)
    return content


def _prompts(content: Content, prompt: object) -> list[Any]:
    if not is_iterable(prompt):
        content.unreadable("the prompt is neither a text nor a list of texts")
        return []
    prompts = list(prompt)
    content.sent["prompt"] = prompts
    return prompts


def _message(content: Content, given: object, turn: int) -> None:
    """Read a chat message or an item of the Responses API: both are dicts with known fields."""
    message = plain(given)
    if message is None:
        content.unreadable(f"a message given as {type(given).__name__} cannot be screened")
        return
    kind = word(message.get("type"))
    role = word(message.get("role")) or _ROLES.get(kind, "user")
    if kind == "item_reference":
        content.unreadable("item_reference: what the provider keeps cannot be screened")
    if kind == "image_generation_call":
        content.picture(message.get("result"))
    if kind in _TEXT_PARTS or kind in _PICTURE_PARTS:
        _part(content, message, role, turn)
        return
    content.prose(odd_names(message), role, "message", turn)
    for name, value in message.items():
        made = (name, kind) == ("result", "image_generation_call")
        if value is None or made or name == "encrypted_content":
            continue
        if name in _UNSAID:
            content.prose(value, role, "message", turn)
        else:
            _field(content, name, value, role, turn)


_ROLES = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "image_generation_call": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
}


def _field(content: Content, name: str, value: Any, role: str, turn: int) -> None:
    if name in ("content", "output", "summary", "thinking_blocks", "images"):
        _parts(content, value, role, turn)
    elif name in ("arguments", "input", "code"):
        content.everything(value, "assistant", "tool_arguments", turn)
    elif name in ("tool_calls", "function_call"):
        _calls(content, items(value) or (value,), turn)
    elif name == "audio":
        content.unreadable("audio cannot be screened")
    else:
        content.everything(value, role, "message", turn)


def _parts(content: Content, value: Any, role: str, turn: int) -> None:
    if isinstance(value, str):
        content.text(value, role, "message", turn)
    elif isinstance(value, list | tuple):
        for part in value:
            _part(content, part, role, turn)
    else:
        content.unreadable(f"content given as {type(value).__name__} cannot be screened")


def _part(content: Content, given: object, role: str, turn: int) -> None:
    part = {"type": "text", "text": given} if isinstance(given, str) else plain(given)
    kind = word(part.get("type")) if part else ""
    if part is None:
        content.unreadable(f"content given as {type(given).__name__} cannot be screened")
    elif kind == "thinking" and isinstance(part.get("thinking"), list):
        _parts(content, part["thinking"], role, turn)
    elif kind in _TEXT_PARTS:
        content.text(part.get(_TEXT_PARTS[kind]), role, "message", turn)
        rest = _without(part, _TEXT_PARTS[kind], "logprobs", "type")
        content.prose(rest, role, "message", turn)
    elif kind in _PICTURE_PARTS:
        address = part.get("image_url")
        content.picture(address if isinstance(address, str) else get(address, "url"))
        more = (_without(part, "image_url"), _without(address, "url"))
        content.prose(more, role, "message", turn)
    elif kind == "image":
        source = part.get("source")
        content.picture(get(source, "data") or get(source, "url"))
        more = (_without(part, "source"), _without(source, "data", "url"))
        content.prose(more, role, "message", turn)
    else:
        content.unreadable(f"content of type {_quoted(kind)} cannot be screened")


def _without(value: object, *names: str) -> Mapping[str, Any]:
    """The other fields of a mapping or object."""
    return {name: field for name, field in (plain(value) or {}).items() if name not in names}


def _calls(content: Content, calls: Sequence[Any], turn: int) -> None:
    for call in calls:
        for asked in (call, get(call, "function"), get(call, "custom")):
            said = {name: get(asked, name) for name in ("arguments", "input")}
            if asked is not None and plain(asked) is None and not any(said.values()):
                said = {"": asked}
            content.everything(said, "assistant", "tool_arguments", turn)
        named = (call, get(call, "function"), get(call, "custom"))
        more = [_without(one, "arguments", "custom", "function", "input") for one in named]
        content.prose(more, "assistant", "message", turn)


def _quoted(kind: str) -> str:
    return repr(kind) if re.fullmatch(r"\w{1,32}", kind, re.ASCII) else "of no known name"


def _uploads(content: Content, name: str, given: Any) -> None:
    several = is_iterable(given) and not _is_file(given)
    files = given if several else (given,)
    images = [_upload(file, content.limit_bytes) for file in islice(files, MAX_UPLOADS + 1)]
    if len(images) > MAX_UPLOADS:
        content.unreadable(f"more than {MAX_UPLOADS} pictures")
    content.images.extend(images)
    data = [image.data for image in images]
    if None not in data:
        content.sent[name] = data if several else data[0]


def _is_file(value: object) -> bool:
    """Tell a file, or a `(name, content, ...)` tuple, from a collection of files."""
    if isinstance(value, tuple):
        return len(value) > 1 and (value[0] is None or isinstance(value[0], str))
    return hasattr(value, "read")


def _upload(value: Any, limit_bytes: int) -> Image:
    if isinstance(value, str):
        return image_of(value, limit_bytes)
    if isinstance(value, tuple) and _is_file(value):
        value = value[1]
    try:
        return Image(_bytes(value, limit_bytes))
    except Exception as problem:  # noqa: BLE001  a file may fail in any way; it is then unreadable
        return Image(problem=f"a picture could not be read ({type(problem).__name__})")


def _bytes(value: Any, limit_bytes: int) -> bytes:
    """All bytes of a file, left where it stood; one more than `limit_bytes` at most."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, PathLike):
        with Path(value).open("rb") as file:
            return file.read(limit_bytes + 1)
    position = value.tell() if value.seekable() else None
    if position is not None:
        value.seek(0)
    data = value.read(limit_bytes + 1)
    if position is not None:
        value.seek(position)
    if not isinstance(data, bytes):
        raise TypeError("a file that does not hold bytes")
    return data
