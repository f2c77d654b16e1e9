"""What the stand-in server answers in the shapes that Anthropic's API documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.testing._records import Reply

_PIECE = 8


def error(status: int) -> dict[str, object]:
    """Build the body of an HTTP error."""
    kind = "api_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004  HTTP classes
    text = f"The stand-in server was told to answer {status}."
    return {"type": "error", "error": {"type": kind, "message": text}}


def messages(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build a message."""
    ended = "tool_use" if reply.tool_call else "end_turn"
    return _message(asked, serial, _blocks(reply), ended)


def message_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream a message, block by block."""
    yield _event("message_start", message=_message(asked, serial, [], None))
    for index, block in enumerate(_blocks(reply)):
        empty = {name: type(item)() for name, item in block.items() if name in _GROWS}
        yield _event("content_block_start", index=index, content_block={**block, **empty})
        for delta in _deltas(block, reply):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ended = {"stop_reason": "tool_use" if reply.tool_call else "end_turn", "stop_sequence": None}
    yield _event("message_delta", delta=ended, usage={"output_tokens": 1})
    yield _event("message_stop")


_GROWS = ("text", "thinking", "input", "signature")


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.reasoning:
        thought = {"type": "thinking", "thinking": reply.reasoning, "signature": "c2lnbmVk"}
        blocks.append(thought)
    if reply.tool_call:
        name, given = reply.tool_call
        call = {"type": "tool_use", "id": "toolu_1", "name": name, "input": json.loads(given)}
        return [*blocks, call]
    return [*blocks, {"type": "text", "text": reply.whole}]


def _deltas(block: Mapping[str, Any], reply: Reply) -> Iterator[Mapping[str, object]]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in reply.pieces)
    elif block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        given = json.dumps(block["input"])
        for start in range(0, len(given), _PIECE):
            yield {"type": "input_json_delta", "partial_json": given[start : start + _PIECE]}


def _message(
    asked: Mapping[str, Any], serial: int, content: object, ended: str | None
) -> dict[str, object]:
    return {
        "id": f"msg_{serial}",
        "type": "message",
        "role": "assistant",
        "model": asked.get("model", "stand-in"),
        "content": content,
        "stop_reason": ended,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def complete(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Build a legacy completion."""
    return _completion(asked, serial, reply.whole, "stop_sequence")


def complete_events(asked: Mapping[str, Any], reply: Reply, serial: int) -> Iterator[str]:
    """Stream a legacy completion."""
    for piece in reply.pieces:
        yield _event("completion", **_completion(asked, serial, piece, None))
    yield _event("completion", **_completion(asked, serial, "", "stop_sequence"))


def _completion(
    asked: Mapping[str, Any], serial: int, text: str, ended: str | None
) -> dict[str, Any]:
    model = asked.get("model", "stand-in")
    head = {"type": "completion", "id": f"compl_{serial}", "model": model}
    return {**head, "completion": text, "stop_reason": ended}


def count_tokens(asked: Mapping[str, Any], reply: Reply, serial: int) -> dict[str, object]:
    """Count the tokens of a message: one for each."""
    del reply, serial
    return {"input_tokens": len(asked.get("messages") or ())}


def _event(kind: str, **fields: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}"
