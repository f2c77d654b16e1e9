"""Mistral's chat has OpenAI's shape, but for content that comes as parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guardrail.adapters.wire.http import Body, Call
from guardrail.adapters.wire.openai.chat import CHAT
from guardrail.adapters.wire.sse import Event

SAID = "a garden in autumn"
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": SAID}]}


def chunk(content: object) -> Event:
    return Event(json.dumps({"choices": [{"index": 0, "delta": {"content": content}}]}))


PIECES: list[tuple[str, list[Any], list[tuple[str, str]]]] = [
    ("text", [{"type": "text", "text": SAID}], [("content:0", SAID)]),
    ("thought", [THOUGHT], [("reasoning:0", SAID)]),
    ("unknown", [{"type": "hologram", "scene": SAID}], [("part:0:hologram:0", "hologram")]),
]


@pytest.mark.parametrize(("name", "content", "expected"), PIECES, ids=[row[0] for row in PIECES])
def test_a_streamed_part_is_read(
    name: str, content: list[Any], expected: list[tuple[str, str]]
) -> None:
    assert CHAT.reader is not None
    read = list(CHAT.reader().read(chunk(content)))
    assert read[: len(expected)] == expected, name
    assert SAID in [text for _, text in read]


def test_a_streamed_picture_cannot_be_read() -> None:
    assert CHAT.reader is not None
    picture = {"type": "image_url", "image_url": "data:image/png;base64,AAAA"}
    with pytest.raises(ValueError, match="picture"):
        CHAT.reader().read(chunk([picture]))


def test_a_thought_that_is_sent_back_is_read() -> None:
    body = {"model": "m", "messages": [{"role": "assistant", "content": [THOUGHT]}]}
    call = Call("POST", "/v1/chat/completions", body=Body(json.dumps(body).encode()))
    request = CHAT.read(call, 1_000).request
    assert [part.text for part in request.parts] == [SAID]
    assert not request.problem
