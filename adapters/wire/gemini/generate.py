"""`POST .../models/{model}:generateContent` and `:streamGenerateContent`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import Content
from guardrail.adapters.wire.gemini.dialect import DIALECT
from guardrail.adapters.wire.gemini.events import ContentEvents
from guardrail.adapters.wire.gemini.parts import (
    Voice,
    field,
    fields,
    read_any,
    read_content,
    read_fields,
    several,
    spelled,
)
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.adapters.wire.strict import answered, json_object
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.records import Operation, Output, TextPart

SETTINGS = frozenset(
    {
        "labels", "model", "modelarmorconfig", "safetysettings", "servicetier", "store",
        "toolconfig", "tools",
    }
)  # fmt: skip
"""Fields that steer the model and bring in no content, spelled plainly; every other is read."""

CONFIGURATION = frozenset(
    {
        "audiotimestamp", "audiotranscriptionconfig", "candidatecount", "enableaffectivedialog",
        "enableenhancedcivicanswers", "frequencypenalty", "imageconfig", "logprobs",
        "maxoutputtokens", "mediaresolution", "modelselectionconfig", "presencepenalty",
        "responseformat", "responsejsonschema", "responselogprobs", "responsemimetype",
        "responsemodalities", "responseschema", "routingconfig", "seed", "speechconfig",
        "stopsequences", "temperature", "thinkingconfig", "topk", "topp", "translationconfig",
    }
)  # fmt: skip
"""The same within `generationConfig`."""

_KEPT = ("cachedcontent", "continuationtoken")
_WITHOUT_PICTURES = frozenset({"TEXT", "AUDIO", "MODALITY_UNSPECIFIED", "0", "1", "3"})
_MODEL = re.compile(r"/(?:models|tunedModels|endpoints)/([^/:]+):[^/]*/?$")
_ANSWER = Voice("assistant", "output", strict=False)


def model_of(call: Call) -> str:
    """The model a path names."""
    found = _MODEL.search(call.path)
    return found[1] if found else ""


def _read(call: Call, limit_bytes: int) -> Asked:
    body = json_object(call)
    content = Content(limit_bytes)
    for name, value in body.items():
        _argument(content, spelled(name), value)
    if next(fields(body, "contents"), None) is None:
        content.unreadable("there are no contents")
    content.pictures = _offers_pictures(body) or makes_pictures(model_of(call))
    streams = _streams(call)
    if content.pictures and streams:
        content.unreadable("a streamed picture cannot be screened")
    return Asked(content.request(Operation.CHAT, model=model_of(call)), streams)


def _argument(content: Content, name: str, value: Any) -> None:
    if name == "contents":
        for turn, one in enumerate(several(value)):
            read_content(content, one, Voice(turn=turn))
    elif name == "systeminstruction":
        read_content(content, value, Voice("system", "prompt"))
    elif name in _KEPT and value:
        content.unreadable(f"{name}: what the provider keeps cannot be screened")
    elif name == "generationconfig" and isinstance(value, Mapping):
        rest = {key: item for key, item in value.items() if spelled(key) not in CONFIGURATION}
        read_fields(content, rest, Voice())
    elif name not in SETTINGS:
        read_any(content, value, Voice())


def _offers_pictures(body: Mapping[str, Any]) -> bool:
    wanted = [
        str(one).upper()
        for config in fields(body, "generationconfig")
        for asked in fields(config, "responsemodalities")
        for one in several(asked)
    ]
    tools = (tool for given in fields(body, "tools") for tool in several(given))
    return any(one not in _WITHOUT_PICTURES for one in wanted) or any(
        makes_pictures(name) for tool in tools for name in _tool_names(tool)
    )


def _tool_names(tool: object) -> Iterator[str]:
    for declared in fields(tool, "functiondeclarations"):
        for function in several(declared):
            yield str(field(function, "name") or "")


def _streams(call: Call) -> bool:
    if not call.path.rstrip("/").endswith(":streamGenerateContent"):
        return False
    return "sse" in parse_qs(call.query).get("alt", ())


def _output(reply: Reply) -> Output:
    value = answered(reply.body.decode("utf-8"))
    content = Content(LIMIT_BYTES)
    texts: dict[str, list[str]] = {}
    reader = ContentEvents(content)
    for chunk in value if isinstance(value, list) else [value]:
        for channel, said in reader.texts(chunk):
            texts.setdefault(channel, []).append(said)
    broken = next((image.problem for image in content.images if image.problem), "")
    parts = tuple(_part(channel, "".join(said)) for channel, said in texts.items())
    return Output(parts, tuple(content.images), content.problem or broken)


def _part(channel: str, text: str) -> TextPart:
    asks = channel.startswith("tool")
    return TextPart(text, "assistant", "tool_arguments" if asks else "output")


GENERATE = Codec("gemini.generate", Operation.CHAT, DIALECT, _read, _output, ContentEvents)
