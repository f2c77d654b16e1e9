"""Content blocks of requests, replies and streams turned into what is to be screened; pure.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from guardrail.adapters.wire.content import Content, get, word
from guardrail.records import Origin

_KNOWN = frozenset(
    {
        "compaction", "container_upload", "document", "fallback", "image", "mcp_tool_listing",
        "mcp_tool_use", "redacted_thinking", "search_result", "server_tool_use", "text",
        "thinking", "tool_addition", "tool_reference", "tool_removal", "tool_result", "tool_use",
    }
)  # fmt: skip
_ASKS = frozenset({"mcp_tool_use", "server_tool_use", "tool_use"})
_IDENTIFIERS = frozenset(
    {
        "anthropic_beta", "cache_control", "data", "encrypted_content", "encrypted_index",
        "encrypted_stdout", "file_id", "id", "media_type", "model", "name", "role", "signature",
        "tool_use_id", "type",
    }
)  # fmt: skip
_IDENTIFIER = re.compile(r"[\w.:/+=@-]*", re.ASCII)
_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Voice:
    """Who says a block, and where.

    strict: whether a block of a kind nobody knows counts as unreadable; else its texts are read.
    """

    role: str = "user"
    origin: Origin = "message"
    turn: int = 0
    strict: bool = True
    depth: int = 0


def read_blocks(content: Content, value: object, voice: Voice) -> None:
    """Take in a text, or a list of blocks."""
    if isinstance(value, list):
        for block in value:
            read_block(content, block, voice)
    elif isinstance(value, Mapping):
        read_block(content, value, voice)
    else:
        content.text(value, voice.role, voice.origin, voice.turn)


def read_block(content: Content, block: object, voice: Voice) -> None:
    """Take in one block with all its texts, pictures and tool arguments."""
    kind = word(get(block, "type"))
    if isinstance(block, str):
        content.text(block, voice.role, voice.origin, voice.turn)
    elif not isinstance(block, Mapping):
        content.unreadable(f"a block given as {type(block).__name__} cannot be screened")
    elif voice.strict and kind not in _KNOWN and not kind.endswith("_tool_result"):
        content.unreadable("a block of a kind that is not known cannot be screened")
    elif voice.depth > _DEPTH:
        content.unreadable("blocks nested too deep to screen")
    else:
        _known_block(content, kind, block, replace(voice, depth=voice.depth + 1))


def read_fields(content: Content, fields: Mapping[str, Any], voice: Voice) -> None:
    """Take in every text in the fields of something that is no block."""
    for name, value in fields.items():
        if name in _IDENTIFIERS and _is_identifier(value):
            continue
        _anything(content, value, replace(voice, depth=voice.depth + 1))


def _known_block(content: Content, kind: str, block: Mapping[str, Any], voice: Voice) -> None:
    read: tuple[str, ...] = ()
    if kind == "container_upload":
        content.unreadable("a file that the provider keeps cannot be screened")
    elif kind in ("image", "document"):
        (_picture if kind == "image" else _document)(content, block.get("source"), voice)
        read = ("source",)
    elif kind in _ASKS:
        content.everything(block.get("input"), "assistant", "tool_arguments", voice.turn)
        read = ("input",)
    elif kind == "tool_result" or kind.endswith("_tool_result"):
        voice = replace(voice, role="tool")
    if kind == "tool_result":
        read_blocks(content, block.get("content"), voice)
        read = ("content",)
    read_fields(content, {name: block[name] for name in block if name not in read}, voice)


def _anything(content: Content, value: Any, voice: Voice) -> None:
    """Take in a value inside a block: blocks of kinds that hold bytes, else its texts."""
    if voice.depth > _DEPTH:
        content.unreadable("blocks nested too deep to screen")
    elif isinstance(value, list):
        for item in value:
            _anything(content, item, replace(voice, depth=voice.depth + 1))
    elif not isinstance(value, Mapping):
        content.everything(value, voice.role, voice.origin, voice.turn)
    elif word(value.get("type")) in ("image", "document") or isinstance(
        value.get("source"), Mapping
    ):
        read_block(content, value, voice)
    else:
        read_fields(content, value, voice)


def _picture(content: Content, source: object, voice: Voice) -> None:
    kind = word(get(source, "type"))
    name = {"base64": "data", "url": "url"}.get(kind)
    if name is None:
        content.unreadable("a picture that the provider keeps cannot be screened")
        return
    content.picture(get(source, name))
    _rest(content, source, name, voice)


def _document(content: Content, source: object, voice: Voice) -> None:
    kind = word(get(source, "type"))
    if kind == "text":
        content.text(get(source, "data"), voice.role, voice.origin, voice.turn)
        _rest(content, source, "data", voice)
    elif kind == "content":
        read_blocks(content, get(source, "content"), voice)
        _rest(content, source, "content", voice)
    else:
        content.unreadable("a document that is not plain text cannot be screened")


def _rest(content: Content, source: object, read: str, voice: Voice) -> None:
    if isinstance(source, Mapping):
        read_fields(content, {name: source[name] for name in source if name != read}, voice)


def _is_identifier(value: object) -> bool:
    """Whether it can say nothing: one word of an id's letters, or a mapping of such."""
    if isinstance(value, Mapping):
        return all(map(_is_identifier, value.values()))
    return not isinstance(value, str | list) or (
        isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None
    )
