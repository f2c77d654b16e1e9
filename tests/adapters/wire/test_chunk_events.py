"""Chunks of OpenAI's streams: read, cut, ended, and errors told within them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.adapters.wire.openai.chat import CHAT
from guardrail.adapters.wire.openai.events import ChunkEvents
from guardrail.adapters.wire.sse import Event
from guardrail.guard import Guard
from guardrail.records import Request
from guardrail.testing.fakes import MemoryLog

HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
ASK = Request.of("write about a garden in autumn")
HARMLESS = "The garden lies behind the old station. " * 6


def reader() -> ChunkEvents:
    assert CHAT.reader is not None
    made = CHAT.reader()
    assert isinstance(made, ChunkEvents)
    return made


def chunk(*choices: dict[str, Any], **fields: Any) -> Event:
    return Event(json.dumps({**HEAD, "choices": list(choices), **fields}))


def said(delta: dict[str, Any], index: int = 0, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": {"content": []}}


def told(stream: Iterable[Event]) -> tuple[dict[str, str], list[Any]]:
    """What a client puts together of a stream: each channel's text, and the finish reasons."""
    texts: dict[str, str] = {}
    ends: list[Any] = []
    read = reader()
    for event in stream:
        for channel, text in read.read(event):
            texts[channel] = texts.get(channel, "") + text
        if event.data and event.data != "[DONE]":
            choices = json.loads(event.data).get("choices") or ()
            ends += [c["finish_reason"] for c in choices if c["finish_reason"]]
    return texts, ends


@cache
def _guard() -> Guard:
    return Guard(log=MemoryLog())


def guarded(events: Iterable[Event]) -> list[Event]:
    return list(_guard().stream(ASK, lambda: events, reader()))


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"content": "hi"}, [("content:0", "hi")]),
        ({"content": ""}, []),
        ({"role": "assistant", "content": None}, []),
        ({"refusal": "no"}, [("content:0", "no")]),
        ({"reasoning_content": "hm"}, [("reasoning:0", "hm")]),
        ({"reasoning": "hm"}, [("reasoning:0", "hm")]),
        (
            {"reasoning": "a", "reasoning_content": "b"},
            [("reasoning:0", "b"), ("other:0:reasoning", "a")],
        ),
        (
            {"reasoning_details": [{"summary": "hm"}]},
            [("other:0:reasoning_details:0:summary", "hm")],
        ),
        ({"function_call": {"arguments": "{"}}, [("tool:0", "{")]),
        ({"tool_calls": [{"index": 3, "function": {"arguments": "{"}}]}, [("tool:0:3", "{")]),
        ({"tool_calls": [{"index": 1, "custom": {"input": "x"}}]}, [("tool:0:1", "x")]),
        ({"audio": {"transcript": "hi", "id": "a1"}}, [("content:0", "hi")]),
    ],
)
def test_deltas(delta: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert list(reader().read(chunk(said(delta)))) == expected


def test_what_has_no_text_says_nothing() -> None:
    for event in (Event(), Event("[DONE]"), chunk(usage={"total_tokens": 3})):
        assert list(reader().read(event)) == []


@pytest.mark.parametrize("data", ["{", "[]", "1", '"x"', "{}", '{"choices": 3}'])
def test_what_is_no_chunk_cannot_be_read(data: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        reader().read(Event(data))


def test_a_finished_choice_ends_its_channels() -> None:
    read = reader()
    first = chunk(said({"content": "a", "reasoning": "b"}), said({"content": "c"}, 1))
    read.read(first)
    last = chunk(said({}, 0, "stop"))
    read.read(last)
    assert list(read.ended(first)) == []
    assert list(read.ended(last)) == ["content:0", "reasoning:0"]


def test_a_chunk_is_cut_to_its_first_texts() -> None:
    event = chunk(
        said({"role": "assistant", "content": "abc", "reasoning": "de"}, 0, "stop"),
        said({"content": "fg"}, 1),
        usage={"total_tokens": 3},
    )
    read = reader()
    expected = {
        2: {"content:0": "ab"},
        4: {"content:0": "abc", "reasoning:0": "d"},
        6: {"content:0": "abc", "reasoning:0": "de", "content:1": "f"},
    }
    for keep, texts in expected.items():
        head = read.head(event, keep)
        assert head is not None
        assert told([head]) == (texts, [])
        assert "usage" not in json.loads(head.data)
        assert "logprobs" not in head.data
    assert read.head(event, 0) is None


def test_a_tool_call_is_cut_within_its_arguments() -> None:
    call = {"index": 2, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    head = reader().head(chunk(said({"tool_calls": [call]})), 1)
    assert head is not None
    (cut,) = json.loads(head.data)["choices"][0]["delta"]["tool_calls"]
    assert cut == {**call, "function": {"name": "f", "arguments": "{"}}


def test_a_stream_with_usage_comes_through_byte_by_byte() -> None:
    events = [
        chunk(said({"role": "assistant", "content": ""})),
        *(chunk(said({"content": word + " "})) for word in HARMLESS.split()),
        chunk(said({}, 0, "stop")),
        chunk(usage={"total_tokens": 3}),
        Event("[DONE]"),
    ]
    assert b"".join(map(bytes, guarded(events))) == b"".join(map(bytes, events))


def test_an_error_within_a_stream_is_told_in_its_turn() -> None:
    broken = Event(json.dumps({"error": {"message": "The server is overloaded.", "code": 502}}))
    events = [chunk(said({"content": "Hello."})), broken]
    assert guarded(events) == events


def test_an_error_that_says_what_is_forbidden_is_stopped() -> None:
    broken = Event(json.dumps({"error": {"message": "Taylor Swift, nude"}}))
    released = guarded([chunk(said({"content": HARMLESS})), broken])
    texts, ends = told(released)
    assert ends == ["content_filter"]
    assert set(texts) == {"content:0"}
    assert "Swift" not in "".join(map(str, released))


def test_what_is_sent_after_a_choice_has_finished_is_screened_too() -> None:
    events = [
        chunk(said({"content": HARMLESS}, 0, "stop")),
        chunk(said({"content": " Taylor Swift, nude"})),
    ]
    texts, ends = told(guarded(events))
    assert (texts, ends) == ({"content:0": HARMLESS}, ["stop", "content_filter"])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["content", "reasoning", "tool"]))
def test_however_chunks_are_made_a_client_reads_the_same(one: int, other: int, kind: str) -> None:
    text = HARMLESS + "Taylor Swift, nude. " + HARMLESS
    results = []
    for size in (one, other, len(text)):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        results.append(told(guarded([chunk(said(_delta(kind, piece))) for piece in pieces])))
    assert results[0] == results[1] == results[2]
    ((shown,), ends) = results[0][0].values(), results[0][1]
    assert ends == ["content_filter"]
    assert HARMLESS.startswith(shown)
    assert len(shown) > len(HARMLESS) - 140


def _delta(kind: str, text: str) -> dict[str, Any]:
    if kind == "tool":
        return {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
    return {kind: text}
