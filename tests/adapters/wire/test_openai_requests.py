"""What OpenAI's routes read of a call: everything a model would, or the call is not readable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.adapters.wire.codec import BadCall, Codec
from guardrail.adapters.wire.http import Body, Call
from guardrail.adapters.wire.openai import (
    chat,
    completions,
    images,
    responses,
    speech,
    transcripts,
    videos,
)
from guardrail.adapters.wire.openai.fields import HIDDEN, UNREADABLE
from guardrail.adapters.wire.routes import Passed
from guardrail.adapters.wire.table import known_routes
from guardrail.errors import InputError
from guardrail.records import Operation, Request

SAID = "a red boat at sea"
LIMIT = 10_000
JSON = (("content-type", "application/json"),)
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
BODIES: dict[str, tuple[Codec, frozenset[str], dict[str, Any]]] = {
    "chat": (chat.CHAT, chat.SETTINGS, CHAT),
    "completions": (completions.COMPLETIONS, completions.SETTINGS, {"prompt": "hello"}),
    "responses": (responses.RESPONSES, responses.SETTINGS, {"input": "hello"}),
    "generations": (images.GENERATIONS, images.SETTINGS, {"prompt": "hello"}),
    "edits": (images.EDITS, images.SETTINGS, {"prompt": "hello"}),
    "speech": (speech.SPEECH, speech.SETTINGS, {"input": "hello", "voice": "alloy"}),
    "videos": (videos.VIDEOS, videos.SETTINGS, {"prompt": "hello"}),
}


def call(body: Any, path: str = "/v1/x") -> Call:
    return Call("POST", path, "", JSON, Body(json.dumps(body).encode()))


def read(codec: Codec, body: Any, path: str = "/v1/x") -> Request:
    return codec.read(call(body, path), LIMIT).request


def is_read_or_refused(codec: Codec, body: Any) -> bool:
    try:
        request = read(codec, body)
    except InputError:
        return True
    said = any(SAID in part.text for part in request.parts)
    return said or bool(request.problem) or any(image.problem for image in request.images)


@pytest.mark.parametrize("name", BODIES)
def test_a_text_in_any_setting_is_read(name: str) -> None:
    codec, known, body = BODIES[name]
    for setting in sorted(known - HIDDEN):
        assert is_read_or_refused(codec, {**body, setting: SAID}), setting
        assert is_read_or_refused(codec, {**body, setting: {"x": [{"y": SAID}]}}), setting


@pytest.mark.parametrize("name", BODIES)
def test_settings_are_not_content(name: str) -> None:
    codec, known, body = BODIES[name]
    assert "hello" in [part.text for part in read(codec, body).parts]
    plain = dict.fromkeys(known - {"stream", "background"}, "auto")
    if name == "responses":
        plain = {
            key: "auto" for key in plain if key not in ("previous_response_id", "conversation")
        }
    request = read(codec, {**body, **plain})
    assert [part.text for part in request.parts] == ["hello"]
    assert not request.problem


@pytest.mark.parametrize("name", BODIES)
def test_fields_that_cannot_be_read(name: str) -> None:
    codec, _, body = BODIES[name]
    for field in sorted(UNREADABLE):
        assert field in read(codec, {**body, field: "AAAA"}).problem
        assert not read(codec, {**body, field: None}).problem


WORDS = [
    "annotations", "arguments", "audio", "cache_control", "code", "content", "custom", "detail",
    "documents", "file", "function", "function_call", "guided_regex", "id", "image", "image_url",
    "images", "input", "input_reference", "instructions", "mask", "messages", "mm_processor_kwargs",
    "name", "output", "parts", "prediction", "prompt", "reasoning", "refusal", "response_format",
    "result", "role", "source", "suffix", "summary", "text", "thinking", "thinking_blocks",
    "tool_calls", "type", "url", "voice", SAID,
]  # fmt: skip
KINDS = [
    "custom_tool_call", "function", "function_call", "function_call_output", "image",
    "image_generation_call", "image_url", "input_image", "input_text", "item_reference", "message",
    "output_text", "reasoning", "refusal", "summary_text", "text", "thinking", "user", "x",
]  # fmt: skip
LEAVES = st.sampled_from([None, True, 1, 0.5, "", "user", "text", SAID, SAID])
ANY = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
        | st.tuples(
            st.sampled_from(KINDS), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
        ).map(lambda pair: {**pair[1], "type": pair[0]})
    ),
    max_leaves=8,
)


def says(value: Any) -> bool:
    return SAID in json.dumps(value)


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_text_anywhere_is_read_or_the_call_refused(name: str, data: st.DataObject) -> None:
    codec, _, body = BODIES[name]
    keys = st.sampled_from(sorted({*WORDS} - HIDDEN))
    body = {**body, **data.draw(st.dictionaries(keys, ANY, min_size=1, max_size=3).filter(says))}
    assert is_read_or_refused(codec, body), body


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_text_anywhere_in_a_message_is_read(data: st.DataObject) -> None:
    fields = st.dictionaries(st.sampled_from(WORDS), ANY, min_size=1, max_size=4)
    message = {"role": "user", **data.draw(fields.filter(says))}
    for body, codec in (
        ({"messages": [message]}, chat.CHAT),
        ({"input": [message]}, responses.RESPONSES),
    ):
        assert is_read_or_refused(codec, body), body


@pytest.mark.parametrize(
    "calls",
    [
        SAID,
        [SAID],
        [{"function": SAID}],
        [{"function": {"arguments": SAID}}],
        [{"function": {"arguments": {"q": SAID}}}],
        [{"function": {"name": SAID}}],
        [{"function": {"arguments": "{}"}, "custom": {"input": SAID}}],
        [{"custom": SAID, "function": {"name": "f"}}],
        [{"id": SAID}],
        {"function": {"arguments": SAID}},
    ],
)
def test_a_text_anywhere_in_a_tool_call_is_read(calls: Any) -> None:
    message = {"role": "assistant", "tool_calls": calls}
    assert is_read_or_refused(chat.CHAT, {"messages": [message]})


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8), st.text(max_size=12) | st.integers(), max_size=5
    )
)
def test_unknown_fields_survive(more: dict[str, Any]) -> None:
    asked = call({**more, **CHAT})
    before = asked.body.whole()
    chat.CHAT.read(asked, LIMIT)
    assert asked.body.whole() == before


READ = [
    ({"documents": [{"title": "t", "text": SAID}]}, SAID),
    ({"guided_regex": SAID}, SAID),
    ({"guided_json": {"properties": {"x": {"description": SAID}}}}, SAID),
    ({"structured_outputs": {"choice": [SAID]}}, SAID),
    ({"chat_template_kwargs": {"note": SAID}}, SAID),
    ({"chat_template_kwargs": {SAID: 1}}, SAID),
    ({"mm_processor_kwargs": {"x": [SAID]}}, SAID),
    ({"prediction": {"type": "content", "content": SAID}}, SAID),
    ({"web_search_options": {"user_location": {"approximate": {"city": SAID}}}}, SAID),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"description": SAID}},
            }
        },
        SAID,
    ),
]


@pytest.mark.parametrize(("more", "said"), READ)
def test_fields_of_other_servers_are_read(more: dict[str, Any], said: str) -> None:
    assert said in [part.text for part in read(chat.CHAT, {**CHAT, **more}).parts]


@pytest.mark.parametrize("field", sorted(HIDDEN))
def test_what_is_hidden_is_not_read(field: str) -> None:
    body = {**CHAT, field: [{"type": "function", "function": {"description": SAID}}]}
    assert [part.text for part in read(chat.CHAT, body).parts] == ["hello"]


@pytest.mark.parametrize(
    ("path", "body", "model", "operation"),
    [
        ("/v1/chat/completions", {"model": "gpt"}, "gpt", Operation.CHAT),
        ("/openai/deployments/d1/chat/completions", {}, "d1", Operation.CHAT),
        ("/openai/deployments/d1/chat/completions", {"model": "gpt"}, "d1", Operation.CHAT),
        (
            "/openai/deployments/gpt-image-1/chat/completions",
            {"model": "gpt"},
            "gpt-image-1",
            Operation.IMAGE_GENERATE,
        ),
        (
            "/openai/deployments/d1/chat/completions",
            {"model": "gpt-image-1"},
            "d1",
            Operation.IMAGE_GENERATE,
        ),
    ],
)
def test_the_model_may_be_in_the_path(
    path: str, body: dict[str, Any], model: str, operation: Operation
) -> None:
    request = read(chat.CHAT, {**CHAT, "model": None, **body}, path)
    assert (request.model, request.operation) == (model, operation)


def form(*fields: tuple[str, str, bytes]) -> Call:
    """A form of (name, filename, data); a text where the filename is empty."""
    body = b""
    for name, filename, data in fields:
        file = f'; filename="{filename}"' if filename else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += data + b"\r\n"
    headers = (("content-type", "multipart/form-data; boundary=b"),)
    return Call("POST", "/v1/x", "", headers, Body(body + b"--b--\r\n"))


FORMS = [images.EDITS, images.VARIATIONS, images.GENERATIONS, videos.VIDEOS, videos.CHANGES]


@pytest.mark.parametrize("codec", [*FORMS, transcripts.TRANSCRIPTIONS], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "name", ["prompt", "x", "prompt[]", "x[y]", "style", "model", "size", "response_format"]
)
def test_a_text_anywhere_in_a_form_is_read(codec: Codec, name: str) -> None:
    request = codec.read(form((name, "", SAID.encode())), LIMIT).request
    assert SAID in [part.text for part in request.parts] or request.problem


@pytest.mark.parametrize("codec", FORMS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", ["image", "image[]", "mask", "x", "input_reference", "y[]"])
def test_a_file_anywhere_in_a_form_is_read(codec: Codec, name: str) -> None:
    request = codec.read(form((name, "a.png", b"picture"), ("prompt", "", b"x")), LIMIT).request
    assert [image.data for image in request.images] == [b"picture"]


@pytest.mark.parametrize("name", ["model", "user", "size", "n[]"])
def test_a_setting_is_no_file(name: str) -> None:
    with pytest.raises(BadCall, match="is no file"):
        images.EDITS.read(form((name, "a", b"x")), LIMIT)


@pytest.mark.parametrize(("value", "streams"), [("true", True), ("false", False), ("0", False)])
def test_a_switch_in_a_form(value: str, streams: bool) -> None:
    asked = transcripts.TRANSCRIPTIONS.read(form(("stream", "", value.encode())), LIMIT)
    assert asked.streams is streams


def test_sound_is_not_kept() -> None:
    asked = transcripts.TRANSCRIPTIONS.read(
        form(
            ("file", "a.wav", b"sound" * 1000),
            ("known_speaker_references[]", "", b"data:audio/wav;base64,AAAA"),
            ("prompt", "", b"hello"),
        ),
        LIMIT,
    )
    assert [part.text for part in asked.request.parts] == ["hello"]
    assert asked.request.images == ()
    assert not asked.request.problem


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/chat/completions", "openai.chat"),
        ("POST", "/openai/deployments/d/completions", "openai.completions"),
        ("POST", "/openai/v1/responses", "openai.responses"),
        ("GET", "/v1/responses/r", "openai.responses.stored"),
        ("POST", "/v1/videos/v/remix", "openai.videos.edits"),
        ("POST", "/v1/videos/characters", "unknown"),
        ("POST", "/v1/responses/compact", "unknown"),
        ("POST", "/v1/chat/completions/c", "unknown"),
        ("GET", "/v1/files/f/content", "unknown"),
        ("GET", "/v1/threads/t/messages", "unknown"),
        ("GET", "/v1/vector_stores/v/search", "unknown"),
        ("POST", "/v1/files", "unknown"),
        ("POST", "/v1/assistants", "unknown"),
        ("PUT", "/v1/chat/completions", "unknown"),
        ("POST", "/v1/chat/../files", "unknown"),
        ("POST", "/v1/chat%2Fcompletions", "unknown"),
        ("POST", "/invocations", "unknown"),
        ("POST", "/tokenize", "unknown"),
    ],
)
def test_where_a_call_belongs(method: str, path: str, name: str) -> None:
    target = known_routes().find(Call(method, path))
    assert isinstance(target, Codec)
    assert target.name == name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/moderations"),
        ("POST", "/v1/responses/input_tokens"),
        ("GET", "/v1/models/org/name"),
        ("GET", "/v1/videos"),
        ("GET", "/v1/files"),
        ("GET", "/v1/batches/b"),
        ("DELETE", "/v1/responses/r"),
        ("GET", "/health"),
    ],
)
def test_what_is_passed_says_why(method: str, path: str) -> None:
    target = known_routes().find(Call(method, path))
    assert isinstance(target, Passed)
    assert target.why
