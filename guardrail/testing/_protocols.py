"""Which routes of other protocols than OpenAI's the stand-in server answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.testing import _anthropic, _gemini

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from guardrail.testing._records import Reply

    Whole = Callable[[Mapping[str, Any], Reply, int], object]
    Events = Callable[[Mapping[str, Any], Reply, int], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one request is answered; `events` is None where the answer is no stream."""

    error: Callable[[int], Mapping[str, object]]
    whole: Whole
    events: Events | None = None


_ANTHROPIC: Mapping[str, tuple[Whole, Events | None]] = {
    "/v1/messages": (_anthropic.messages, _anthropic.message_events),
    "/v1/complete": (_anthropic.complete, _anthropic.complete_events),
    "/v1/messages/count_tokens": (_anthropic.count_tokens, None),
}
_GEMINI: Mapping[str, Whole] = {
    "generateContent": _gemini.generate,
    "streamGenerateContent": _gemini.generate_array,
    "countTokens": _gemini.count_tokens,
    "embedContent": _gemini.embed,
    "batchEmbedContents": _gemini.embed,
    "predict": _gemini.predict,
    "predictLongRunning": _gemini.operation,
}
_METHOD = re.compile(r"/models/[^/:]+:(\w+)$")


def find(path: str, query: str, asked: object) -> Protocol | None:
    """How a request on `path` is answered; None where no other protocol knows it."""
    if path in _ANTHROPIC:
        whole, events = _ANTHROPIC[path]
        streams = isinstance(asked, dict) and asked.get("stream")
        return Protocol(_anthropic.error, whole, events if streams else None)
    method = _METHOD.search(path)
    if method is None or method[1] not in _GEMINI:
        return None
    streams = method[1] == "streamGenerateContent" and "alt=sse" in query
    return Protocol(_gemini.error, _GEMINI[method[1]], _gemini.generate_events if streams else None)
