"""What is read of a call to Google's API, in either spelling."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.adapters.wire.codec import Asked
from guardrail.adapters.wire.gemini.generate import GENERATE
from guardrail.adapters.wire.gemini.predict import IMAGEN, VEO
from guardrail.adapters.wire.http import Body, Call
from guardrail.records import Operation
from guardrail.testing import neutral_png

LIMIT = 1_000_000
SAID = "a garden in autumn"
SAID_IN_BASE64 = base64.b64encode(SAID.encode()).decode()
PNG = base64.b64encode(neutral_png()).decode()
URL_PNG = base64.urlsafe_b64encode(neutral_png()).decode().rstrip("=")
BASE = "/v1beta/models/gemini-x"
JSON = (("content-type", "application/json"),)


def call(body: object, path: str = f"{BASE}:generateContent", query: str = "") -> Call:
    return Call("POST", path, query, JSON, Body(json.dumps(body).encode()))


def asked(body: object, path: str = f"{BASE}:generateContent", query: str = "") -> Asked:
    return GENERATE.read(call(body, path, query), LIMIT)


def part(value: object) -> Asked:
    return asked({"contents": [{"role": "user", "parts": [value]}]})


def texts(read: Asked) -> list[str]:
    return [part.text for part in read.request.parts]


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_contents_are_read_with_their_roles(name: str) -> None:
    contents = [
        {"role": "user", "parts": [{"text": SAID}]},
        {"role": "model", "parts": [{"text": "so"}, {"text": "hm", "thought": True}]},
        {
            "role": "function",
            "parts": [{"functionResponse": {"name": "n", "response": {"a": "b"}}}],
        },
    ]
    read = asked({name: {"parts": [{"text": "be kind"}]}, "contents": contents})
    parts = sorted(read.request.parts, key=lambda one: (one.origin != "prompt", one.turn))
    assert [(one.text, one.role, one.origin, one.turn) for one in parts] == [
        ("be kind", "system", "prompt", 0),
        (SAID, "user", "message", 0),
        ("so", "assistant", "message", 1),
        ("hm", "assistant", "message", 1),
        ("b", "tool", "message", 2),
    ]
    assert (read.request.operation, read.request.model) == (Operation.CHAT, "gemini-x")
    assert not read.request.problem


READ: list[tuple[str, object, list[str]]] = [
    ("text", {"text": SAID}, [SAID]),
    ("a bare text", SAID, [SAID]),
    ("call", {"functionCall": {"name": "n", "args": {"a": [SAID]}}}, [SAID]),
    ("call, other spelling", {"function_call": {"name": "n", "args": {"a": SAID}}}, [SAID]),
    ("code", {"executableCode": {"language": "PYTHON", "code": SAID}}, [SAID]),
    ("code result", {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": SAID}}, [SAID]),
    ("signed", {"text": SAID, "thoughtSignature": "c2ln"}, [SAID]),
    ("unknown field", {"text": "so", "partMetadata": {"deep": [SAID]}}, ["so", SAID]),
    ("a sentence as a name", {"functionCall": {"name": SAID}}, [SAID]),
    (
        "inline text",
        {
            "inlineData": {
                "mimeType": "text/plain",
                "data": base64.b64encode(SAID.encode()).decode(),
            }
        },
        [SAID],
    ),
    ("both spellings", {"text": SAID, "function_call": {"args": {"a": "so"}}}, [SAID, "so"]),
]


@pytest.mark.parametrize(("name", "value", "expected"), READ, ids=[row[0] for row in READ])
def test_a_part_is_read(name: str, value: object, expected: list[str]) -> None:
    read = part(value)
    assert texts(read) == expected, name
    assert not read.request.problem


@pytest.mark.parametrize("name", ["inlineData", "inline_data"])
@pytest.mark.parametrize("kind", ["mimeType", "mime_type"])
@pytest.mark.parametrize("data", [PNG, URL_PNG], ids=["base64", "for URLs"])
def test_a_picture_is_taken_in(name: str, kind: str, data: str) -> None:
    read = part({name: {kind: "image/png", "data": data}})
    assert [image.data for image in read.request.images] == [neutral_png()]


def test_what_stands_beside_a_picture_is_read() -> None:
    read = part({"inlineData": {"mimeType": "image/png", "data": PNG, "displayName": SAID}})
    assert texts(read) == [SAID]


def test_a_picture_in_a_function_response_is_taken_in() -> None:
    inner = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    read = part({"functionResponse": {"name": "n", "response": {}, "parts": [inner]}})
    assert len(read.request.images) == 1


UNREADABLE: list[tuple[str, object]] = [
    ("unknown kind", {"hologram": {"a": SAID}}),
    ("nothing", {}),
    ("number", 7),
    ("file", {"fileData": {"fileUri": "https://e.com/f", "mimeType": "image/png"}}),
    ("file, other spelling", {"file_data": {"file_uri": "gs://b/f"}}),
    ("audio", {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}),
    ("pdf", {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}),
    ("no type", {"inlineData": {"data": PNG}}),
    ("no data", {"inlineData": {"mimeType": "image/png"}}),
    ("data twice", {"inline_data": {"mimeType": "image/png", "data": PNG, "Data": PNG}}),
    ("text that is none", {"inlineData": {"mimeType": "text/plain", "data": "/w=="}}),
]


@pytest.mark.parametrize(("name", "value"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_is_noted(name: str, value: object) -> None:
    request = part(value).request
    assert request.problem or any(image.problem for image in request.images), name


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": [{"parts": [{"text": SAID}]}], "cachedContent": "cachedContents/1"},
        {"contents": [{"parts": [{"text": SAID}]}], "cached_content": "cachedContents/1"},
        {"contents": [{"parts": [{"text": SAID}]}], "continuationToken": "x"},
        {"contents": 7},
    ],
    ids=["no contents", "cached", "cached, other spelling", "continued", "a number"],
)
def test_a_body_that_cannot_be_read_is_noted(body: dict[str, Any]) -> None:
    assert asked(body).request.problem


@pytest.mark.parametrize("contents", [SAID, {"parts": {"text": SAID}}, [SAID]])
def test_one_content_may_stand_for_several(contents: object) -> None:
    assert texts(asked({"contents": contents})) == [SAID]


def test_fields_that_are_no_settings_are_read() -> None:
    config = {"temperature": 1, "stopSequences": ["x"], "negativePrompt": SAID}
    body = {"contents": [], "generationConfig": config, "novelty": {"deep": SAID}}
    assert texts(asked(body)) == [SAID, SAID]


PICTURES: list[tuple[str, dict[str, Any], str]] = [
    ("asked for", {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "g"),
    ("other spelling", {"generation_config": {"response_modalities": ["image"]}}, "g"),
    ("by number", {"generationConfig": {"responseModalities": [2]}}, "g"),
    ("one alone", {"generationConfig": {"responseModalities": "IMAGE"}}, "g"),
    ("model", {}, "gemini-2.5-flash-image"),
    ("tool", {"tools": [{"functionDeclarations": [{"name": "draw_picture"}]}]}, "g"),
]


@pytest.mark.parametrize(("name", "body", "model"), PICTURES, ids=[row[0] for row in PICTURES])
def test_what_can_end_in_a_picture_is_judged_so(
    name: str, body: dict[str, Any], model: str
) -> None:
    path = f"/v1beta/models/{model}:generateContent"
    read = asked({"contents": SAID, **body}, path)
    assert read.request.operation is Operation.IMAGE_GENERATE, name
    picture = {"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}
    read = asked({**body, "contents": [picture]}, path)
    assert read.request.operation is Operation.IMAGE_EDIT


def test_a_streamed_picture_is_unreadable() -> None:
    body = {"contents": SAID, "generationConfig": {"responseModalities": ["IMAGE"]}}
    read = asked(body, f"{BASE}:streamGenerateContent", "alt=sse")
    assert read.request.problem
    assert read.streams


@pytest.mark.parametrize(
    ("query", "streams"),
    [
        ("alt=sse", True),
        ("key=k&alt=sse", True),
        ("", False),
        ("alt=json", False),
        ("x=sse", False),
    ],
)
def test_a_stream_of_events_is_told_by_the_query(query: str, streams: bool) -> None:
    read = asked({"contents": SAID}, f"{BASE}:streamGenerateContent", query)
    assert read.streams is streams


VERTEX = "/v1/projects/p/locations/us-central1/publishers/google/models/imagen-4"


def test_a_picture_is_asked_for_by_predict() -> None:
    body = {
        "instances": [{"prompt": SAID}],
        "parameters": {
            "sampleCount": 1,
            "personGeneration": "allow_adult",
            "negativePrompt": "fog",
        },
    }
    read = IMAGEN.read(call(body, f"{VERTEX}:predict"), LIMIT)
    assert texts(read) == [SAID, "fog"]
    assert (read.request.operation, read.request.model) == (Operation.IMAGE_GENERATE, "imagen-4")
    assert not read.request.problem


@pytest.mark.parametrize("name", ["bytesBase64Encoded", "bytes_base64_encoded"])
def test_a_picture_to_start_from_makes_it_an_edit(name: str) -> None:
    picture = {"referenceImage": {name: PNG}, "referenceType": "REFERENCE_TYPE_RAW"}
    body = {"instances": [{"prompt": SAID, "referenceImages": [picture]}]}
    assert IMAGEN.read(call(body), LIMIT).request.operation is Operation.IMAGE_EDIT
    start = {"prompt": SAID, "image": {name: PNG, "mimeType": "image/png"}}
    read = VEO.read(call({"instances": [start]}), LIMIT).request
    assert (read.operation, read.images[0].data) == (Operation.VIDEO_EDIT, neutral_png())


@pytest.mark.parametrize(
    "instance",
    [
        {"prompt": SAID, "image": {"gcsUri": "gs://b/f"}},
        {"prompt": SAID, "video": {"bytesBase64Encoded": "AAAA", "mimeType": "video/mp4"}},
        {"prompt": SAID, "video": {"uri": "https://e.com/v"}},
        {"prompt": SAID, "image": {"bytesBase64Encoded": 7}},
    ],
    ids=["kept elsewhere", "film", "film elsewhere", "number"],
)
def test_an_instance_that_cannot_be_read_is_noted(instance: object) -> None:
    for codec in (IMAGEN, VEO):
        request = codec.read(call({"instances": [instance]}), LIMIT).request
        assert request.problem or any(image.problem for image in request.images)
        assert codec.read(call({}), LIMIT).request.problem


SENTENCE = "two words"
NAMES = st.sampled_from(
    ["text", "parts", "role", "inlineData", "data", "mimeType", "args", "functionCall", "id", "zz"]
)
VALUES = st.recursive(
    st.sampled_from(["text/plain", "image/png", "user"])
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


@given(contents=VALUES, system=VALUES, extra=VALUES)
def test_a_sentence_anywhere_is_read_or_the_call_is_unreadable(
    contents: Any, system: Any, extra: Any
) -> None:
    body = {"systemInstruction": system, "contents": contents, "extra": extra}
    request = asked(body).request
    unreadable = request.problem or any(image.problem for image in request.images)
    said = [part.text for part in request.parts].count(SENTENCE)
    assert unreadable or said == times(body)


@given(instances=VALUES, parameters=VALUES)
def test_a_sentence_anywhere_in_a_prediction_is_read(instances: Any, parameters: Any) -> None:
    body = {"instances": instances, "parameters": parameters}
    request = IMAGEN.read(call(body), LIMIT).request
    unreadable = request.problem or any(image.problem for image in request.images)
    said = [part.text for part in request.parts].count(SENTENCE)
    assert unreadable or said == times(body)
