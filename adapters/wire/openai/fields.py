"""Fields that OpenAI's routes have in common, and those that other servers add to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guardrail.adapters.wire.asked import add_the_rest
from guardrail.adapters.wire.codec import Asked, BadCall
from guardrail.adapters.wire.content import Content, items, odd_names
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.records import Operation

HIDDEN = frozenset(
    {
        "bad_words", "function_call", "functions", "logit_bias", "metadata", "prompt_cache_key",
        "safety_identifier", "stop", "tool_choice", "tools", "user",
    }
)  # fmt: skip
"""Settings that are not read at all: no text of theirs is asked of the model as content.

Definitions of tools do reach the model, as descriptions of what it may call.
"""

UNREADABLE = frozenset(
    {
        "chat_template", "input_embeddings", "input_embeds", "input_ids", "inputs_embeds",
        "multi_modal_data", "multi_modal_embeds", "multi_modal_uuids", "prompt_embeds",
        "prompt_logits", "prompt_token_ids", "speaker_embedding", "token_ids",
    }
)  # fmt: skip
"""Fields of vLLM, SGLang and their kin that carry content nobody can read, or rearrange it."""

_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Known:
    """The fields of one route.

    read: names of the fields its own reader reads. settings: names of fields that steer the model;
    of these, texts that are more than an identifier are read all the same, but for `HIDDEN`.
    """

    operation: Operation
    read: tuple[str, ...]
    settings: frozenset[str]

    def asked(self, content: Content, call: Call, body: Mapping[str, Any]) -> Asked:
        """What a call asks, once the route has read its own fields into `content`.

        Raises BadCall for a setting given as a file.
        """
        for name in sorted(UNREADABLE & body.keys()):
            if body[name] not in (None, "", [], {}):
                content.unreadable(f"{name}: what it says cannot be screened")
        for name in sorted(self.settings & body.keys()):
            if any(isinstance(one, bytes) for one in (body[name], *items(body[name]))):
                raise BadCall(f"The field {name!r} is no file.")
            if name not in HIDDEN:
                content.prose(body[name], origin="prompt")
        content.everything(odd_names(body), origin="prompt")
        add_the_rest(content, body, self.read, self.settings.__contains__)
        models = deployment(call.path), str(body.get("model") or "")
        content.pictures = content.pictures or any(map(makes_pictures, models))
        request = content.request(self.operation, model=models[0] or models[1])
        return Asked(request, streams=is_on(body.get("stream")))


def deployment(path: str) -> str:
    """The deployment that a path of Azure's names; empty where it names none."""
    found = _DEPLOYMENT.search(path)
    return found[1] if found else ""


def is_on(value: object) -> bool:
    """Whether a switch is on, given as JSON or as the text of a form."""
    return value is True or (isinstance(value, str) and value.lower() not in ("", "0", "false"))


def add_pictures(content: Content, value: object) -> None:
    """Take in a picture, or several: bytes, a data URL, `{"image_url"}`.

    A `{"file_id"}` is kept by the provider and cannot be read.
    """
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, Mapping):
            content.picture(one.get("image_url"))
            content.prose({name: one[name] for name in one if name != "image_url"})
        elif isinstance(one, bytes):
            content.file(one)
        elif one is not None:
            content.picture(one)
