"""What OpenAI's routes read of a reply: all that a client would see, or nothing is released."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import openai
import pytest

from guardrail.adapters.httpx import GuardTransport
from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.openai import (
    chat,
    completions,
    images,
    responses,
    speech,
    stored,
    transcripts,
    videos,
)
from guardrail.adapters.wire.sse import Event
from guardrail.guard import Guard
from guardrail.records import Outcome, Output
from guardrail.testing import neutral_png
from guardrail.testing.fakes import MemoryLog
from tests.adapters.cases import FREE, only

SAID = "a red boat at sea"
PNG = neutral_png(4, 4)
UNREAD = (ValueError, TypeError)
B64 = base64.b64encode(PNG).decode()


def reply(body: object, kind: str = "application/json") -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(200, (("content-type", kind),), data)


def message(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **fields}}]}


def item(**fields: Any) -> dict[str, Any]:
    return {"id": "r", "output": [fields]}


def texts(output: Output) -> list[str]:
    assert not output.problem
    return [part.text for part in output.parts]


SAYING: list[tuple[Codec, dict[str, Any]]] = [
    (chat.CHAT, message(content=SAID)),
    (chat.CHAT, message(content=None, reasoning=SAID)),
    (chat.CHAT, message(content="x", reasoning_content=SAID)),
    (chat.CHAT, message(content="x", reasoning_details=[{"type": "t", "text": SAID}])),
    (chat.CHAT, message(reasoning_content="x", thinking_blocks=[{"thinking": SAID}])),
    (chat.CHAT, message(annotations=[{"url_citation": {"title": SAID}}])),
    (chat.CHAT, message(audio={"id": "a", "data": "AAAA", "transcript": SAID})),
    (chat.CHAT, message(tool_calls=[{"function": {"name": "f", "arguments": SAID}}])),
    (chat.CHAT, message(tool_calls=[{"function": {"name": "f", "note": SAID}}])),
    (chat.CHAT, message(content=[{"type": "x", "note": SAID}])),
    (chat.CHAT, {"choices": [{"message": {"content": "x"}, "note": SAID}]}),
    (chat.CHAT, {"choices": [], "citations": [SAID]}),
    (completions.COMPLETIONS, {"choices": [{"text": SAID}]}),
    (completions.COMPLETIONS, {"choices": [{"text": "x", "reasoning": SAID}]}),
    (responses.RESPONSES, item(type="message", content=[{"type": "output_text", "text": SAID}])),
    (
        responses.RESPONSES,
        item(type="message", content=[{"text": "x", "annotations": [{"title": SAID}]}]),
    ),
    (responses.RESPONSES, item(type="program_output", result=SAID)),
    (responses.RESPONSES, item(type="apply_patch_call", operation={"diff": SAID})),
    (responses.RESPONSES, item(type="mcp_call", error=SAID)),
    (responses.RESPONSES, item(type="image_generation_call", revised_prompt=SAID)),
    (responses.RESPONSES, {"output": [], "error": {"code": "x", "message": SAID}}),
    (responses.LISTED, {"data": [{"content": [{"text": SAID}]}]}),
    (stored.SEVERAL, {"data": [message(content=SAID)]}),
    (images.GENERATIONS, {"data": [{"b64_json": B64, "revised_prompt": SAID}]}),
    (images.GENERATIONS, {"data": [{"b64_json": B64, "caption": SAID}]}),
    (images.EDITS, {"data": [], "note": SAID}),
    (videos.VIDEOS, {"id": "v", "error": {"message": SAID}}),
    (transcripts.TRANSCRIPTIONS, {"text": "x", "segments": [{"text": SAID}]}),
    (transcripts.TRANSCRIPTIONS, {"text": "x", "words": [{"word": SAID}]}),
]


@pytest.mark.parametrize(("codec", "body"), SAYING)
def test_what_a_reply_says_is_read(codec: Codec, body: dict[str, Any]) -> None:
    assert SAID in texts(codec.output(reply(body)))


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (chat.CHAT, message(images=[{"image_url": {"url": f"data:image/png;base64,{B64}"}}])),
        (responses.RESPONSES, item(type="image_generation_call", result=B64)),
        (images.VARIATIONS, {"data": [{"b64_json": B64}]}),
        (
            responses.LISTED,
            {"data": [{"content": [{"image_url": f"data:image/png;base64,{B64}"}]}]},
        ),
    ],
)
def test_pictures_in_a_reply_are_read(codec: Codec, body: dict[str, Any]) -> None:
    assert [image.data for image in codec.output(reply(body)).images] == [PNG]


def test_a_still_of_a_film_is_a_picture() -> None:
    assert videos.CONTENT.output(reply(PNG, "image/png")).images[0].data == PNG
    assert videos.CONTENT.output(reply(b"film", "video/mp4")) == Output()


CODECS = [
    chat.CHAT,
    completions.COMPLETIONS,
    responses.RESPONSES,
    responses.LISTED,
    stored.SEVERAL,
    images.GENERATIONS,
    videos.VIDEOS,
]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@pytest.mark.parametrize(
    "body", [b"", b"hello", b"[]", b"{}", b'{"id": 1, "id": 2}', b"\xff", b"null"]
)
def test_a_reply_of_another_shape_is_not_read(codec: Codec, body: bytes) -> None:
    with pytest.raises(UNREAD):
        codec.output(reply(body))


def test_a_name_that_stands_twice_in_a_reply() -> None:
    body = b'{"choices": [{"message": {"content": "no"}}], "choices": []}'
    with pytest.raises(ValueError, match="stands twice"):
        chat.CHAT.output(reply(body))


@pytest.mark.parametrize("kind", ["text/html", "video/mp4", "application/pdf", ""])
def test_what_is_neither_sound_nor_transcript(kind: str) -> None:
    with pytest.raises(ValueError, match="no sound"):
        speech.SPEECH.output(reply(b"x", kind))
    with pytest.raises(ValueError, match="no known type"):
        transcripts.TRANSCRIPTIONS.output(reply(b"x", kind.replace("text/html", "")))


def chunk(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta}]}


def pairs(codec: Codec, *bodies: object) -> list[tuple[str, str]]:
    assert codec.reader is not None
    reader = codec.reader()
    return [pair for body in bodies for pair in reader.read(Event(json.dumps(body)))]


def test_unknown_deltas_run_in_channels_of_their_own() -> None:
    chunks = [
        chunk(reasoning=text, reasoning_details=[{"type": "reasoning.text", "text": text}])
        for text in ("a red ", "boat")
    ]
    said: dict[str, str] = {}
    for channel, text in pairs(chat.CHAT, *chunks):
        said[channel] = said.get(channel, "") + text
    assert list(said.values()) == ["a red boat", "a red boat"]


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (chat.CHAT, chunk(reasoning=SAID)),
        (chat.CHAT, chunk(note={"x": {SAID: 1}})),
        (chat.CHAT, chunk(tool_calls=[{"index": 0, "function": {"note": SAID}}])),
        (chat.CHAT, {"error": {"message": SAID}}),
        (chat.CHAT, {"choices": [], "citations": [SAID]}),
        (completions.COMPLETIONS, {"choices": [{"index": 0, "text": "x", "note": SAID}]}),
        (responses.RESPONSES, {"type": "response.new.delta", "delta": SAID}),
        (responses.RESPONSES, {"type": "response.new", "note": {"text": SAID}}),
        (responses.RESPONSES, {"type": "error", "message": SAID}),
        (responses.RESPONSES, {"type": "response.x.added", "annotation": {"title": SAID}}),
        (responses.RESPONSES, {"type": "response.output_item.done", "item": {"note": SAID}}),
        (responses.RESPONSES, {"type": "response.completed", "response": item(result=SAID)}),
        (transcripts.TRANSCRIPTIONS, {"type": "transcript.text.delta", "delta": SAID}),
        (transcripts.TRANSCRIPTIONS, {"type": "transcript.text.segment", "text": SAID}),
        (transcripts.TRANSCRIPTIONS, {"type": "x", "speaker": SAID}),
    ],
)
def test_what_an_event_says_is_read(codec: Codec, body: dict[str, Any]) -> None:
    assert SAID in [text for _, text in pairs(codec, body)]


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (chat.CHAT, []),
        (chat.CHAT, {"x": 1}),
        (chat.CHAT, chunk(content={"text": SAID})),
        (chat.CHAT, chunk(images=[{"image_url": {"url": "data:image/png;base64,AAAA"}}])),
        (chat.CHAT, chunk(picture="data:image/png;base64,AAAA")),
        (chat.CHAT, chunk(audio={"data": "AAAA"})),
        (
            responses.RESPONSES,
            {"type": "response.image_generation_call.partial_image", "partial_image_b64": "AAAA"},
        ),
        (
            responses.RESPONSES,
            {
                "type": "response.output_item.done",
                "item": {"type": "image_generation_call", "result": B64},
            },
        ),
        (
            responses.RESPONSES,
            {
                "type": "response.completed",
                "response": item(type="image_generation_call", result=B64),
            },
        ),
        (responses.RESPONSES, {"type": "response.audio.delta", "delta": "AAAA"}),
        (responses.RESPONSES, {"type": 5}),
        (responses.RESPONSES, {"type": "x.delta", "delta": [SAID]}),
        (transcripts.TRANSCRIPTIONS, {"type": "x", "delta": [SAID]}),
    ],
)
def test_an_event_that_cannot_be_read(codec: Codec, body: object) -> None:
    with pytest.raises(UNREAD):
        pairs(codec, body)


def test_a_text_that_comes_again_is_not_read_twice() -> None:
    said = pairs(
        responses.RESPONSES,
        {"type": "response.output_text.delta", "delta": "a red boat"},
        {"type": "response.output_text.done", "text": "a red boat"},
    )
    assert [text for _, text in said] == ["a red boat"]
    said = pairs(
        transcripts.TRANSCRIPTIONS,
        {"type": "transcript.text.delta", "delta": "a red "},
        {"type": "transcript.text.delta", "delta": "boat"},
        {"type": "transcript.text.done", "text": "a red boat"},
    )
    assert [text for _, text in said] == ["a red ", "boat"]


def guarded(loaded: Guard, log: MemoryLog, body: bytes, kind: str) -> openai.OpenAI:
    """The SDK behind a guard, in front of an upstream that answers with these bytes."""
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    upstream = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": kind}, content=body)
    )
    transport = GuardTransport(guard=guard, caller=FREE, transport=upstream)
    return openai.OpenAI(api_key="k", http_client=httpx.Client(transport=transport))


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.image_generation_call.partial_image", "partial_image_b64": B64},
        {
            "type": "response.output_item.done",
            "item": {"type": "image_generation_call", "result": B64},
        },
    ],
)
def test_a_picture_in_a_stream_of_events_stops_it(
    loaded: Guard, log: MemoryLog, last: dict[str, Any]
) -> None:
    created = {
        "type": "response.created",
        "sequence_number": 4,
        "response": {"id": "r", "output": []},
    }
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in (created, last)).encode()
    with guarded(loaded, log, body, "text/event-stream") as client:
        events: list[Any] = list(client.responses.create(model="m", input="x", stream=True))
    assert [event.type for event in events] == ["response.created", "response.incomplete"]
    assert events[-1].response.incomplete_details.reason == "content_filter"
    assert (events[-1].response.id, events[-1].sequence_number) == ("r", 5)
    assert B64 not in repr(events)
    assert only(log).outcome is Outcome.REFUSED


def test_an_error_in_a_stream_is_an_error_of_the_sdk(loaded: Guard, log: MemoryLog) -> None:
    body = b'data: {"error": {"message": "The engine is busy.", "code": "busy"}}\n\n'
    with guarded(loaded, log, body, "text/event-stream") as client:
        messages: list[Any] = [{"role": "user", "content": "x"}]
        stream = client.chat.completions.create(model="m", messages=messages, stream=True)
        with pytest.raises(openai.APIError, match="The engine is busy"):
            list(stream)


def test_released_bytes_are_the_bytes_received(loaded: Guard, log: MemoryLog) -> None:
    body = b'{ "choices":[ {"message":{"content":"mild \\u00e9","x_new" : [1.50]}}]\n}'
    with guarded(loaded, log, body, "application/json; charset=utf-8") as client:
        messages: list[Any] = [{"role": "user", "content": "x"}]
        raw = client.chat.completions.with_raw_response.create(model="m", messages=messages)
    assert raw.http_response.content == body
