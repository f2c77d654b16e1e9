"""The bodies the stand-in server answers with, in the shapes the OpenAI API documents."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from guardrail.testing._records import Reply

_CREATED = 1_700_000_000
_DIMENSIONS = 8


def error(status: int) -> dict[str, object]:
    """Build the body of an HTTP error."""
    kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004  HTTP classes
    text = f"The stand-in server was told to answer {status}."
    return {"error": {"message": text, "type": kind, "param": None, "code": None}}


def models() -> dict[str, object]:
    """List the models."""
    model = {"id": "stand-in", "object": "model", "created": _CREATED, "owned_by": "guardrail"}
    return {"object": "list", "data": [model]}


def chat(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build a chat completion."""
    message: dict[str, object] = {"role": "assistant", "content": reply.whole}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    finish = "stop"
    if reply.tool_call:
        message.update(content=None, tool_calls=[{"id": "call_1", **_function(*reply.tool_call)}])
        finish = "tool_calls"
    choices = [
        {"index": index, "message": message, "finish_reason": finish, "logprobs": None}
        for index in range(int(asked.get("n") or 1))
    ]
    return {**_head(asked, f"chatcmpl-{serial}", "chat.completion"), "choices": choices} | _usage()


def chat_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream a chat completion: each choice's pieces in turn."""
    head = _head(asked, f"chatcmpl-{serial}", "chat.completion.chunk")
    count = int(asked.get("n") or 1)
    for delta in _deltas(reply):
        for index in range(count):
            yield _event({**head, "choices": [_delta(index, delta, None)]})
    finish = "tool_calls" if reply.tool_call else "stop"
    for index in range(count):
        yield _event({**head, "choices": [_delta(index, {}, finish)]})
    yield "data: [DONE]"


def _deltas(reply: Reply) -> Iterator[dict[str, object]]:
    yield {"role": "assistant", "content": ""}
    if reply.reasoning:
        yield {"reasoning_content": reply.reasoning}
    if not reply.tool_call:
        for piece in reply.pieces:
            yield {"content": piece}
        return
    name, arguments = reply.tool_call
    yield {"tool_calls": [{"index": 0, "id": "call_1", **_function(name, "")}]}
    for start in range(0, len(arguments), 8):
        call = {"index": 0, "function": {"arguments": arguments[start : start + 8]}}
        yield {"tool_calls": [call]}


def _delta(index: int, delta: Mapping[str, object], finish: str | None) -> dict[str, object]:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}


def text(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build a legacy completion, one choice for each prompt and each of `n`."""
    prompts = asked.get("prompt")
    count = (len(prompts) if isinstance(prompts, list) else 1) * int(asked.get("n") or 1)
    choices = [_text_choice(index, reply.whole, "stop") for index in range(count)]
    return {**_head(asked, f"cmpl-{serial}", "text_completion"), "choices": choices} | _usage()


def text_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream a legacy completion."""
    head = _head(asked, f"cmpl-{serial}", "text_completion")
    for piece in reply.pieces:
        yield _event({**head, "choices": [_text_choice(0, piece, None)]})
    yield _event({**head, "choices": [_text_choice(0, "", "stop")]})
    yield "data: [DONE]"


def _text_choice(index: int, piece: str, finish: str | None) -> dict[str, object]:
    return {"index": index, "text": piece, "finish_reason": finish, "logprobs": None}


def responses(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build a response of the Responses API."""
    return _response(asked, serial, "completed", [_item(reply)])


def responses_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream the events of a response."""
    created = _response(asked, serial, "in_progress", [])
    events: list[dict[str, object]] = [{"type": "response.created", "response": created}]
    where = {"item_id": "item_1", "output_index": 0}
    if reply.tool_call:
        kind, name, whole = "response.function_call_arguments", "arguments", reply.tool_call[1]
        pieces: tuple[str, ...] = tuple(whole[i : i + 8] for i in range(0, len(whole), 8))
    else:
        kind, name, whole = "response.output_text", "text", reply.whole
        where |= {"content_index": 0}
        pieces = reply.pieces
    added = {"type": "response.output_item.added", "output_index": 0}
    events.append({**added, "item": _item(reply, empty=True)})
    events.extend({"type": f"{kind}.delta", **where, "delta": piece} for piece in pieces)
    events.append({"type": f"{kind}.done", **where, name: whole})
    events.append({"type": "response.completed", "response": responses(asked, reply, serial)})
    for number, event in enumerate(events):
        yield f"event: {event['type']}\n" + _event({**event, "sequence_number": number})


def _item(reply: Reply, *, empty: bool = False) -> dict[str, object]:
    state = "in_progress" if empty else "completed"
    if reply.tool_call:
        name, arguments = reply.tool_call
        return {
            "type": "function_call",
            "id": "item_1",
            "call_id": "call_1",
            "name": name,
            "arguments": "" if empty else arguments,
            "status": state,
        }
    text = {"type": "output_text", "text": reply.whole, "annotations": []}
    return {
        "type": "message",
        "id": "item_1",
        "role": "assistant",
        "status": state,
        "content": [] if empty else [text],
    }


def _response(
    asked: Mapping[str, Any], serial: int, status: str, output: Sequence[object]
) -> dict[str, object]:
    return {
        "id": f"resp_{serial}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "model": asked.get("model", "stand-in"),
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": {
            "input_tokens": 1,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2,
        },
    }


def images(asked: Mapping[str, Any], pictures: Sequence[bytes], origin: str) -> dict[str, object]:
    """Hand out pictures: as URLs where `response_format` asks for them, else base64."""
    if asked.get("response_format") == "url":
        data = [{"url": f"{origin}/pictures/{index}.png"} for index in range(len(pictures))]
    else:
        data = [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures]
    return {"created": _CREATED, "data": data}


def embeddings(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Vectors of eight numbers in [0, 1) taken from a digest of each input."""
    del reply, serial
    given = asked.get("input")
    inputs = given if isinstance(given, list) else [given]
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(asked, json.dumps(item))}
        for index, item in enumerate(inputs)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": data, "model": asked.get("model"), "usage": usage}


def moderations(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Nothing is ever flagged."""
    del reply
    result = {"flagged": False, "categories": {}, "category_scores": {}}
    return {"id": f"modr-{serial}", "model": asked.get("model"), "results": [result]}


def video(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build the job of a film."""
    del reply
    return {
        "id": f"video_{serial}",
        "object": "video",
        "created_at": _CREATED,
        "status": "completed",
        "progress": 100,
        "model": asked.get("model", "stand-in"),
        "prompt": asked.get("prompt"),
        "seconds": str(asked.get("seconds", 4)),
        "size": asked.get("size", "720x1280"),
    }


def items(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """List what a stored response was asked."""
    del asked, serial
    part = {"type": "input_text", "text": reply.whole}
    item = {"type": "message", "id": "item_0", "role": "user", "content": [part]}
    listed = {"object": "list", "data": [item], "has_more": False}
    return {**listed, "first_id": "item_0", "last_id": "item_0"}


def chats(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """List stored chat completions."""
    listed = {"object": "list", "data": [chat(asked, reply, serial)], "has_more": False}
    return {**listed, "first_id": f"chatcmpl-{serial}", "last_id": f"chatcmpl-{serial}"}


def transcript(asked: Mapping[str, Any], reply: Reply) -> tuple[str, bytes]:
    """Write a transcript down in the format asked for."""
    form, said = asked.get("response_format"), reply.whole
    if form == "text":
        return "text/plain; charset=utf-8", f"{said}\n".encode()
    if form in ("srt", "vtt"):
        head = "1\n" if form == "srt" else "WEBVTT\n\n"
        return "text/plain; charset=utf-8", f"{head}00:00:00 --> 00:00:01\n{said}\n".encode()
    body: dict[str, object] = {"text": said}
    if form == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": 1.0, "text": said}
        body |= {"task": "transcribe", "language": "english", "duration": 1.0}
        body |= {"segments": [segment]}
    return "application/json", json.dumps(body).encode()


def transcript_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream a transcript."""
    del asked, serial
    for piece in reply.pieces:
        yield _event({"type": "transcript.text.delta", "delta": piece})
    yield _event({"type": "transcript.text.done", "text": reply.whole})


def speech(asked: Mapping[str, Any], reply: Reply) -> tuple[str, bytes]:
    """Sound a tenth of a second long: silence, whatever was to be said."""
    del asked, reply
    rate, samples = 8_000, bytes(800)
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 836, b"WAVE", b"fmt ", 16, 1, 1, rate, rate, 1, 8
    )
    return "audio/wav", head + struct.pack("<4sI", b"data", len(samples)) + samples


def film(asked: Mapping[str, Any], reply: Reply) -> tuple[str, bytes]:
    """Bytes that begin as a film in MP4 does."""
    del asked, reply
    return "video/mp4", struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 512, b"isom")


def _vector(asked: Mapping[str, Any], item: str) -> list[float] | str:
    digest = hashlib.sha256(item.encode()).digest()
    vector = [byte / 256 for byte in digest[:_DIMENSIONS]]
    if asked.get("encoding_format") == "base64":
        return base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *vector)).decode()
    return vector


def _head(asked: Mapping[str, Any], identity: str, kind: str) -> dict[str, object]:
    model = asked.get("model", "stand-in")
    return {"id": identity, "object": kind, "created": _CREATED, "model": model}


def _function(name: str, arguments: str) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def _usage() -> dict[str, object]:
    return {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}


def _event(body: object) -> str:
    return f"data: {json.dumps(body)}"


REPLIES: Mapping[str, Callable[[Mapping[str, Any], Reply, int], dict[str, object]]] = {
    "chat": chat,
    "text": text,
    "responses": responses,
    "embeddings": embeddings,
    "moderations": moderations,
    "video": video,
    "items": items,
    "chats": chats,
}
FILES: Mapping[str, Callable[[Mapping[str, Any], Reply], tuple[str, bytes]]] = {
    "speech": speech,
    "transcript": transcript,
    "film": film,
}
STREAMS: Mapping[str, Callable[[Mapping[str, Any], Reply, int], Iterator[str]]] = {
    "chat": chat_events,
    "text": text_events,
    "responses": responses_events,
    "transcript": transcript_events,
}
