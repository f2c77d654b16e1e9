"""What the stand-in server answers in the shapes that Google's Gemini API documents."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from guardrail.testing.pictures import neutral_png

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.testing._records import Reply

_STATUSES = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


def error(status: int) -> dict[str, object]:
    """Build the body of an HTTP error."""
    text = f"The stand-in server was told to answer {status}."
    kind = _STATUSES.get(status, "INTERNAL")
    return {"error": {"code": status, "message": text, "status": kind}}


def generate(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build a reply of `generateContent`."""
    del asked
    return _reply(_parts(reply, (reply.whole,)), serial, "STOP")


def generate_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream a reply of `generateContent`."""
    for chunk in generate_array(asked, reply, serial):
        yield f"data: {json.dumps(chunk)}"


def generate_array(asked: Mapping[str, Any], reply: Reply, serial: int) -> list[dict[str, object]]:
    """The chunks of a stream, as a list."""
    del asked
    parts = _parts(reply, reply.pieces)
    last = len(parts) - 1
    return [_reply([p], serial, "STOP" if n == last else None) for n, p in enumerate(parts)]


def predict(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Hand out pictures as Imagen does."""
    del serial
    count = int((asked.get("parameters") or {}).get("sampleCount") or 1)
    pictures = reply.images or (neutral_png(),) * count
    made = [{"bytesBase64Encoded": _base64(one), "mimeType": "image/png"} for one in pictures]
    return {"predictions": made}


def operation(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Begin a film as Veo does."""
    del asked, reply
    return {"name": f"models/veo/operations/{serial}"}


def count_tokens(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Count the tokens of contents: one for each."""
    del reply, serial
    contents = asked.get("contents")
    return {"totalTokens": len(contents) if isinstance(contents, list) else 1}


def embed(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Eight numbers for each text."""
    del reply, serial
    vectors = [{"values": [0.5] * 8} for _ in asked.get("requests") or (asked,)]
    return {"embeddings": vectors, "embedding": vectors[0]}


def _parts(reply: Reply, pieces: tuple[str, ...]) -> list[dict[str, object]]:
    parts: list[dict[str, object]] = []
    if reply.reasoning:
        parts.append({"text": reply.reasoning, "thought": True})
    if reply.tool_call:
        name, given = reply.tool_call
        return [*parts, {"functionCall": {"name": name, "args": json.loads(given)}}]
    parts += [{"text": piece} for piece in pieces]
    for one in reply.images:
        parts.append({"inlineData": {"mimeType": "image/png", "data": _base64(one)}})
    return parts


def _reply(parts: list[dict[str, object]], serial: int, ended: str | None) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if ended:
        candidate["finishReason"] = ended
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    head = {"modelVersion": "stand-in", "responseId": f"r{serial}"}
    return {"candidates": [candidate], "usageMetadata": usage, **head}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
