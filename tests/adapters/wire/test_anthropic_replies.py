"""What is read of Anthropic's replies and streams, and how a stopped stream ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from guardrail.adapters.wire.anthropic.complete import COMPLETE
from guardrail.adapters.wire.anthropic.dialect import DIALECT
from guardrail.adapters.wire.anthropic.events import MessageEvents
from guardrail.adapters.wire.anthropic.messages import MESSAGES
from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.sse import Event, EventParser
from guardrail.records import Action, Decision, Output, PolicyRef, Stage
from guardrail.streaming import HeldBack
from guardrail.testing import neutral_png

SAID = "a garden in autumn"
PNG = base64.b64encode(neutral_png()).decode()
REFUSED = Decision(Action.REFUSE, "r", "obscenity", PolicyRef("p", 1, ""), Stage.STREAM)


def output(*blocks: object, **fields: object) -> Output:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "content": list(blocks)}
    return MESSAGES.output(Reply(200, (), json.dumps({**body, **fields}).encode()))


def event(kind: str, **fields: object) -> Event:
    return Event(json.dumps({"type": kind, **fields}), kind)


def delta(index: int, **fields: object) -> Event:
    return event("content_block_delta", index=index, delta=fields)


def start(index: int, **block: object) -> Event:
    return event("content_block_start", index=index, content_block=block)


BEGIN = event("message_start", message={"model": "m", "content": [], "usage": {}})

BLOCKS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("text", {"type": "text", "text": SAID}, [(SAID, "output")]),
    ("thinking", {"type": "thinking", "thinking": SAID, "signature": "c2ln"}, [(SAID, "output")]),
    ("redacted", {"type": "redacted_thinking", "data": "c2ln"}, []),
    ("tool", {"type": "tool_use", "id": "t", "input": {"a": [SAID]}}, [(SAID, "tool_arguments")]),
    ("server tool", {"type": "server_tool_use", "input": {"q": SAID}}, [(SAID, "tool_arguments")]),
    (
        "citation",
        {"type": "text", "text": "so", "citations": [{"cited_text": SAID}]},
        [("so", "output"), (SAID, "output")],
    ),
    (
        "code result",
        {"type": "code_execution_tool_result", "content": {"stdout": SAID, "return_code": 0}},
        [(SAID, "output")],
    ),
    ("a kind to come", {"type": "hologram", "scene": {"words": SAID}}, [(SAID, "output")]),
]


@pytest.mark.parametrize(("name", "block", "expected"), BLOCKS, ids=[row[0] for row in BLOCKS])
def test_a_block_is_read(name: str, block: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    read = output(block)
    assert [(part.text, part.origin) for part in read.parts] == expected, name
    assert not read.problem


def test_pictures_and_fields_beside_the_content_are_read() -> None:
    picture = {"type": "image", "source": {"type": "base64", "data": PNG}}
    read = output(picture, stop_details={"explanation": SAID})
    assert read.images[0].data == neutral_png()
    assert [part.text for part in read.parts] == [SAID]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"content":"x"}', b"", b'{"type":"error"}'])
def test_a_reply_of_another_shape_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        MESSAGES.output(Reply(200, (), body))
    with pytest.raises(ValueError, match=r"."):
        COMPLETE.output(Reply(200, (), body))


EVENTS: list[tuple[str, Event, list[tuple[str, str]]]] = [
    ("comment", Event(), []),
    ("ping", event("ping"), []),
    ("begin", BEGIN, []),
    ("text", delta(0, type="text_delta", text=SAID), [("content:0", SAID)]),
    ("thought", delta(1, type="thinking_delta", thinking=SAID), [("reasoning:1", SAID)]),
    ("arguments", delta(2, type="input_json_delta", partial_json='{"a'), [("tool:2", '{"a')]),
    ("signature", delta(1, type="signature_delta", signature="c2ln"), []),
    (
        "citation",
        delta(0, type="citations_delta", citation={"cited_text": SAID}),
        [("delta:0:1", SAID)],
    ),
    ("a delta to come", delta(0, type="later_delta", words=SAID), [("delta:0:1", SAID)]),
    ("text at once", start(3, type="text", text=SAID), [("content:3", SAID)]),
    ("input at once", start(3, type="tool_use", input={"a": SAID}), [("block:3:1", SAID)]),
    ("an event to come", event("later", words=SAID), [("later:1", SAID)]),
    ("error", event("error", error={"type": "x", "message": SAID}), [("error:1", SAID)]),
]


@pytest.mark.parametrize(("name", "given", "expected"), EVENTS, ids=[row[0] for row in EVENTS])
def test_an_event_is_read(name: str, given: Event, expected: list[tuple[str, str]]) -> None:
    assert list(MessageEvents().read(given)) == expected, name


BROKEN = [
    Event("x"),
    Event("[]"),
    Event("{}"),
    event("content_block_delta", index=0, delta=None),
    delta(0, type="text_delta", text=7),
    start(0, type="image", source={"type": "base64", "data": PNG}),
]


@pytest.mark.parametrize("given", BROKEN, ids=range(len(BROKEN)))
def test_an_event_that_cannot_be_read_is_an_error(given: Event) -> None:
    with pytest.raises(ValueError, match=r"."):
        MessageEvents().read(given)


def ending(read: Sequence[Event], released: int) -> list[dict[str, Any]]:
    """What a client is sent last, that was sent as many of the events as were released."""
    reader = MessageEvents()
    for one in read:
        reader.read(one)
    reader.recall(read[released:])
    return [json.loads(one.data) for one in EventParser().feed(bytes(reader.stop(REFUSED)))]


TEXT = [BEGIN, start(0, type="text", text=""), delta(0, type="text_delta", text="so")]
BOTH = [*TEXT, event("content_block_stop", index=0), start(1, type="tool_use", input={})]
ENDS: list[tuple[str, list[Event], int, list[str]]] = [
    ("nothing was sent", [], 0, ["message_start"]),
    ("nothing was released", TEXT, 0, ["message_start"]),
    ("a block is open", TEXT, 2, ["content_block_stop"]),
    ("its end was held back", BOTH, 2, ["content_block_stop"]),
    ("it has ended", BOTH, 4, []),
    ("the next is open", BOTH, 5, ["content_block_stop"]),
]


@pytest.mark.parametrize(("name", "read", "sent", "first"), ENDS, ids=[row[0] for row in ENDS])
def test_a_stopped_stream_ends_in_order(
    name: str, read: list[Event], sent: int, first: list[str]
) -> None:
    last = ending(read, sent)
    assert [one["type"] for one in last] == [*first, "message_delta", "message_stop"], name
    assert last[-2]["delta"]["stop_reason"] == "refusal"


def test_the_stream_tells_its_reader_what_was_dropped() -> None:
    held = HeldBack(MessageEvents())
    for one in BOTH:
        held.add(one)
    assert list(held.cleared()) == BOTH[:2]
    (last,) = held.stop(REFUSED)
    told = [json.loads(one.data) for one in EventParser().feed(bytes(last))]
    assert [one.get("index") for one in told] == [0, None, None]


def test_a_completion_is_read_whole_and_in_a_stream() -> None:
    body = {"type": "completion", "completion": SAID}
    read = COMPLETE.output(Reply(200, (), json.dumps(body).encode()))
    assert [part.text for part in read.parts] == [SAID]
    assert COMPLETE.reader is not None
    reader = COMPLETE.reader()
    assert reader.read(event("completion", completion=SAID)) == (("content:0", SAID),)
    assert reader.read(event("ping")) == ()
    assert reader.read(event("error", error={"message": SAID})) == (("error", SAID),)
    last = reader.stop(REFUSED)
    assert last is not None
    assert json.loads(last.data)["stop_reason"] == "refusal"


KINDS = [
    (400, "invalid_request", "invalid_request_error"),
    (401, "upstream_error", "authentication_error"),
    (404, "unguarded_operation", "not_found_error"),
    (429, "rate_limit_error", "rate_limit_error"),
    (500, "overloaded_error", "overloaded_error"),
    (503, "log_unavailable", "api_error"),
    (418, "teapot", "invalid_request_error"),
]


@pytest.mark.parametrize(("status", "code", "kind"), KINDS, ids=[row[1] for row in KINDS])
def test_an_error_has_a_kind_that_clients_know(status: int, code: str, kind: str) -> None:
    reply = DIALECT.failed(status, code, SAID)
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["type"], error["message"]) == (status, kind, SAID)
    assert error["details"] == {"error_code": code}
