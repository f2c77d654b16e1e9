"""What is read of a call to Anthropic's API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.adapters.wire.anthropic.complete import COMPLETE
from guardrail.adapters.wire.anthropic.messages import MESSAGES, SETTINGS
from guardrail.adapters.wire.codec import Asked, BadCall
from guardrail.adapters.wire.http import Body, Call
from guardrail.records import Operation
from guardrail.testing import neutral_png

LIMIT = 1_000_000
SAID = "a garden in autumn"
PNG = base64.b64encode(neutral_png()).decode()
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


def call(body: object, path: str = "/v1/messages", kind: str = "application/json") -> Call:
    return Call("POST", path, "", (("content-type", kind),), Body(json.dumps(body).encode()))


def asked(body: dict[str, Any], path: str = "/v1/messages") -> Asked:
    return MESSAGES.read(call({"model": "m", "max_tokens": 9, **body}, path), LIMIT)


def block(value: object) -> Asked:
    return asked({"messages": [{"role": "user", "content": [value]}]})


def texts(read: Asked) -> list[str]:
    return [part.text for part in read.request.parts]


def test_a_plain_message_is_read_with_its_roles() -> None:
    turns = [
        {"role": "user", "content": SAID},
        {"role": "assistant", "content": [{"type": "text", "text": "so"}]},
    ]
    read = asked({"system": "be kind", "messages": turns})
    parts = read.request.parts
    assert [(part.text, part.role, part.origin, part.turn) for part in parts] == [
        ("be kind", "system", "prompt", 0),
        (SAID, "user", "message", 0),
        ("so", "assistant", "message", 1),
    ]
    assert (read.request.operation, read.request.model) == (Operation.CHAT, "m")
    assert not read.request.problem
    assert not read.streams


READ: list[tuple[str, dict[str, Any], list[str]]] = [
    ("text", {"type": "text", "text": SAID}, [SAID]),
    ("thinking", {"type": "thinking", "thinking": SAID, "signature": "c2ln"}, [SAID]),
    ("redacted", {"type": "redacted_thinking", "data": "c2ln"}, []),
    ("tool use", {"type": "tool_use", "id": "t", "name": "n", "input": {"a": {"b": SAID}}}, [SAID]),
    ("tool result", {"type": "tool_result", "tool_use_id": "t", "content": SAID}, [SAID]),
    (
        "tool result of blocks",
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [{"type": "text", "text": SAID}, PICTURE],
        },
        [SAID],
    ),
    (
        "search result",
        {
            "type": "search_result",
            "source": "https://example.com",
            "title": "leaves",
            "content": [{"type": "text", "text": SAID}],
        },
        ["https://example.com", "leaves", SAID],
    ),
    (
        "text document",
        {
            "type": "document",
            "title": "leaves",
            "context": "botany",
            "source": {"type": "text", "media_type": "text/plain", "data": SAID},
        },
        [SAID, "leaves", "botany"],
    ),
    (
        "document of blocks",
        {
            "type": "document",
            "source": {"type": "content", "content": [{"type": "text", "text": SAID}, PICTURE]},
        },
        [SAID],
    ),
    (
        "web search",
        {
            "type": "web_search_tool_result",
            "tool_use_id": "t",
            "content": [{"type": "web_search_result", "title": SAID, "encrypted_content": "c2ln"}],
        },
        [SAID],
    ),
    (
        "fetched page",
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "t",
            "content": {
                "type": "web_fetch_result",
                "content": {"type": "document", "source": {"type": "text", "data": SAID}},
            },
        },
        [SAID],
    ),
    ("unknown field", {"type": "text", "text": "so", "hint": {"deep": [SAID]}}, ["so", SAID]),
    ("a sentence as an id", {"type": "text", "text": "so", "id": SAID}, ["so", SAID]),
    (
        "citations",
        {
            "type": "text",
            "text": "so",
            "citations": [{"type": "char_location", "cited_text": SAID}],
        },
        ["so", SAID],
    ),
]


@pytest.mark.parametrize(("name", "value", "expected"), READ, ids=[row[0] for row in READ])
def test_a_block_is_read(name: str, value: dict[str, Any], expected: list[str]) -> None:
    read = block(value)
    assert texts(read) == expected, name
    assert not read.request.problem


UNREADABLE: list[tuple[str, object]] = [
    ("unknown kind", {"type": "hologram", "text": SAID}),
    ("no kind", {"text": SAID}),
    ("number", 7),
    ("pdf", {"type": "document", "source": {"type": "base64", "data": "JVBERi0="}}),
    ("document by URL", {"type": "document", "source": {"type": "url", "url": "https://e.com"}}),
    ("document by file", {"type": "document", "source": {"type": "file", "file_id": "f"}}),
    ("picture by file", {"type": "image", "source": {"type": "file", "file_id": "f"}}),
    ("picture without source", {"type": "image"}),
    ("container upload", {"type": "container_upload", "file_id": "f"}),
    ("text as a number", {"type": "text", "text": 7} | {"source": {"type": "x"}, "type": "image"}),
    (
        "pdf in a result",
        {
            "type": "web_fetch_tool_result",
            "content": {"content": {"type": "document", "source": {"type": "base64"}}},
        },
    ),
    ("unknown kind in a result", {"type": "tool_result", "content": [{"type": "hologram"}]}),
]


@pytest.mark.parametrize(("name", "value"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_is_noted(name: str, value: object) -> None:
    assert block(value).request.problem, name


def test_a_picture_is_taken_in_and_a_remote_one_is_not_fetched() -> None:
    assert block(PICTURE).request.images[0].data == neutral_png()
    far = block({"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}})
    assert far.request.images[0].problem == "remote image cannot be screened"


def test_nesting_without_end_is_noted() -> None:
    value: dict[str, Any] = {"type": "text", "text": SAID}
    for _ in range(200):
        value = {"type": "tool_result", "content": [value]}
    assert block(value).request.problem


@pytest.mark.parametrize("name", ["conversation", "previous_response_id"])
def test_what_the_provider_keeps_is_noted(name: str) -> None:
    assert asked({"messages": [], name: "x"}).request.problem


def test_a_thread_may_be_begun_and_not_continued() -> None:
    assert not asked({"messages": [], "thread": {"type": "create"}}).request.problem
    going_on = {"type": "continue", "previous_message_id": "m"}
    assert asked({"messages": [], "thread": going_on}).request.problem


@pytest.mark.parametrize("messages", [None, "x", {"role": "user"}, [7], [["x"]]])
def test_messages_of_another_shape_are_noted(messages: object) -> None:
    assert asked({"messages": messages}).request.problem


def test_a_tool_that_makes_pictures_makes_it_a_picture() -> None:
    tools = [{"name": "generate_image", "input_schema": {"type": "object"}}]
    assert asked({"messages": [], "tools": tools}).request.operation is Operation.IMAGE_GENERATE


def test_streams_are_told_by_the_body_or_on_vertex_by_the_path() -> None:
    assert asked({"messages": [], "stream": True}).streams
    path = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:streamRawPredict"
    read = asked({"messages": []}, path)
    assert (read.streams, read.request.model) == (True, "claude-x")


BAD: list[tuple[str, bytes, str, int]] = [
    ("not JSON", b"{", "application/json", 400),
    ("a list", b"[]", "application/json", 400),
    ("a name twice", b'{"a":1,"a":2}', "application/json", 400),
    ("not UTF-8", b'{"a":"\xff"}', "application/json", 400),
    ("another type", b"{}", "text/plain", 415),
    ("another charset", b"{}", "application/json; charset=utf-7", 415),
    ("NaN", b'{"a":NaN}', "application/json", 400),
]


@pytest.mark.parametrize(("name", "body", "kind", "status"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_call_is_told_apart(name: str, body: bytes, kind: str, status: int) -> None:
    with pytest.raises(BadCall) as caught:
        MESSAGES.read(Call("POST", "/v1/messages", "", (("content-type", kind),), Body(body)), 9)
    assert caught.value.status == status, name


def test_a_legacy_prompt_is_read_with_unknown_fields() -> None:
    body = {"model": "m", "prompt": SAID, "max_tokens_to_sample": 3, "hint": ["so"]}
    read = COMPLETE.read(call(body, "/v1/complete"), LIMIT)
    assert texts(read) == [SAID, "so"]
    assert read.request.operation is Operation.TEXT
    assert COMPLETE.read(call({"prompt": ["x"]}, "/v1/complete"), LIMIT).request.problem


SENTENCE = "two words"
NAMES = st.sampled_from(
    ["type", "text", "content", "source", "data", "input", "id", "title", "url", "image", "zz"]
)
VALUES = st.recursive(
    st.sampled_from(["text", "image", "document", "tool_result", "tool_use", "base64"])
    | st.none()
    | st.booleans()
    | st.just(SENTENCE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def times(value: object) -> int:
    """How often the sentence stands in the values of it."""
    if isinstance(value, dict):
        return sum(map(times, value.values()))
    return sum(map(times, value)) if isinstance(value, list) else value == SENTENCE


@given(content=VALUES, system=VALUES, extra=VALUES)
def test_a_sentence_anywhere_is_read_or_the_call_is_unreadable(
    content: Any, system: Any, extra: Any
) -> None:
    body = {"system": system, "messages": [{"role": "user", "content": content}], "extra": extra}
    request = asked(body).request
    unreadable = request.problem or any(image.problem for image in request.images)
    said = [part.text for part in request.parts].count(SENTENCE)
    assert unreadable or said == times(body)
    assert "extra" not in SETTINGS
