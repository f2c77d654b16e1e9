"""Settings are those of OpenAI's own types, and nothing in those that is content is one."""

from __future__ import annotations

from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest

from guardrail.adapters.wire.openai import (
    chat,
    completions,
    images,
    responses,
    speech,
    transcripts,
    videos,
)

ADDED = {"bad_words", "user"}
"""Settings of other servers, or that OpenAI's types have on other routes only."""

ROUTES = [
    (chat, "chat.CompletionCreateParams", {"messages", "prediction"}),
    (completions, "CompletionCreateParams", {"prompt", "suffix"}),
    (responses, "responses.ResponseCreateParams", {"input", "instructions", "prompt"}),
    (images, "ImageGenerateParams", {"prompt", "style"}),
    (images, "ImageEditParams", {"image", "mask", "prompt"}),
    (images, "ImageCreateVariationParams", {"image"}),
    (speech, "audio.SpeechCreateParams", {"input", "instructions"}),
    (
        transcripts,
        "audio.TranscriptionCreateParams",
        {"file", "keywords", "known_speaker_names", "known_speaker_references", "prompt"},
    ),
    (transcripts, "audio.TranslationCreateParams", {"file", "prompt"}),
    (videos, "VideoCreateParams", {"input_reference", "prompt"}),
    (videos, "VideoRemixParams", {"prompt"}),
    (videos, "VideoEditParams", {"prompt", "video"}),
    (videos, "VideoExtendParams", {"prompt", "video"}),
]


def fields(name: str) -> set[str]:
    module, _, kind = f"openai.types.{name}".rpartition(".")
    given = getattr(import_module(module), kind)
    found: set[str] = set()
    for one in get_args(given) or (given,):
        found |= get_type_hints(one).keys()
    return found


@pytest.mark.parametrize(("module", "name", "content"), ROUTES, ids=[route[1] for route in ROUTES])
def test_every_field_of_the_sdk_is_content_or_a_setting(
    module: Any, name: str, content: set[str]
) -> None:
    assert fields(name) - module.SETTINGS == content


@pytest.mark.parametrize("module", sorted({route[0].__name__ for route in ROUTES}))
def test_no_setting_is_made_up(module: str) -> None:
    known = set().union(*(fields(name) for one, name, _ in ROUTES if one.__name__ == module))
    assert import_module(module).SETTINGS - known <= ADDED
