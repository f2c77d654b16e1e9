"""OpenAI-shaped replies turned into what is to be screened; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guardrail.adapters.wire.content import Content, get, items
from guardrail.records import Output

LIMIT_BYTES = 100_000_000
"""Largest generated picture that is decoded."""


def chat_output(reply: object) -> Output:
    """Read a chat completion: every choice's text, reasoning, tool arguments and pictures.

    Raises ValueError for a reply of another shape.
    """
    content = new_content()
    for choice in required(reply, "choices"):
        _message(content, get(choice, "message"))
    return _frozen(content)


def text_output(reply: object) -> Output:
    """Read a legacy completion. Raises ValueError for a reply of another shape."""
    content = new_content()
    for choice in required(reply, "choices"):
        _say(content, get(choice, "text"))
    return _frozen(content)


def responses_output(reply: object) -> Output:
    """Read a response of the Responses API. Raises ValueError for a reply of another shape."""
    content = new_content()
    for item in required(reply, "output"):
        read_item(content, item)
    return _frozen(content)


def images_output(reply: object) -> Output:
    """Read generated pictures; one given only as a URL is not fetched and so not screened.

    Raises ValueError for a reply of another shape.
    """
    content = new_content()
    for picture in required(reply, "data"):
        _say(content, get(picture, "revised_prompt"))
        if get(picture, "b64_json") is not None:
            content.picture(get(picture, "b64_json"))
    return _frozen(content)


def new_content() -> Content:
    """A collection of what a reply says."""
    return Content(LIMIT_BYTES)


def _frozen(content: Content) -> Output:
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


def required(reply: object, name: str) -> Sequence[Any]:
    """The list of that name; empty where a chunk has none. Raises ValueError for anything else."""
    value = get(reply, name)
    if value is None and get(reply, "object") in _CHUNKS:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError(f"a reply without {name}: {type(reply).__name__}")  # noqa: TRY004  its shape
    return value


_CHUNKS = ("chat.completion.chunk", "text_completion")


def _say(content: Content, value: object) -> None:
    content.text(value, "assistant", "output")


def _message(content: Content, message: object) -> None:
    said = get(message, "content")
    if isinstance(said, list | tuple):
        read_parts(content, said)
    else:
        _say(content, said)
    _say(content, reasoning(message))
    _say(content, get(message, "refusal"))
    _say(content, get(get(message, "provider_specific_fields"), "refusal"))
    _say(content, get(get(message, "audio"), "transcript"))
    _ask(content, get(get(message, "function_call"), "arguments"))
    for call in items(get(message, "tool_calls")):
        _ask(content, arguments(call))
    for picture in items(get(message, "images")):
        _picture(content, picture)


def reasoning(message: object) -> Any:
    """What a message or a delta tells of its thoughts; None where it tells nothing."""
    for name in ("reasoning_content", "reasoning"):
        said = get(message, name)
        if said is not None:
            return said
    blocks = items(get(message, "thinking_blocks"))
    thoughts = [thought for block in blocks if (thought := get(block, "thinking"))]
    return "".join(map(str, thoughts)) or None


def arguments(call: object) -> Any:
    """What a tool is called with."""
    asked = get(call, "function") or get(call, "custom") or call
    said = get(asked, "arguments")
    return get(asked, "input") if said is None else said


def _ask(content: Content, arguments: object) -> None:
    content.everything(arguments, "assistant", "tool_arguments")


def read_parts(content: Content, parts: Sequence[Any]) -> None:
    """Take in the parts of a message."""
    for part in parts:
        if get(part, "image_url") is not None:
            _picture(content, part)
        else:
            said = [get(part, name) for name in ("text", "refusal", "thinking", "transcript")]
            content.everything(said, "assistant", "output")


def _picture(content: Content, picture: object) -> None:
    address = get(picture, "image_url")
    address = address if isinstance(address, str) else get(address, "url")
    if isinstance(address, str) and address[:5].lower() == "data:":
        content.picture(address)


def read_item(content: Content, item: object) -> None:
    """Take in an item of the Responses API."""
    kind = get(item, "type")
    if kind == "image_generation_call":
        _say(content, get(item, "revised_prompt"))
        if get(item, "result") is not None:
            content.picture(get(item, "result"))
        return
    read_parts(content, items(get(item, "content")))
    read_parts(content, items(get(item, "summary")))
    for name in ("arguments", "input", "code", "action"):
        _ask(content, get(item, name))
    for name in ("output", "outputs", "results"):
        content.everything(get(item, name), "assistant", "output")
