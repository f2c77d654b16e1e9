import base64
import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.cli.lines import Line, read_line
from guardrail.records import Image, Operation, Request, TextPart

PICTURE = b"\x89PNG\r\n\x1a\n"


def load(path: str) -> Image:
    return Image(PICTURE) if path == "a.png" else Image(None, problem="cannot be read")


def read(value: object, number: int = 7) -> Line:
    return read_line(json.dumps(value).encode(), number, load)


def request(value: object) -> Request:
    line = read(value)
    assert line.request is not None, line.error
    return line.request


def test_an_id_and_a_text_are_a_chat_prompt() -> None:
    assert read({"id": "a", "text": "hello"}) == Line("a", Request.of("hello"))


def test_every_field_of_a_full_line_is_read() -> None:
    found = request(
        {
            "id": "r1",
            "operation": "image.edit",
            "prompt": "brighter",
            "messages": [{"role": "system", "content": "be kind"}],
            "images": [{"path": "a.png"}, {"data": base64.b64encode(b"xy").decode()}],
            "caller": {
                "id": "u1",
                "tier": "adult",
                "age_verified": True,
                "jurisdiction": {"code": "us-ca", "source": "billing", "confidence": 0.5},
                "app": "studio",
                "language": "ja",
            },
            "conversation": "c1",
            "model": "m",
        }
    )
    assert found.operation is Operation.IMAGE_EDIT
    assert found.parts == (TextPart("brighter"), TextPart("be kind", "system", "message"))
    assert [image.data for image in found.images] == [PICTURE, b"xy"]
    caller = found.caller
    assert (caller.id, caller.tier, caller.age_verified) == ("u1", "adult", True)
    assert (caller.app, caller.language) == ("studio", "ja")
    assert caller.jurisdiction.code == "US-CA"
    assert (caller.jurisdiction.source, caller.jurisdiction.confidence) == ("billing", 0.5)
    assert (found.conversation, found.model, found.problem) == ("c1", "m", "")


def test_a_line_without_a_caller_is_free_unverified_and_of_unknown_jurisdiction() -> None:
    caller = request({"text": "x"}).caller
    assert (caller.tier, caller.age_verified, caller.jurisdiction.code) == ("free", False, "")


def test_message_contents_count_parts_in_order() -> None:
    found = request(
        {
            "messages": [
                {"role": "user", "content": "one"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "two"},
                        {"type": "image", "path": "a.png"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHk="}},
                        {"type": "image_url", "image_url": "data:image/png;base64,eHo="},
                        {"type": "text", "text": "three"},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"function": {"name": "generate_image", "arguments": '{"prompt": "four"}'}},
                        {"function": {"name": "generate_image", "arguments": {"prompt": "五"}}},
                    ],
                },
            ]
        }
    )
    assert [(part.text, part.role, part.origin, part.turn) for part in found.parts] == [
        ("one", "user", "message", 0),
        ("two", "user", "message", 1),
        ("three", "user", "message", 1),
        ('{"prompt": "four"}', "assistant", "tool_arguments", 2),
        ('{"prompt": "五"}', "assistant", "tool_arguments", 2),
    ]
    assert [image.data for image in found.images] == [PICTURE, b"xy", b"xz"]


def test_a_part_of_another_type_is_a_problem_of_the_request_not_of_the_line() -> None:
    found = request({"messages": [{"content": [{"type": "input_audio", "data": "eHk="}]}]})
    assert found.problem == "messages[0].content[0]: a part of type 'input_audio' is not read"


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        ({"path": "gone.png"}, "cannot be read"),
        ({"data": "not base64!"}, "not base64"),
        ({"data": "data:image/png,xy"}, "a data: URL that is not base64"),
        ({"url": "https://example.com/a.png"}, "a picture given by address is not fetched"),
    ],
)
def test_an_unreadable_picture_is_kept_with_its_problem(image: object, problem: str) -> None:
    (found,) = request({"images": [image]}).images
    assert (found.data, found.problem) == (None, problem)


@pytest.mark.parametrize("identity", ["x", "", 3, -1.5, 10**30, True, None, "\ud800", "改"])
def test_any_plain_id_comes_back_unchanged(identity: object) -> None:
    found = read({"id": identity, "text": "x"}).id
    assert found == identity
    assert type(found) is type(identity)


def test_a_line_without_an_id_is_known_by_its_number() -> None:
    assert read({"text": "x"}, 41).id == "41"


def test_unknown_keys_are_left_alone() -> None:
    line = {"id": 1, "text": "x", "label": 1, "lang": "en", "spans": [[0, 1]], "role": None}
    assert request(line) == Request.of("x")


def test_null_counts_as_absent() -> None:
    assert request({"text": "x", "prompt": None, "caller": None, "model": None}) == Request.of("x")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"id": 1, "text": }', "not JSON: Expecting value at column 19"),
        (b'{"id": 1, "text": "x"', "not JSON: Expecting ',' delimiter at column 22"),
        (b'{"text": "x"} {}', "not JSON: Extra data at column 15"),
        (b'{"text": "a\x00b"}', "not JSON: Invalid control character at column 12"),
        (b"[1]", "expected a JSON object, found an array"),
        (b'"x"', "expected a JSON object, found a string"),
        (b'{"text": "\xff"}', "not UTF-8: byte 11 of the line"),
        (b"\xff\xfe{\x00", "not UTF-8: byte 1 of the line"),
        (b'{"text": "x", "score": NaN}', "not JSON: NaN is not a JSON number"),
        (b'{"text": "x", "score": -Infinity}', "not JSON: -Infinity is not a JSON number"),
        (b'{"id": 1e400, "text": "x"}', "not read: a number out of range"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not read: an integer of too many digits"),
        (b'{"text": "x", "text": "y"}', "a key appears twice in one object"),
        (b'{"text": ' + b"[" * 100_000, "not read: nested too deeply"),
    ],
)
def test_a_line_that_is_no_request_is_answered_without_an_id(raw: bytes, message: str) -> None:
    assert read_line(raw, 3, load) == Line(None, error=message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing to screen: give text, prompt, messages or images"),
        (
            {"promt": "x"},
            "nothing to screen: give text, prompt, messages or images (did 'promt' mean 'prompt'?)",
        ),
        ({"text": None}, "nothing to screen: give text, prompt, messages or images"),
        ({"messages": []}, "nothing to screen: text, prompt, messages or images are all empty"),
        ({"text": 3}, "text: expected a string, found a number"),
        ({"prompt": ["x"]}, "prompt: expected a string, found an array"),
        ({"messages": {}}, "messages: expected an array, found an object"),
        ({"messages": ["x"]}, "messages[0]: expected an object, found a string"),
        ({"messages": [{"content": 1}]}, "messages[0].content: expected a string, found a number"),
        (
            {"messages": [{"content": [{"type": "text"}]}]},
            "messages[0].content[0].text: expected a string, found null",
        ),
        (
            {"text": "x", "images": ["a.png"]},
            "images[0]: expected an object, found a string",
        ),
        ({"text": "x", "images": [{}]}, "images[0]: expected a path or data"),
        ({"text": "x", "caller": "u1"}, "caller: expected an object, found a string"),
        (
            {"text": "x", "caller": {"age_verified": "false"}},
            "caller.age_verified: expected a boolean, found a string",
        ),
        ({"text": "x", "caller": {"tier": 1}}, "caller.tier: expected a string, found a number"),
        (
            {"text": "x", "caller": {"jurisdiction": {"code": "JP", "confidence": 2}}},
            "caller.jurisdiction.confidence: expected a number from 0 to 1",
        ),
        (
            {"text": "x", "operation": "image.make"},
            "operation: unknown; known are " + ", ".join(Operation),
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_path(fields: dict[str, Any], message: str) -> None:
    assert read({"id": "a", **fields}) == Line("a", error=message)


@pytest.mark.parametrize("identity", [[], {}, [1]])
def test_an_id_must_be_a_plain_value(identity: object) -> None:
    assert "id: expected a plain value" in read({"id": identity, "text": "x"}).error


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text("ab,:{\x00\ud800あ", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "type", "url", "data", "content"]), inner)
    ),
    max_leaves=8,
)
KEYS = ["id", "text", "prompt", "messages", "images", "caller", "operation", "conversation"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
@settings(max_examples=150)
def test_no_object_makes_it_raise(value: dict[str, Any]) -> None:
    line = read(value)
    assert (line.request is None) == bool(line.error)


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    line = read_line(raw, 1, load)
    assert (line.request is None) == bool(line.error)


@given(st.text(string.ascii_letters, min_size=12, max_size=30))
@settings(max_examples=30)
def test_an_error_never_quotes_a_text(secret: str) -> None:
    for bad in ({"text": {"x": secret}}, {"text": secret, "caller": 1}, {"prompt": [secret]}):
        assert secret not in read(bad).error
    assert secret not in read_line(f'{{"text": "{secret}" x'.encode(), 1, load).error
