"""Replies and stream chunks become outputs: everything the client would read is in them."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.adapters.wire import replied as reply
from guardrail.adapters.wire.chunks import ChunkReader
from guardrail.adapters.wire.item_events import EventReader
from guardrail.records import Action, Decision, Output, PolicyRef
from guardrail.testing import neutral_png

PNG = neutral_png(4, 4)
B64 = base64.b64encode(PNG).decode()
DECISION = Decision(Action.REFUSE, "r", "real_person_sexual", PolicyRef("p", 1, "0"))


def thing(value: Any) -> Any:
    """The same value as nested objects, which is how SDKs give it."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: thing(inner) for name, inner in value.items()})
    return [thing(inner) for inner in value] if isinstance(value, list) else value


def said(output: Output) -> list[tuple[str, str]]:
    return [(part.text, part.origin) for part in output.parts]


MESSAGES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"content": "hi"}, [("hi", "output")]),
    ({"content": None}, []),
    ({"content": [{"type": "text", "text": "hi"}]}, [("hi", "output")]),
    ({"content": "hi", "reasoning_content": "hm"}, [("hi", "output"), ("hm", "output")]),
    ({"thinking_blocks": [{"thinking": "h"}, {"thinking": "m"}]}, [("hm", "output")]),
    ({"refusal": "no"}, [("no", "output")]),
    ({"provider_specific_fields": {"refusal": "no"}}, [("no", "output")]),
    ({"audio": {"data": "AAAA", "transcript": "hi"}}, [("hi", "output")]),
    ({"function_call": {"name": "f", "arguments": "{}"}}, [("{}", "tool_arguments")]),
    (
        {
            "tool_calls": [
                {"function": {"name": "f", "arguments": "{}"}},
                {"custom": {"input": "x"}},
            ]
        },
        [("{}", "tool_arguments"), ("x", "tool_arguments")],
    ),
]


@pytest.mark.parametrize("shape", [dict, thing])
@pytest.mark.parametrize(("message", "parts"), MESSAGES)
def test_messages(message: Any, parts: list[tuple[str, str]], shape: Any) -> None:
    output = reply.chat_output(shape({"choices": [{"message": message}]}))
    assert said(output) == parts
    assert not output.problem
    assert {part.role for part in output.parts} <= {"assistant"}


def test_every_choice_is_read() -> None:
    choices = [{"message": {"content": text}} for text in "abc"]
    assert [text for text, _ in said(reply.chat_output({"choices": choices}))] == ["a", "b", "c"]
    texts = [{"text": text} for text in "abc"]
    assert [text for text, _ in said(reply.text_output({"choices": texts}))] == ["a", "b", "c"]


def test_pictures_in_a_chat() -> None:
    images = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + B64}}]
    output = reply.chat_output({"choices": [{"message": {"content": "", "images": images}}]})
    assert [image.data for image in output.images] == [PNG]


OUTPUT_ITEMS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (
        {
            "type": "message",
            "content": [
                {"type": "output_text", "text": "hi", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        [("hi", "output"), ("no", "output")],
    ),
    ({"type": "function_call", "name": "f", "arguments": "{}"}, [("{}", "tool_arguments")]),
    ({"type": "reasoning", "summary": [{"text": "hm"}], "content": None}, [("hm", "output")]),
    ({"type": "code_interpreter_call", "code": "x = 1"}, [("x = 1", "tool_arguments")]),
    (
        {"type": "mcp_call", "arguments": "{}", "output": "o"},
        [("{}", "tool_arguments"), ("o", "output")],
    ),
    ({"type": "image_generation_call", "result": B64, "revised_prompt": "p"}, [("p", "output")]),
]


@pytest.mark.parametrize("shape", [dict, thing])
@pytest.mark.parametrize(("item", "parts"), OUTPUT_ITEMS)
def test_items(item: Any, parts: list[tuple[str, str]], shape: Any) -> None:
    output = reply.responses_output(shape({"output": [item]}))
    assert said(output) == parts
    assert len(output.images) == (item["type"] == "image_generation_call")


def test_images() -> None:
    data = [{"b64_json": B64, "revised_prompt": "a boat"}, {"url": "https://example.com/a.png"}]
    output = reply.images_output({"data": data})
    assert said(output) == [("a boat", "output")]
    assert [image.data for image in output.images] == [PNG]
    assert not output.problem


def test_a_picture_that_is_not_base64_is_a_problem() -> None:
    assert reply.images_output({"data": [{"b64_json": "@@@"}]}).problem


@pytest.mark.parametrize("odd", [None, 7, "text", object(), {}, {"choices": None}, {"output": "x"}])
@pytest.mark.parametrize(
    "read", [reply.chat_output, reply.text_output, reply.responses_output, reply.images_output]
)
def test_a_reply_of_another_shape_is_not_taken_for_an_empty_one(read: Any, odd: Any) -> None:
    with pytest.raises(ValueError, match="a reply without"):
        read(odd)


def made(chunk: Any, choices: Any) -> Any:
    return {"object": chunk["object"], "choices": choices}


def chunks_of(reader: Any, *chunks: Any) -> list[tuple[str, str]]:
    return [pair for chunk in chunks for pair in reader.read(chunk)]


def delta(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": index, "delta": fields}]}


@pytest.mark.parametrize("shape", [dict, thing])
def test_chunks_go_to_channels(shape: Any) -> None:
    calls = [{"index": 1, "function": {"arguments": '{"a'}}]
    reader = ChunkReader(lambda _last, _choices: None, made)
    chunks = [
        delta(role="assistant", content=""),
        delta(content="hi"),
        delta(1, content="ho"),
        delta(reasoning_content="hm"),
        delta(tool_calls=calls),
        delta(refusal="no"),
        {"object": "chat.completion.chunk", "choices": []},
        {"object": "text_completion", "choices": [{"index": 0, "text": "tx"}]},
    ]
    assert chunks_of(reader, *map(shape, chunks)) == [
        ("content:0", "hi"),
        ("content:1", "ho"),
        ("reasoning:0", "hm"),
        ("tool:0:1", '{"a'),
        ("content:0", "no"),
        ("content:0", "tx"),
    ]


def test_a_stopped_stream_ends_every_choice_seen() -> None:
    seen: list[Any] = []
    reader = ChunkReader(lambda last, choices: seen.append((last, choices)), made)
    last = delta(2, content="b")
    chunks_of(reader, delta(0, content="a"), last)
    reader.stop(DECISION)
    assert seen == [(last, (0, 2))]


@pytest.mark.parametrize(
    "odd", [None, 7, {"choices": "x"}, {"choices": [{"delta": {"content": 7}}]}]
)
def test_a_chunk_of_another_shape_is_not_taken_for_silence(odd: Any) -> None:
    with pytest.raises(ValueError, match=r"without|given as"):
        ChunkReader(lambda _last, _choices: None, made).read(odd)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": 0, "content_index": 0, **fields}


MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "hi ho"}]}


def test_events_of_a_response_are_heard_once() -> None:
    reader = EventReader(lambda _first, _choices: None)
    pairs = chunks_of(
        reader,
        event("created", response={"output": []}),
        event("output_item.added", item={"type": "message", "content": []}),
        event("reasoning_summary_text.delta", delta="hm"),
        event("output_text.delta", delta="hi "),
        event("output_text.delta", delta="ho"),
        event("output_text.done", text="hi ho"),
        event("content_part.done", part={"type": "output_text", "text": "hi ho"}),
        event("output_item.done", item=MESSAGE),
        event("completed", response={"output": [MESSAGE]}),
    )
    assert [text for _, text in pairs] == ["hm", "hi ", "ho"]
    assert pairs[1][0] == pairs[2][0] != pairs[0][0]


def test_text_that_comes_only_at_the_end_is_heard() -> None:
    reader = EventReader(lambda _first, _choices: None)
    assert [
        text for _, text in reader.read(event("completed", response={"output": [MESSAGE]}))
    ] == ["hi ho"]


def test_a_done_event_that_differs_is_heard_in_full() -> None:
    reader = EventReader(lambda _first, _choices: None)
    pairs = chunks_of(
        reader, event("output_text.delta", delta="hi"), event("output_text.done", text="other")
    )
    assert [text for _, text in pairs] == ["hi", "other"]


def test_arguments_are_a_tool_channel() -> None:
    reader = EventReader(lambda _first, _choices: None)
    ((channel, _),) = reader.read(event("function_call_arguments.delta", delta="{"))
    assert channel.startswith("tool")


def test_an_event_without_a_type_is_not_taken_for_silence() -> None:
    with pytest.raises(ValueError, match="without a type"):
        EventReader(lambda _first, _choices: None).read({"delta": "x"})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=5), max_size=8), st.integers(0, 2))
def test_deltas_add_up_to_what_was_streamed(pieces: list[str], index: int) -> None:
    reader = ChunkReader(lambda _last, _choices: None, made)
    pairs = chunks_of(reader, *(delta(index, content=piece) for piece in pieces))
    assert "".join(text for _, text in pairs) == "".join(pieces)
    assert {channel for channel, _ in pairs} <= {f"content:{index}"}


def test_a_text_that_is_done_ends_its_channel() -> None:
    events = EventReader(lambda first, _: first)
    place = {"output_index": 1, "content_index": 0}
    delta = {"type": "response.output_text.delta", "delta": "hi", **place}
    done = {"type": "response.output_text.done", "text": "hi", **place}
    ((channel, _),) = events.read(delta)
    assert list(events.ended(delta)) == []
    assert list(events.read(done)) == []
    assert list(events.ended(done)) == [channel]
