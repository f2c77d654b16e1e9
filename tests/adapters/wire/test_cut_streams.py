"""Readers of every protocol cut and end: what a stopped stream tells depends on its text alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.adapters.service import Raising, raising
from guardrail.adapters.wire.anthropic.complete import COMPLETE
from guardrail.adapters.wire.anthropic.events import MessageEvents
from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.gemini.events import ContentEvents
from guardrail.adapters.wire.openai.chat import CHAT
from guardrail.adapters.wire.openai.items import ResponseEvents
from guardrail.adapters.wire.openai.transcripts import TRANSCRIPTIONS
from guardrail.adapters.wire.sse import Event, EventParser
from guardrail.guard import Guard
from guardrail.readers import Cutter, Ending, Failing, StreamReader
from guardrail.records import Action, Decision, Outcome, PolicyRef, Request
from guardrail.testing.fakes import MemoryLog

ASK = Request.of("write about a garden in autumn")
HARMLESS = "The garden lies behind the old station. " * 6
TURNED = HARMLESS + "Taylor Swift, nude. " + HARMLESS
STOP = Decision(Action.REFUSE, "r", "real_person_sexual", policy=PolicyRef("p", 1, "0" * 64))
GUARD = Guard(log=MemoryLog())

Make = Callable[[str], Event]
Reader = Callable[[], StreamReader[Event]]


def named(kind: str, **fields: Any) -> Event:
    return Event(json.dumps({"type": kind, **fields}), kind)


def of(codec: Codec) -> Reader:
    assert codec.reader is not None
    return codec.reader


def block(kind: str, name: str) -> Make:
    def make(text: str) -> Event:
        delta = {"type": kind, name: text}
        return named("content_block_delta", index=1, delta=delta)

    return make


def gemini(make: Callable[[str], dict[str, Any]]) -> Make:
    def event(text: str) -> Event:
        content = {"role": "model", "parts": [make(text)]}
        return Event(json.dumps({"candidates": [{"index": 0, "content": content}]}))

    return event


def argument(text: str) -> dict[str, Any]:
    piece = {"jsonPath": "$.prompt", "stringValue": text, "willContinue": True}
    return {"functionCall": {"name": "draw", "partialArgs": [piece]}}


def response(kind: str) -> Make:
    def make(text: str) -> Event:
        place = {"output_index": 0, "content_index": 0, "item_id": "i"}
        return named(f"response.{kind}.delta", delta=text, logprobs=[{"token": text}], **place)

    return make


def mistral(make: Callable[[str], dict[str, Any]]) -> Make:
    def event(text: str) -> Event:
        choice = {"index": 0, "delta": {"content": [make(text)]}, "finish_reason": None}
        return Event(json.dumps({"object": "chat.completion.chunk", "choices": [choice]}))

    return event


def thought(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


@dataclass(frozen=True)
class Way:
    """How one protocol streams one kind of text."""

    name: str
    reader: Reader
    make: Make
    begin: tuple[Event, ...] = ()


BEGIN = (
    named(
        "message_start", message={"id": "m", "model": "m", "usage": {"service_tier": "standard"}}
    ),
    named("content_block_start", index=1, content_block={"type": "text", "text": ""}),
)
CREATED = (named("response.created", response={"id": "r", "output": []}, sequence_number=0),)
WAYS = [
    Way("anthropic text", MessageEvents, block("text_delta", "text"), BEGIN),
    Way("anthropic thought", MessageEvents, block("thinking_delta", "thinking"), BEGIN),
    Way("anthropic input", MessageEvents, block("input_json_delta", "partial_json"), BEGIN),
    Way("anthropic legacy", of(COMPLETE), lambda text: named("completion", completion=text)),
    Way("gemini text", ContentEvents, gemini(lambda text: {"text": text})),
    Way("gemini thought", ContentEvents, gemini(lambda text: {"text": text, "thought": True})),
    Way("gemini argument", ContentEvents, gemini(argument)),
    Way("responses text", ResponseEvents, response("output_text"), CREATED),
    Way("responses refusal", ResponseEvents, response("refusal"), CREATED),
    Way("responses thought", ResponseEvents, response("reasoning_summary_text"), CREATED),
    Way("responses arguments", ResponseEvents, response("function_call_arguments"), CREATED),
    Way("transcript", of(TRANSCRIPTIONS), lambda text: named("transcript.text.delta", delta=text)),
    Way("mistral text", of(CHAT), mistral(lambda text: {"type": "text", "text": text})),
    Way("mistral thought", of(CHAT), mistral(thought)),
]
ways = pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def told(way: Way, released: Iterable[Event]) -> dict[str, str]:
    """What a client puts together of a stream: the text of each channel that goes on."""
    reader, texts = way.reader(), dict[str, str]()
    for event in (one for sent in released for one in EventParser().feed(bytes(sent))):
        pairs = reader.read(event)
        assert isinstance(reader, Ending)
        whole = reader.ended(event) if way.name == "gemini argument" else ()
        for channel, text in pairs:
            if channel not in whole:
                texts[channel] = texts.get(channel, "") + text
    return texts


def guarded(way: Way, text: str, size: int) -> list[Event]:
    events = [*way.begin, *map(way.make, pieces(text, size))]
    return list(GUARD.stream(ASK, lambda: events, way.reader()))


@ways
@settings(max_examples=6, deadline=None)
@given(one=st.integers(1, 40), other=st.integers(20, 400))
def test_however_events_are_made_a_client_is_told_the_same(way: Way, one: int, other: int) -> None:
    results = [told(way, guarded(way, TURNED, size)) for size in (one, other, len(TURNED))]
    assert results[0] == results[1] == results[2]
    shown = max(results[0].values(), key=len)
    assert HARMLESS.startswith(shown)
    assert len(shown) > len(HARMLESS) - 140


@ways
def test_a_stream_that_may_be_shown_is_not_changed(way: Way) -> None:
    events = [*way.begin, *map(way.make, pieces(HARMLESS, 9))]
    assert list(GUARD.stream(ASK, lambda: events, way.reader())) == events


@ways
def test_a_head_tells_what_it_keeps_and_nothing_else(way: Way) -> None:
    reader = way.reader()
    event = way.make("garden")
    list(reader.read(event))
    assert isinstance(reader, Cutter)
    for keep in (1, 5, 6):
        head = reader.head(event, keep)
        assert head is not None
        assert set(told(way, [head]).values()) == {"garden"[:keep]}
        assert ("garden" in head.data) == (keep == 6)
        assert head.name == event.name


@ways
def test_a_reader_within_another_cuts_and_ends_as_it_does(way: Way) -> None:
    reader: Raising[Event] = Raising(way.reader())
    event = way.make("garden")
    list(reader.read(event))
    head = reader.head(event, 3)
    assert head is not None
    assert set(told(way, [head]).values()) == {"gar"}
    assert list(reader.ended(event)) == list(reader.ended(event))
    assert not reader.failed(event)


END = {"index": 0, "finishReason": "STOP"}
ENDS: list[tuple[str, Way, Event, str]] = [
    ("anthropic", WAYS[0], named("content_block_stop", index=1), "content:1"),
    ("gemini", WAYS[4], Event(json.dumps({"candidates": [END]})), "content:0"),
    ("gemini argument", WAYS[6], Event(json.dumps({"candidates": [END]})), "tool:0:$.prompt"),
    (
        "responses",
        WAYS[7],
        named("response.output_text.done", text="garden", output_index=0, content_index=0),
        "content:0:0:0",
    ),
    ("legacy", WAYS[3], named("completion", completion="", stop_reason="stop"), "content:0"),
    ("transcript", WAYS[11], named("transcript.text.done", text="garden"), "content:0"),
]


@pytest.mark.parametrize(("name", "way", "end", "channel"), ENDS, ids=[row[0] for row in ENDS])
def test_a_text_ends_where_its_protocol_says_so(
    name: str, way: Way, end: Event, channel: str
) -> None:
    reader = way.reader()
    event = way.make("garden")
    assert channel in dict(reader.read(event)), name
    assert isinstance(reader, Ending)
    assert channel not in reader.ended(event)
    reader.read(end)
    assert channel in reader.ended(end)


@pytest.mark.parametrize(("name", "way", "end", "channel"), ENDS, ids=[row[0] for row in ENDS])
def test_what_has_ended_holds_nothing_up(name: str, way: Way, end: Event, channel: str) -> None:
    del channel
    events = [way.make("A garden. "), end, *way.begin[:1], Event(), Event()]
    taken = 0

    def model() -> Iterable[Event]:
        nonlocal taken
        for event in events:
            taken += 1
            yield event

    stream = GUARD.stream(ASK, model, way.reader())
    assert next(stream) == events[0], name
    assert taken == 2
    assert list(stream) == events[1:]


ERROR = {"type": "server_error", "code": "overloaded", "message": "The server is overloaded."}
FAILURES: list[tuple[str, Reader, Event]] = [
    ("chat", of(CHAT), Event(json.dumps({"error": ERROR}))),
    ("anthropic", MessageEvents, named("error", error=ERROR)),
    ("anthropic legacy", of(COMPLETE), named("error", error=ERROR)),
    ("gemini", ContentEvents, Event(json.dumps({"error": {**ERROR, "code": 503}}))),
    ("responses error", ResponseEvents, named("error", message="The server is overloaded.")),
    ("responses plain error", ResponseEvents, Event(json.dumps({"error": ERROR}))),
    (
        "responses failed",
        ResponseEvents,
        named("response.failed", response={"status": "failed", "error": ERROR, "output": []}),
    ),
    ("transcript", of(TRANSCRIPTIONS), Event(json.dumps({"error": ERROR}))),
]
failures = pytest.mark.parametrize(
    ("name", "reader", "event"), FAILURES, ids=[row[0] for row in FAILURES]
)


@failures
@pytest.mark.parametrize("hangs_up", [False, True])
def test_an_error_told_within_a_stream_is_handed_on_and_on_record(
    name: str, reader: Reader, event: Event, *, hangs_up: bool
) -> None:
    log = MemoryLog()
    guard = Guard(GUARD.policy, log=log, detectors=GUARD.detectors)
    further = [Event(), Event()] if hangs_up else []
    stream = guard.stream(ASK, lambda: [event, *further], reader())
    assert next(stream) == event, name
    if hangs_up:
        stream.close()
    assert list(stream) == []
    (closed,) = log.closed
    assert (closed.outcome, closed.error) == (Outcome.FAILED, "UpstreamFailed")
    assert closed.output_sha256 == ""


@failures
def test_an_error_that_says_what_is_forbidden_is_stopped(
    name: str, reader: Reader, event: Event
) -> None:
    log = MemoryLog()
    guard = Guard(GUARD.policy, log=log, detectors=GUARD.detectors)
    turned = Event(
        event.data.replace("The server is overloaded.", "Taylor Swift, nude"), event.name
    )
    released = list(guard.stream(ASK, lambda: [turned], reader()))
    assert "Swift" not in repr(released), name
    assert log.closed[0].outcome is Outcome.REFUSED


class Recalling:
    """A reader that only recalls."""

    def __init__(self) -> None:
        self.recalled: list[str] = []

    def read(self, chunk: str) -> Sequence[tuple[str, str]]:
        return [("content:0", chunk)]

    def recall(self, unreleased: Sequence[str], /) -> None:
        self.recalled.extend(unreleased)


def test_a_reader_within_another_is_told_what_was_dropped() -> None:
    reader = Recalling()
    chunks = ["A garden. ", "Taylor Swift, nude"]
    assert len(list(GUARD.stream(ASK, lambda: list(chunks), raising(reader)))) == 1
    assert reader.recalled == chunks
    plain: StreamReader[Any] = raising(reader.read)
    assert not (isinstance(plain, Failing) and plain.failed("A garden. "))
    assert isinstance(plain, Cutter)
    assert plain.head("A garden. ", 3) is None


def test_a_block_that_begins_with_text_is_cut_and_ended() -> None:
    begun = named("content_block_start", index=0, content_block={"type": "text", "text": TURNED})
    released = list(GUARD.stream(ASK, lambda: [BEGIN[0], begun], MessageEvents()))
    events = [one for event in released for one in EventParser().feed(bytes(event))]
    kinds = [json.loads(event.data)["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "content_block_stop"]
    text = json.loads(events[1].data)["content_block"]["text"]
    assert HARMLESS.startswith(text)
    assert len(text) > len(HARMLESS) - 140
    assert STOP.action is Action.REFUSE
