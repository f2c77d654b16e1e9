"""What is read of Google's replies and streams, and how a stopped stream ends."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from guardrail.adapters.wire.gemini.dialect import DIALECT
from guardrail.adapters.wire.gemini.events import ContentEvents
from guardrail.adapters.wire.gemini.generate import GENERATE
from guardrail.adapters.wire.gemini.predict import IMAGEN, VEO
from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.sse import Event
from guardrail.records import Action, Decision, Output, PolicyRef, Stage
from guardrail.testing import neutral_png

SAID = "a garden in autumn"
PNG = base64.b64encode(neutral_png()).decode()
PICTURE = {"inlineData": {"mimeType": "image/png", "data": PNG}}
REFUSED = Decision(Action.REFUSE, "r", "obscenity", PolicyRef("p", 1, ""), Stage.STREAM)


def chunk(*parts: object, **fields: object) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **fields}]}


def output(value: object) -> Output:
    return GENERATE.output(Reply(200, (), json.dumps(value).encode()))


def event(value: object) -> Event:
    return Event(json.dumps(value))


PARTS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("text", {"text": SAID}, [("content:0", SAID)]),
    ("thought", {"text": SAID, "thought": True}, [("reasoning:0", SAID)]),
    ("call", {"functionCall": {"name": "n", "args": {"a": SAID}}}, [("tool:1", SAID)]),
    ("other spelling", {"function_call": {"args": {"a": SAID}}}, [("tool:1", SAID)]),
    ("code", {"executableCode": {"language": "PYTHON", "code": SAID}}, [("tool:1", SAID)]),
    ("result", {"codeExecutionResult": {"output": SAID}}, [("part:0:1", SAID)]),
    ("a kind to come", {"hologram": {"words": SAID}}, [("part:0:1", SAID)]),
]


@pytest.mark.parametrize(("name", "part", "expected"), PARTS, ids=[row[0] for row in PARTS])
def test_a_part_is_read(name: str, part: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert list(ContentEvents().read(event(chunk(part)))) == expected, name
    origin = "tool_arguments" if expected[0][0].startswith("tool") else "output"
    assert [(one.text, one.origin) for one in output(chunk(part)).parts] == [(SAID, origin)]


def test_arguments_that_come_in_pieces_are_put_together() -> None:
    reader = ContentEvents()
    read = [
        pair
        for piece in ("a gar", "den")
        for pair in reader.read(
            event(
                chunk(
                    {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": piece}]}}
                )
            )
        )
        if pair[0] == "tool:0:$.a"
    ]
    assert "".join(text for _, text in read) == "a garden"


def test_candidates_are_told_apart_and_their_other_fields_read() -> None:
    reply = {
        "candidates": [
            {"index": 1, "content": {"parts": [{"text": "one"}]}, "finishMessage": "hm"},
            {"index": 2, "content": {"parts": [{"text": "two"}]}},
        ]
    }
    read = list(ContentEvents().read(event(reply)))
    assert read == [("content:1", "one"), ("candidate:1:1", "hm"), ("content:2", "two")]


def test_an_array_is_put_together_before_it_is_read() -> None:
    read = output([chunk({"text": "a gar"}), chunk({"text": "den"})])
    assert [part.text for part in read.parts] == ["a garden"]


def test_a_picture_is_taken_in_whole_and_unreadable_in_a_stream() -> None:
    assert output(chunk(PICTURE)).images[0].data == neutral_png()
    with pytest.raises(ValueError, match="picture"):
        ContentEvents().read(event(chunk(PICTURE)))


def test_sound_cannot_be_read() -> None:
    sound = {"inlineData": {"mimeType": "audio/L16", "data": "AAAA"}}
    assert output(chunk(sound)).problem
    with pytest.raises(ValueError, match="picture"):
        ContentEvents().read(event(chunk(sound)))


@pytest.mark.parametrize(
    "value",
    [
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"usageMetadata": {"totalTokenCount": 1, "trafficType": "ON_DEMAND"}},
        chunk(
            safetyRatings=[{"category": "HARM_CATEGORY_SEXUALLY_EXPLICIT", "probability": "LOW"}]
        ),
        [],
    ],
)
def test_a_reply_may_say_nothing(value: object) -> None:
    assert output(value) == Output()


BROKEN: list[object] = [
    {},
    "x",
    [7],
    {"candidates": 7},
    {"candidates": [7]},
    chunk(7),
    chunk({"text": 7}),
]


@pytest.mark.parametrize("value", BROKEN, ids=range(len(BROKEN)))
def test_a_reply_of_another_shape_is_an_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        output(value)
    if not isinstance(value, list):
        with pytest.raises(ValueError, match=r"."):
            ContentEvents().read(event(value))


def test_a_comment_says_nothing_and_an_error_is_read() -> None:
    assert ContentEvents().read(Event()) == ()
    told = {"error": {"code": 500, "message": SAID, "status": "INTERNAL"}}
    assert ("reply:1", SAID) in list(ContentEvents().read(event(told)))


def test_a_stopped_stream_ends_for_safety() -> None:
    reader = ContentEvents()
    reader.read(event({**chunk({"text": "a"}, index=3), "responseId": "r", "modelVersion": "m"}))
    assert json.loads(reader.stop(REFUSED).data) == {
        "candidates": [{"index": 3, "finishReason": "SAFETY"}],
        "responseId": "r",
        "modelVersion": "m",
    }


def test_predictions_are_read() -> None:
    made = {"bytesBase64Encoded": PNG, "mimeType": "image/png", "prompt": SAID}
    body = {"predictions": [made, {"raiFilteredReason": "so"}, "hm"]}
    read = IMAGEN.output(Reply(200, (), json.dumps(body).encode()))
    assert read.images[0].data == neutral_png()
    assert [part.text for part in read.parts] == [SAID, "so", "hm"]
    assert VEO.output(Reply(200, (), b'{"name":"operations/1"}')) == Output()


@pytest.mark.parametrize("body", [b"", b"[]", b"7"])
def test_a_prediction_of_another_shape_is_an_error(body: bytes) -> None:
    for codec in (IMAGEN, VEO):
        with pytest.raises(ValueError, match=r"."):
            codec.output(Reply(200, (), body))


STATUSES = [
    (400, "INVALID_ARGUMENT"),
    (403, "PERMISSION_DENIED"),
    (404, "NOT_FOUND"),
    (418, "INVALID_ARGUMENT"),
    (502, "INTERNAL"),
    (503, "UNAVAILABLE"),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES, ids=[str(row[0]) for row in STATUSES])
def test_an_error_has_a_status_that_clients_know(status: int, kind: str) -> None:
    error = json.loads(DIALECT.failed(status, "log_unavailable", SAID).body)["error"]
    assert (error["code"], error["status"], error["message"]) == (status, kind, SAID)
    assert error["details"][0]["reason"] == "LOG_UNAVAILABLE"
